import { randomBytes } from "node:crypto";
import { readFileSync, utimesSync, writeFileSync } from "node:fs";
import https from "node:https";
import { CreateMultipartUploadCommand, S3Client } from "@aws-sdk/client-s3";
import { expect, onTestFinished, test } from "vitest";
import { snapshotFile } from "../../src/pod/save.ts";
import { journalAnnotation } from "../../src/hold/journal.ts";
import { clusterFolder, snapshotKey } from "../../src/snapshots/location.ts";
import { rulesFromYaml } from "../world/management-cluster/rbac.ts";
import type { World } from "../world/world.ts";
import { runInProcess } from "./in-process.ts";
import { isChange } from "./requests.ts";
import { startScenario } from "./scenario.ts";

const hours = 3_600_000;
const cluster = { prefix: "etcd/nightly", namespace: "clusters", name: "example" };
const other = { ...cluster, name: "example2" };
const newNonce = (): string => randomBytes(16).toString("hex");

const days = 24 * hours;
/** How far the clock of the management cluster, by which ages are told, is ahead of the store's. */
const aheadMs = 3 * hours;
const keyOf = (acquiredMs: number, nonce: string, of = cluster): string =>
  snapshotKey({ ...of, acquired: new Date(acquiredMs), nonce });

function leaveFile(world: World, path: string, ageMs: number): void {
  const file = world.cluster.container().pathOf(path);
  writeFileSync(file, "half of a snapshot");
  utimesSync(file, (Date.now() - ageMs) / 1000, (Date.now() - ageMs) / 1000);
}

async function leaveUpload(world: World, key: string): Promise<void> {
  const ca = readFileSync(world.env["NODE_EXTRA_CA_CERTS"] ?? "");
  const client = new S3Client({
    endpoint: world.store.endpoint,
    region: "eu-central-1",
    forcePathStyle: true,
    requestHandler: { httpsAgent: new https.Agent({ ca }) },
    credentials: world.account,
  });
  onTestFinished(() => {
    client.destroy();
  });
  await client.send(new CreateMultipartUploadCommand({ Bucket: world.bucket, Key: key }));
}

async function leaveObject(world: World, key: string, nonce: string | undefined, ageMs = 8 * days): Promise<void> {
  const modifiedMs = world.cluster.clock.nowMs() - ageMs;
  const metadata = nonce === undefined ? {} : { nonce };
  await world.store.seedObject(world.bucket, key, "a snapshot", { metadata, modifiedMs });
}

test("Of what no journal names only that is removed which is old, never recorded and of a run's own form", async () => {
  const world = await startScenario();
  world.cluster.clock.advance(aheadMs);
  const nonces = Array.from({ length: 12 }, newNonce);
  const nonce = (index: number): string => nonces[index] ?? "";
  const nowMs = world.cluster.clock.nowMs();
  const key = (index: number, ageMs = 4 * hours, of = cluster): string => keyOf(nowMs - ageMs, nonce(index), of);

  leaveFile(world, snapshotFile(nonce(0), 1), 3 * hours);
  leaveFile(world, `${snapshotFile(nonce(0), 1)}.rc`, 3 * hours);
  leaveFile(world, `${snapshotFile(nonce(1), 1)}.part`, 1 * hours);
  leaveFile(world, "/var/lib/snapshot-by-hand.db", 9 * hours);

  const old = (index: number, of = cluster): string => key(index, 9 * days, of);
  await leaveObject(world, old(0), nonce(0));
  await leaveObject(world, old(11).replace(/\.db$/, "-etcd-0.db"), nonce(11));
  await leaveUpload(world, key(1));
  const recordOf2 = old(2).replace(/db$/, "json");
  const stay = [old(2), recordOf2, old(3), old(4), key(5, 6 * days), old(6)];
  await leaveObject(world, old(2), nonce(2));
  await leaveObject(world, recordOf2, nonce(2));
  await leaveObject(world, old(3), nonce(4));
  await leaveObject(world, old(4), undefined);
  await leaveObject(world, key(5, 6 * days), nonce(5));
  await leaveObject(world, old(6), nonce(6), 6 * days);
  const foreign = [`${clusterFolder(cluster)}by-hand.db`, old(7, other)];
  for (const name of foreign) await leaveObject(world, name, nonce(7));
  const open = [key(9, hours), `${clusterFolder(cluster)}by-hand.db`, key(10, 4 * hours, other)];
  for (const name of open) await leaveUpload(world, name);

  const result = await world.run(world.recoverInputs());
  expect(result.outcome).toBe("success");
  expect(result.outputs).toEqual({ recovered: "true" });
  expect(world.podFiles().toSorted()).toEqual(
    [`etcd-0/${snapshotFile(nonce(1), 1).slice("/var/lib/".length)}.part`, "etcd-0/snapshot-by-hand.db"].toSorted(),
  );
  expect(world.objectKeys()).toEqual([...stay, ...foreign].toSorted());
  expect(
    world.store
      .openUploads(world.bucket)
      .map((upload) => upload.key)
      .toSorted(),
  ).toEqual(open.toSorted());
  expect(world.cluster.requests.filter(isChange).map(({ resource }) => resource)).toEqual(
    world.cluster.requests.filter(isChange).map(() => "pods/exec"),
  );

  const again = await runInProcess(world, world.recoverInputs());
  expect(again.outputs).toEqual({ recovered: "false" });
});

