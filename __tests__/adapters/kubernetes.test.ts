import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createClock } from "../../src/adapters/clock.ts";
import { parseKubeconfig } from "../../src/adapters/kubeconfig.ts";
import { createManagementCluster } from "../../src/adapters/kubernetes.ts";
import { at, stringAt } from "../../src/hypershift/json-path.ts";
import type { ManagementCluster } from "../../src/ports.ts";
import type { KubeconfigOptions } from "../fakes/management-cluster/users.ts";
import {
  startManagementCluster,
  type ManagementCluster as EmbeddedCluster,
} from "../fakes/management-cluster/management-cluster.ts";
import { rulesWithAdministrator } from "./management-cluster/embedded.ts";
import { testLimits } from "./scripted-api.ts";
import { rejectedCode, rejection } from "./snapshot-store-contract.ts";

const skewMs = -20 * 60_000;
const aesKey = Buffer.from("0123456789abcdef0123456789abcdef");
const ref = { namespace: "clusters", name: "example" };
const inControlPlane = (name: string) => ({ namespace: "clusters-example", name });
const annotation = "example.test/journal";

let world: EmbeddedCluster;
/** May do what docs/rbac.yaml grants. */
let cluster: ManagementCluster;
let administrator: ManagementCluster;
beforeAll(async () => {
  // Operators that are dead change nothing behind a test's back.
  world = await startManagementCluster({
    aesKey,
    clockSkewMs: skewMs,
    rules: rulesWithAdministrator(),
    switches: { hypershiftOperator: "dead", controlPlaneOperator: "dead" },
  });
  await world.waitUntilReady();
  cluster = await connect();
  administrator = await connect({ user: "administrator" });
});
afterAll(() => world.close());

async function connect(options: KubeconfigOptions = {}): Promise<ManagementCluster> {
  const ignore = (): void => undefined;
  return createManagementCluster(parseKubeconfig(await world.kubeconfig(options), { environment: {} }), {
    clock: createClock(),
    log: { info: ignore, warning: ignore, debug: ignore, group: (_title, run) => run() },
    limits: { ...testLimits, requestTries: 4 },
  });
}

describe("reads", () => {
  it("the server's clock, not this machine's", async () => {
    const before = world.clock.nowMs();
    const timeMs = (await cluster.readServerTime()).getTime();
    expect(timeMs).toBeGreaterThan(before - 1_001);
    expect(timeMs).toBeLessThanOrEqual(world.clock.nowMs());
  });

  it("the end of a token and of a certificate", async () => {
    const in8Hours = world.clock.nowMs() + 8 * 3_600_000;
    for (const auth of ["token", "certificate"] as const) {
      const end = (await connect({ auth })).credentialsExpireAt?.getTime() ?? 0;
      expect(Math.abs(end - in8Hours)).toBeLessThan(120_000);
    }
  });

  it("a HostedCluster and its HostedControlPlane", async () => {
    expect(await cluster.findHostedCluster(ref)).toMatchObject({
      ...ref,
      resourceVersion: stringAt(world.hostedCluster(), "metadata", "resourceVersion"),
      uid: stringAt(world.hostedCluster(), "metadata", "uid"),
      deleting: false,
      etcd: { managementType: "Managed" },
      secretEncryption: { type: "aescbc", activeKey: "example-etcd-encryption-key" },
    });
    expect(await cluster.findHostedControlPlane(inControlPlane("example"))).toMatchObject({
      ...inControlPlane("example"),
      owner: "clusters/example",
    });
  });

  it("a Deployment, a StatefulSet and the pods of one of them", async () => {
    const deployment = await cluster.findDeployment(inControlPlane("kube-apiserver"));
    expect(deployment).toMatchObject({ ...inControlPlane("kube-apiserver"), replicas: 1, readyReplicas: 1 });
    expect(await cluster.findStatefulSet(inControlPlane("etcd"))).toMatchObject({ replicas: 1, readyReplicas: 1 });
    const pods = await cluster.listPods("clusters-example", deployment?.matchLabels ?? {});
    expect(pods).toHaveLength(1);
    expect(pods[0]).toMatchObject({ namespace: "clusters-example", phase: "Running", ready: true, terminating: false });
    expect(pods[0]?.name).toMatch(/^kube-apiserver-/);
  });

  it("a Secret, decoded", async () => {
    expect(await cluster.findSecret({ namespace: "clusters", name: "example-etcd-encryption-key" })).toStrictEqual({
      key: aesKey,
    });
  });

  it("with a client certificate as with a token", async () => {
    expect(await (await connect({ auth: "certificate" })).findHostedCluster(ref)).toMatchObject(ref);
  });

  it("nothing where the object is not there", async () => {
    const gone = inControlPlane("gone");
    const found = await Promise.all([
      administrator.findHostedCluster(gone),
      administrator.findHostedControlPlane(gone),
      administrator.findDeployment(gone),
      administrator.findStatefulSet(gone),
      administrator.findSecret(gone),
    ]);
    expect(found).toStrictEqual([undefined, undefined, undefined, undefined, undefined]);
    expect(await administrator.listPods("clusters-example", { app: "gone" })).toStrictEqual([]);
  });
});

