import { describe, expect, test } from "vitest";
import { createDelivery, renderInput } from "../../../src/drill/delivery.ts";
import { entryCommand, parseProgress } from "../../../src/drill/entry-script.ts";
import type { LivingCluster } from "../../../src/drill/living-cluster.ts";
import { renderPod } from "../../../src/drill/pod-manifest.ts";
import { parsePodTemplate } from "../../../src/hypershift/pod-template.ts";
import { restoreScriptOf, restoreToolOf } from "../../../src/hypershift/restore-script.ts";
import { findRelease } from "../../../src/hypershift/release.ts";

const template = parsePodTemplate({
  spec: {
    priorityClassName: "hypershift-etcd",
    serviceAccountName: "etcd",
    nodeSelector: { "node-role.kubernetes.io/infra": "" },
    tolerations: [
      { key: "hypershift.openshift.io/control-plane", operator: "Equal", value: "true", effect: "NoSchedule" },
    ],
    securityContext: { runAsUser: 1001, fsGroup: 1001 },
    containers: [{ name: "etcd", image: "registry.example/etcd" }],
  },
});
const living: LivingCluster = {
  controlPlane: "clusters-example",
  releaseVersion: "4.20.0",
  etcd: template,
  etcdImage: "registry.example/etcd",
  apiServer: { image: "registry.example/hyperkube", program: ["hyperkube", "kube-apiserver"] },
  script: "plain",
  plainTool: "etcdctl",
};
const terms = {
  namespace: "etcd-restore-drill",
  nonce: "0".repeat(32),
  deadline: new Date("2026-11-29T04:15:00Z"),
  timeoutMs: 900_000,
  snapshotBytes: 512 * 1024 * 1024,
  scripts: ["plain"],
} as const;

describe("the pod of a drill", () => {
  const { metadata, spec } = renderPod(living, terms);

  test("is what PodSecurity restricted takes, without a token and without a priority", () => {
    expect(metadata).toMatchObject({ name: "restore-drill", namespace: "etcd-restore-drill" });
    expect(spec).toMatchObject({
      automountServiceAccountToken: false,
      restartPolicy: "Never",
      activeDeadlineSeconds: 900,
      securityContext: {
        runAsNonRoot: true,
        runAsUser: 1001,
        fsGroup: 1001,
        seccompProfile: { type: "RuntimeDefault" },
      },
    });
    expect(JSON.stringify(spec)).not.toContain("priorityClassName");
    for (const { securityContext } of spec.containers)
      expect(securityContext).toEqual({
        allowPrivilegeEscalation: false,
        readOnlyRootFilesystem: true,
        capabilities: { drop: ["ALL"] },
      });
    expect(spec.volumes.every(({ emptyDir }) => emptyDir.sizeLimit !== "")).toBe(true);
  });

  test("goes where etcd may run, and prefers a node without a member", () => {
    expect(spec.nodeSelector).toEqual({ "node-role.kubernetes.io/infra": "" });
    expect(spec.tolerations).toEqual(template.tolerations);
    const [preference] = spec.affinity.podAntiAffinity.preferredDuringSchedulingIgnoredDuringExecution;
    expect(preference?.podAffinityTerm).toMatchObject({
      namespaces: ["clusters-example"],
      labelSelector: { matchLabels: { app: "etcd" } },
    });
  });

  test("asks for the disk of two snapshots and 1 GiB, and gets no more", () => {
    const { requests, limits } = spec.containers.find(({ name }) => name === "etcd")?.resources ?? {
      requests: {},
      limits: {},
    };
    expect([requests["ephemeral-storage"], limits["ephemeral-storage"]]).toEqual(["2048Mi", "2048Mi"]);
  });

  test("has no user where the StatefulSet names none, as on OpenShift", () => {
    const onOpenShift = { ...living, etcd: { ...template, user: {} } };
    expect(renderPod(onOpenShift, terms).spec.securityContext).not.toHaveProperty("runAsUser");
  });
});

test("what is secret goes in by standard input, each file on a line, and the last line says so", () => {
  const key = Buffer.alloc(32, 7);
  const url = 'https://store.example/b/a.db?X-Amz-Signature=a"b';
  const delivery = createDelivery({ url, keys: [key], resources: ["configmaps"] });
  expect(delivery.files["url"]).toBe('url = "https://store.example/b/a.db?X-Amz-Signature=a%22b"\n');
  expect(JSON.parse(delivery.files["encryption.json"] ?? "")).toMatchObject({
    resources: [
      {
        resources: ["secrets", "configmaps"],
        providers: [{ aescbc: { keys: [{ secret: key.toString("base64") }] } }, { identity: {} }],
      },
    ],
  });
  const lines = renderInput(delivery).toString().split("\n");
  expect(lines.slice(-2)).toEqual([". .", ""]);
  expect(lines).toHaveLength(Object.keys(delivery.files).length + 2);
  // Every cluster and webhook of the snapshot is behind a socket that nobody listens on.
  const egress = JSON.parse(delivery.files["egress.json"] ?? "") as { egressSelections: { name: string }[] };
  expect(egress.egressSelections.map(({ name }) => name)).toEqual(["cluster", "controlplane"]);
});

describe("the steps of the pod", () => {
  test("are read line by line, whole ones of known steps", () => {
    const output =
      "1000 ready\n1001 fetching\n1500 restoring plain\nnoise\n1501 restoring other\n1900 starting plain\n2100 answers pl";
    expect(parseProgress(output)).toEqual([
      { step: "ready", atMs: 1000 },
      { step: "fetching", atMs: 1001 },
      { step: "restoring", script: "plain", atMs: 1500 },
      { step: "starting", script: "plain", atMs: 1900 },
    ]);
  });

  test.each([
    ["failed curl 60 ", { kind: "curl", exitCode: 60 }],
    ["failed http 403 expired ", { kind: "http", status: 403, expired: true }],
    ["failed http 403 refused ", { kind: "http", status: 403, expired: false }],
    [
      "failed restore 1 expected sha256 [1], got [2]",
      { kind: "restore", exitCode: 1, text: "expected sha256 [1], got [2]" },
    ],
    ["failed delivery 0 ", { kind: "delivery" }],
  ])("%s", (line, failure) => {
    expect(parseProgress(`5 ${line}\n`)).toEqual([{ step: "failed", atMs: 5, failure }]);
  });
});

describe("how the release restores", () => {
  const of = (version: string | undefined) => findRelease(version);
  const withInit = parsePodTemplate({
    spec: {
      initContainers: [{ name: "etcd-init", command: ["/bin/sh", "-ce", "etcdutl … --bump-revision 1000000000"] }],
    },
  });
  test.each([
    ["4.20.3", "plain", "etcdctl"],
    ["4.21.0", "plain", "etcdctl"],
    ["4.22.0", "plain", "newest"],
    ["5.1.0", "bumped", "newest"],
    [undefined, "plain", "newest"],
  ])("%s: %s, by %s", (version, script, tool) => {
    expect([restoreScriptOf(template, of(version)), restoreToolOf(of(version))]).toEqual([script, tool]);
  });

  test("a StatefulSet that was restored says it itself", () => {
    expect(restoreScriptOf(withInit, of("4.20.3"))).toBe("bumped");
  });

  test("the pod is told the tool, the member and the token", () => {
    expect(entryCommand(["bumped", "plain"], living).slice(3)).toEqual([
      ...["course", "/drill/shared", "/drill/work", "etcd-0"],
      ...["https://etcd-0.etcd-discovery.clusters-example.svc:2380", "clusters-example", "etcdctl", "bumped", "plain"],
    ]);
  });
});
