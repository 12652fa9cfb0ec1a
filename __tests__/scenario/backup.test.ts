import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { Ajv2020 } from "ajv/dist/2020.js";
import { beforeAll, describe, expect, test } from "vitest";
import { aesKeyName, decryptSecret } from "../world/etcd/fill.ts";
import type { StepResult } from "../world/runner/step.ts";
import { findUnsettled } from "../world/settled.ts";
import type { World } from "../world/world.ts";
import { titlesOf } from "./refusal.ts";
import { countsIn, restoreStored } from "./restored.ts";
import { shareScenario, startScenario } from "./scenario.ts";

const schemaFile = new URL("../../docs/record.schema.json", import.meta.url);
const isRecord = new Ajv2020().compile(JSON.parse(readFileSync(schemaFile, "utf8")) as object);

/** What each writer wrote last before its last pod was gone for the first time, and the revision of the last of them. */
function lastWrites(world: World): { readonly counts: Readonly<Record<string, number>>; readonly revision: number } {
  const writes = Object.entries(world.cluster.lastWrites).flatMap(([writer, [last]]) =>
    last ? [{ writer, ...last }] : [],
  );
  return {
    counts: Object.fromEntries(writes.map(({ writer, count }) => [writer, count])),
    revision: Math.max(...writes.map(({ revision }) => revision)),
  };
}

function sha256Of(bytes: Buffer): string {
  return createHash("sha256").update(bytes).digest("hex");
}

describe("one backup into a bucket with versions", () => {
  const scenario = shareScenario({ versioning: true });
  let result: StepResult;
  beforeAll(async () => {
    result = await scenario().run(scenario().backupInputs());
  });

  test("A backup says what it does phase by phase, and first whether the API servers are back", async () => {
    const world = scenario();
    expect(result.outcome).toBe("success");
    expect(result.post?.outcome).toBe("success");
    const headings = result.lines.filter(({ kind, origin }) => kind === "group" && origin === "stdout");
    expect(headings.map(({ shown }) => /\w+/.exec(shown ?? "")?.[0])).toEqual([
      "Preflight",
      "Hold",
      "Hold",
      "Capture",
      "Capture",
      "Transfer",
      "Proof",
      "Members",
      "Record",
      "History",
    ]);
    // Nobody seals the key in this workflow.
    expect(result.annotations).toMatchObject([
      { level: "warning", message: expect.stringMatching(/^save the key of Secret clusters\/example-etcd-/) as string },
    ]);
    expect(result.summary).toMatch(
      /<table><tr><th>API servers<\/th><td>back<\/td><\/tr><tr><th>Save the key<\/th><td>.*<pre>umask 077\noc get secret /,
    );
    expect(await findUnsettled(world, result)).toEqual([]);
  });

  test("Outputs and record describe the stored snapshot", async () => {
    const world = scenario();
    const { outputs } = result;
    const [snapshotKey = "", recordKey = "", ...others] = world.objectKeys();
    expect(snapshotKey).toMatch(/^etcd\/nightly\/clusters\/example\/\d{8}T\d{6}Z-[0-9a-f]{8}\.db$/);
    expect(others).toEqual([]);
    const bytes = await world.store.readObject(world.bucket, snapshotKey);
    const sha256 = sha256Of(bytes);
    expect(outputs).toMatchObject({
      "snapshot-uri": `s3://${world.bucket}/${snapshotKey}`,
      "record-uri": `s3://${world.bucket}/${recordKey}`,
      "snapshot-sha256": sha256,
      "snapshot-size-bytes": String(bytes.length),
      "snapshot-revision": String(lastWrites(world).revision),
      "encryption-key-secret-name": "example-etcd-encryption-key",
      "etcd-version": (await world.cluster.etcd[0].client.status()).version,
      recovered: "false",
    });

    const record = await world.readRecord(outputs["record-uri"] ?? "");
    expect(isRecord(record)).toBe(true);
    const [object] = world.store.objects(world.bucket);
    expect(object?.metadata).toMatchObject({ nonce: record.nonce, revision: outputs["snapshot-revision"] });
    const key = { name: aesKeyName(world.cluster.aesKey), sha256: sha256Of(world.cluster.aesKey), role: "active" };
    expect(record).toMatchObject({
      run: { repository: "example/clusters", workflow: "backup", runId: "7001", runAttempt: "1" },
      hostedCluster: { namespace: "clusters", name: "example", controlPlaneNamespace: "clusters-example" },
      quiesced: true,
      apiDowntimeSeconds: Number(outputs["api-downtime-seconds"]),
      snapshots: [{ uri: outputs["snapshot-uri"], versionId: object?.versionId, sizeBytes: bytes.length, sha256 }],
      encryption: { type: "aescbc", secretName: "example-etcd-encryption-key", keys: [key] },
      proofs: { trailer: true, readBack: true },
    });
  });

  test("The snapshot holds the last acknowledged write of every writer, and nothing later", async () => {
    const world = scenario();
    const restored = await restoreStored(world, result);
    const { counts, revision } = lastWrites(world);
    expect(Object.keys(counts)).toHaveLength(3);
    expect(await countsIn(restored)).toEqual(counts);
    expect(restored.snapshot.revision).toBe(revision);
    for (const [key, plain] of world.cluster.filled.secrets) {
      const stored = await restored.client.get(key);
      expect(decryptSecret(stored?.value ?? Buffer.alloc(0), world.cluster.aesKey)).toEqual(plain);
    }
  });
});