test("What a live run has made is not old, whatever its age", async () => {
  const world = await startScenario();
  world.cluster.clock.advance(aheadMs);
  const nonce = newNonce();
  const journal = {
    v: 1,
    nonce,
    run: { repository: "", runId: "", runAttempt: "", url: "" },
    acquired: world.cluster.clock.timestamp(-4 * hours),
    deadline: world.cluster.clock.timestamp(600_000),
    phase: "transfer",
    original: { pausedUntil: null, replicas: {} },
    members: ["etcd-0"],
  };
  const annotations = { [journalAnnotation]: JSON.stringify(journal) };
  world.cluster.patch("hostedclusters", "clusters", "example", { metadata: { annotations } });
  leaveFile(world, snapshotFile(nonce, 1), 4 * hours);
  const key = keyOf(world.cluster.clock.nowMs() - 9 * days, nonce);
  await leaveUpload(world, key);
  await leaveObject(world, key, nonce);
  const result = await runInProcess(world, world.recoverInputs());
  expect(result.outputs).toEqual({ recovered: "false" });
  expect(world.podFiles()).toHaveLength(1);
  expect(world.objectKeys()).toHaveLength(1);
  expect(world.store.openUploads(world.bucket)).toHaveLength(1);
});

test.each([
  ["that never had a record is hidden", true],
  ["whose record somebody removed is left, and told", false],
])("In a bucket with versions no version is deleted: a snapshot %s", async (_, isNeverRecorded) => {
  const world = await startScenario({ versioning: true });
  world.cluster.clock.advance(aheadMs);
  const nonce = newNonce();
  const key = keyOf(world.cluster.clock.nowMs() - 9 * days, nonce);
  await leaveObject(world, key, nonce);
  if (!isNeverRecorded) {
    await leaveObject(world, key.replace(/db$/, "json"), nonce);
    world.store.removeObject(world.bucket, key.replace(/db$/, "json"));
  }
  const result = await world.run(world.recoverInputs());
  expect(result.outcome).toBe("success");
  expect(result.annotations).toMatchObject([{ level: "warning", message: expect.stringContaining(key) as string }]);
  expect(world.objectKeys()).toEqual(isNeverRecorded ? [] : [key]);
  expect(world.store.versions(world.bucket, key)).toHaveLength(isNeverRecorded ? 2 : 1);
});

test("Where versions may not be listed nothing of another run is removed", async () => {
  const world = await startScenario();
  world.cluster.clock.advance(aheadMs);
  const nonce = newNonce();
  const key = keyOf(world.cluster.clock.nowMs() - 9 * days, nonce);
  await leaveObject(world, key, nonce);
  world.store.accounts.set(world.account.accessKeyId, {
    ...world.account,
    actions: ["s3:GetObject", "s3:DeleteObject", "s3:ListBucket", "s3:ListBucketMultipartUploads"],
  });
  const result = await runInProcess(world, world.recoverInputs());
  expect(result.outcome).toBe("success");
  expect(result.outputs).toEqual({ recovered: "false" });
  expect(result.annotations).toMatchObject([{ level: "warning", message: expect.stringContaining(key) as string }]);
  expect(world.objectKeys()).toEqual([key]);
});

test("What cannot be removed makes the recovery red, and everything else is done", async () => {
  const world = await startScenario();
  world.cluster.clock.advance(aheadMs);
  const [one, two] = [newNonce(), newNonce()];
  leaveFile(world, snapshotFile(one, 1), 3 * hours);
  await leaveObject(world, keyOf(world.cluster.clock.nowMs() - 9 * days, two), two);
  world.store.accounts.set(world.account.accessKeyId, {
    ...world.account,
    actions: ["s3:GetObject", "s3:ListBucket", "s3:ListBucketMultipartUploads", "s3:ListBucketVersions"],
  });
  const result = await world.run(world.recoverInputs());
  expect(result.exitCode).toBe(1);
  expect(result.outputs).toEqual({ recovered: "true", "error-code": "store-access-denied" });
  expect(result.annotations).toMatchObject([
    { level: "warning", message: expect.stringContaining("never had a record") as string },
    { level: "error", title: "store-access-denied" },
  ]);
  expect(result.summary).toContain("s3:DeleteObject is denied");
  expect(world.podFiles()).toEqual([]);
  expect(world.objectKeys()).toHaveLength(1);
});

test("A hosted cluster whose control plane belongs to another one is refused", async () => {
  const controlPlanePatch = { metadata: { annotations: { "hypershift.openshift.io/cluster": "clusters-example/x" } } };
  const world = await startScenario({ cluster: { controlPlanePatch } });
  leaveFile(world, snapshotFile(newNonce(), 1), 3 * hours);
  const result = await runInProcess(world, world.recoverInputs());
  expect(result.annotations).toMatchObject([{ level: "error", title: "hosted-cluster-unsuitable" }]);
  expect(world.podFiles()).toHaveLength(1);
});

test("Several missing permissions are told at once", async () => {
  const rules = rulesFromYaml(readFileSync(new URL("../../docs/rbac.yaml", import.meta.url), "utf8"));
  const without = rules.filter(({ resources }) => !resources.some((name) => /scale|exec/.test(name)));
  const world = await startScenario({ cluster: { rules: without } });
  const result = await runInProcess(world, world.recoverInputs());
  expect(result.annotations).toMatchObject([{ level: "error", title: "permission-missing" }]);
  for (const what of ["deployments/scale kube-apiserver", "create pods/exec etcd-0"])
    expect(result.annotations[0]?.message).toContain(what);
});