describe("a patch of the HostedCluster", () => {
  it("sets a pause and an annotation, and takes both away", async () => {
    const pausedUntil = "2027-01-02T03:04:05Z";
    const written = await cluster.patchHostedCluster(ref, { pausedUntil, annotations: { [annotation]: "{}" } });
    expect(written).toMatchObject({ pausedUntil, annotations: { [annotation]: "{}" } });
    expect(written.resourceVersion).toBe(stringAt(world.hostedCluster(), "metadata", "resourceVersion"));
    const cleared = await cluster.patchHostedCluster(ref, { pausedUntil: null, annotations: { [annotation]: null } });
    expect(cleared.pausedUntil).toBeUndefined();
    expect(cleared.annotations).not.toHaveProperty([annotation]);
    expect(at(world.hostedCluster(), "spec")).not.toHaveProperty("pausedUntil");
  });

  it("is a merge patch of nothing else, checked strictly, in this action's name", async () => {
    await cluster.patchHostedCluster(ref, { annotations: { [annotation]: null } });
    const sent = world.requests.at(-1);
    expect(sent).toMatchObject({
      verb: "patch",
      contentType: "application/merge-patch+json",
      query: { fieldManager: "hypershift-etcd-backup-action", fieldValidation: "Strict" },
      body: { metadata: { annotations: { [annotation]: null } } },
      userAgent: "hypershift-etcd-backup-action",
    });
    expect(Object.keys(at(sent, "body") ?? {})).toStrictEqual(["metadata"]);
  });

  it("is refused, and changes nothing, with the version of an object that has changed since", async () => {
    const { resourceVersion } = await cluster.patchHostedCluster(ref, { annotations: { [annotation]: "1" } });
    await cluster.patchHostedCluster(ref, { annotations: { [annotation]: "2" } }, { resourceVersion });
    const late = cluster.patchHostedCluster(ref, { annotations: { [annotation]: "3" } }, { resourceVersion });
    expect(await rejectedCode(late)).toBe("hold-conflict");
    expect(at(world.hostedCluster(), "metadata", "annotations", annotation)).toBe("2");
  });

  it("is refused as such when the value is not allowed", async () => {
    const refused = await rejection(cluster.patchHostedCluster(ref, { pausedUntil: "x".repeat(36) }));
    expect(refused.code).toBe("cluster-refused");
    expect(refused.message).toContain("pausedUntil");
  });

  it("changes nothing in a dry run, in which conflicts and refusals are told as well", async () => {
    const before = world.hostedCluster();
    const dryRun = true;
    const written = await cluster.patchHostedCluster(ref, { pausedUntil: "2027-01-02T03:04:05Z" }, { dryRun });
    expect(written.pausedUntil).toBe("2027-01-02T03:04:05Z");
    expect(await rejectedCode(cluster.patchHostedCluster(ref, { pausedUntil: "x".repeat(36) }, { dryRun }))).toBe(
      "cluster-refused",
    );
    const late = cluster.patchHostedCluster(ref, { pausedUntil: null }, { dryRun, resourceVersion: "1" });
    expect(await rejectedCode(late)).toBe("hold-conflict");
    expect(world.hostedCluster()).toStrictEqual(before);
  });

  it("whose answer is lost has been done once, without and with a version", async () => {
    const lost = { match: { verb: "patch", resource: "hostedclusters" }, fault: { kind: "reply-lost" } } as const;
    world.addRequestFault(lost);
    expect((await cluster.patchHostedCluster(ref, { annotations: { [annotation]: "a" } })).annotations).toMatchObject({
      [annotation]: "a",
    });
    const { resourceVersion } = await cluster.patchHostedCluster(ref, { annotations: { [annotation]: "b" } });
    world.addRequestFault(lost);
    // The second try meets the first one's work: whoever sent it reads back who was first.
    const again = cluster.patchHostedCluster(ref, { annotations: { [annotation]: "c" } }, { resourceVersion });
    expect(await rejectedCode(again)).toBe("hold-conflict");
    expect(at(world.hostedCluster(), "metadata", "annotations", annotation)).toBe("c");
  });
});