test("API servers start while a slow save goes on, and what they write then is not in the snapshot", async () => {
  const world = await startScenario();
  const databaseBytes = world.cluster.container().databaseBytes();
  const writeAgain = (): boolean =>
    Object.entries(world.cluster.lastWrites).some(
      ([writer, [last]]) => last !== undefined && (world.cluster.acknowledged[writer]?.length ?? 0) > last.count,
    );
  let wroteDuringSave = false;
  // The stream stands still until the API servers have written again.
  world.cluster.set({
    saveBytesPerSecond: (sentBytes) => (sentBytes < 0.9 * databaseBytes || wroteDuringSave ? Infinity : 0),
  });
  world.cluster.onRequest(() => {
    wroteDuringSave ||= writeAgain() && world.podFiles().some((file) => file.endsWith(".part"));
  });
  const result = await world.run(world.backupInputs());
  expect(wroteDuringSave).toBe(true);
  const restored = await restoreStored(world, result);
  const { counts, revision } = lastWrites(world);
  expect(await countsIn(restored)).toEqual(counts);
  expect(restored.snapshot.revision).toBe(revision);
  expect(await findUnsettled(world, result)).toEqual([]);
});

test("A hosted cluster with three members and three replicas is put back as it was", async () => {
  const world = await startScenario({ cluster: { availabilityPolicy: "HighlyAvailable", etcdMembers: 3 } });
  const result = await world.run(world.backupInputs());
  expect(result.outcome).toBe("success");
  expect(await findUnsettled(world, result)).toEqual([]);
  expect(world.initial.replicas).toEqual({
    "kube-apiserver": 3,
    "openshift-apiserver": 3,
    "openshift-oauth-apiserver": 3,
  });
  const record = await world.readRecord(result.outputs["record-uri"] ?? "");
  expect(record.members.map(({ name }) => name).toSorted()).toEqual(["etcd-0", "etcd-1", "etcd-2"]);
  const captured = world.cluster.etcd.find(({ name }) => name === record.snapshots[0]?.member.name);
  expect((await captured?.client.status())?.leader).toBe(false);
});

test("A hosted cluster without openshift-oauth-apiserver is backed up", async () => {
  const world = await startScenario({ cluster: { absentWriters: ["openshift-oauth-apiserver"] } });
  const result = await world.run(world.backupInputs());
  expect(result.outcome).toBe("success");
  expect(await findUnsettled(world, result)).toEqual([]);
});

test("A byte that turns in the store is found by the read-back, and the object is no backup", async () => {
  const world = await startScenario();
  world.store.faults.add({
    on: "CompleteMultipartUpload",
    // The first one is preflight's, of a part that was never sent.
    nth: 2,
    times: 1,
    action: { kind: "flip-byte", offset: 5000 },
  });
  const result = await world.run(world.backupInputs());
  expect(titlesOf(result)).toEqual(["proof-failed"]);
  expect(result.exitCode).toBe(1);
  expect(world.objectKeys()).toEqual([]);
  expect(result.outputs).not.toHaveProperty("snapshot-uri");
  expect(await findUnsettled(world, result)).toEqual([]);
});
