import { existsSync, readFileSync } from "node:fs";
import path from "node:path";
import { describe, expect, test } from "vitest";
import type { Finding } from "../../../src/restore/findings.ts";
import { parseManifest } from "../../../src/restore/manifest.ts";
import { checkStart } from "../../../src/restore/start-guards.ts";
import { readTargetCluster } from "../../../src/restore/target-cluster.ts";
import { refusalsOf, warningsOf } from "./expectations.ts";
import { buildCluster, buildManifest, buildSecret } from "./manifest-builder.ts";

function check(manifest: string): readonly Finding[] {
  const documents = parseManifest(Buffer.from(manifest));
  return checkStart({ documents, target: readTargetCluster(documents) });
}

const withMetadata = (...lines: readonly string[]): string =>
  buildCluster().replace("metadata:\n", `metadata:\n${lines.map((line) => `  ${line}\n`).join("")}`);

describe("a manifest that keeps the new cluster from starting is refused", () => {
  test.each(["true", '"true"', '"2099-01-01T00:00:00Z"', '"2099-01-01T00:00:00+24:00"', "1", "false", "x"])(
    "paused until %s",
    (value) => {
      expect(refusalsOf(check(buildCluster({ spec: [`  pausedUntil: ${value}`] })))).toEqual(["manifest-unsuitable"]);
    },
  );

  test.each([
    "uid: c0ffee00-0000-4000-8000-000000000000",
    'resourceVersion: "4711"',
    "generation: 3",
    'creationTimestamp: "2026-01-01T00:00:00Z"',
    'deletionTimestamp: "2026-01-01T00:00:00Z"',
    "ownerReferences: []",
    "finalizers: [hypershift.openshift.io/finalizer]",
    "managedFields: []",
    "annotations: {hypershift-etcd-backup-action/journal: '{}'}",
  ])("exported with %s", (line) => {
    expect(refusalsOf(check(withMetadata(line)))).toEqual(["manifest-unsuitable"]);
  });

  test("a Secret that was exported", () => {
    const secret = buildSecret().replace("metadata:\n", "metadata:\n  resourceVersion: '1'\n");
    expect(refusalsOf(check(buildManifest({ secret })))).toEqual(["manifest-unsuitable"]);
  });
});

test.each(["creationTimestamp: null", "uid:", "annotations: {}"])(
  "%s, as renderers print it, is not an export",
  (line) => {
    expect(refusalsOf(check(withMetadata(line)))).toEqual([]);
  },
);

test.each(["  pausedUntil:", '  pausedUntil: ""', "  pausedUntil: null"])("%s is not a pause", (line) => {
  expect(refusalsOf(check(buildCluster({ spec: [line] })))).toEqual([]);
});

describe("told, and not refused", () => {
  test("a paused NodePool", () => {
    const pool = "kind: NodePool\napiVersion: hypershift.openshift.io/v1beta1\nspec: {pausedUntil: 'true'}\n";
    expect(warningsOf(check(`${buildCluster()}---\n${pool}`))).toEqual(["spec.pausedUntil of NodePool"]);
  });

  test("the annotation restored-from-backup, which deletes volumes", () => {
    const annotated = withMetadata("annotations: {hypershift.openshift.io/restored-from-backup: ''}");
    expect(warningsOf(check(annotated))).toContain("hypershift.openshift.io/restored-from-backup");
  });

  test("Secrets that --render leaves out", () => {
    const spec = ["  pullSecret: {name: pull}"];
    const manifest = buildCluster({ spec }).replace("  sshKey: {}", "  sshKey: {name: ssh}");
    expect(warningsOf(check(manifest))).toEqual(["spec.pullSecret", "spec.sshKey"]);
    const pull = buildSecret([]).replace("tenant-etcd-encryption-key", "pull");
    expect(warningsOf(check(`${manifest}---\n${pull}`))).toEqual(["spec.sshKey"]);
    const ofOtherApi = pull.replace("apiVersion: v1", "apiVersion: a.example/v1");
    expect(warningsOf(check(`${manifest}---\n${ofOtherApi}`))).toEqual(["spec.pullSecret", "spec.sshKey"]);
  });
});

const exported = path.join(
  import.meta.dirname,
  "../../../../shared/findings/inputs/hostedcluster-exported-while-paused.yaml",
);
test.runIf(existsSync(exported))("a cluster that was exported while it was paused is refused for both", () => {
  expect(refusalsOf(check(readFileSync(exported, "utf8")))).toEqual(["manifest-unsuitable", "manifest-unsuitable"]);
});