describe("a scale", () => {
  const target = inControlPlane("openshift-oauth-apiserver");
  const replicas = (): unknown => at(world.deployment(target.name), "spec", "replicas");

  it("sets the wanted replicas, also to those that are there, and after a lost answer", async () => {
    world.addRequestFault({ match: { resource: "deployments/scale" }, fault: { kind: "reply-lost" } });
    for (const wanted of [0, 0, 1]) {
      await cluster.scaleDeployment(target, wanted);
      expect(replicas()).toBe(wanted);
    }
  });

  it("changes nothing in a dry run, nor with an old version", async () => {
    // Pods that still start make versions of their own.
    await world.waitUntilReady(30_000);
    await cluster.scaleDeployment(target, 0, { dryRun: true });
    expect(await rejectedCode(cluster.scaleDeployment(target, 0, { resourceVersion: "1" }))).toBe("hold-conflict");
    expect(replicas()).toBe(1);
    const { resourceVersion = "" } = (await cluster.findDeployment(target)) ?? {};
    await cluster.scaleDeployment(target, 1, { resourceVersion });
    expect(replicas()).toBe(1);
  });

  it("of a deployment that is not there is refused", async () => {
    expect(await rejectedCode(administrator.scaleDeployment(inControlPlane("gone"), 1))).toBe("cluster-refused");
  });
});

describe("a command in a container", () => {
  const pod = { ...inControlPlane("etcd-0"), container: "etcd" };

  it("gives its output, its errors and its exit status", async () => {
    const argv = ["sh", "-c", 'printf "%s|" "$@"; echo oops >&2; exit 3', "x", "a b", "$(id)", ";\n", ""];
    expect(await cluster.exec(pod, argv, { timeoutMs: 20_000 })).toStrictEqual({
      exitCode: 3,
      stdout: Buffer.from("a b|$(id)|;\n||"),
      stderr: "oops\n",
    });
  });

  it("that is not there, or whose container or pod is not there, could not be started", async () => {
    expect(await rejectedCode(cluster.exec(pod, ["no-such-tool"], { timeoutMs: 20_000 }))).toBe("exec-failed");
    const elsewhere = { ...pod, container: "nobody" };
    expect(await rejectedCode(cluster.exec(elsewhere, ["true"], { timeoutMs: 20_000 }))).toBe("exec-failed");
  });
});
