import { randomBytes } from "node:crypto";
import { readFileSync, utimesSync, writeFileSync } from "node:fs";
import https from "node:https";
import { CreateMultipartUploadCommand, S3Client } from "@aws-sdk/client-s3";
import { expect, onTestFinished, test } from "vitest";
import { snapshotFile } from "../../src/etcd/snapshot-save.ts";
import { journalAnnotation } from "../../src/hypershift/journal.ts";
import { clusterFolder, snapshotKey } from "../../src/snapshot/location.ts";
import { rulesFromYaml } from "../fakes/management-cluster/rbac.ts";
import type { World } from "../fakes/world.ts";
import { isChange } from "./requests.ts";
import { startScenario } from "./scenario.ts";

const hours = 3_600_000;
const cluster = { prefix: "etcd/nightly", namespace: "clusters", name: "example" };
const other = { ...cluster, name: "example2" };
const newNonce = (): string => randomBytes(16).toString("hex");

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

async function leaveObject(world: World, key: string, nonce: string | undefined, ageMs = 3 * hours): Promise<void> {
  const modifiedMs = world.cluster.clock.nowMs() - ageMs;
  const metadata = nonce === undefined ? {} : { nonce };
  await world.store.seedObject(world.bucket, key, "a snapshot", { metadata, modifiedMs });
}

test("Of what no journal names only that is removed which is old, unrecorded and of a run's own form", async () => {
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

  await leaveObject(world, key(0), nonce(0));
  await leaveUpload(world, key(1));
  const stay = [key(2), key(2).replace(/db$/, "json"), key(3), key(4), key(5, hours), key(6)];
  await leaveObject(world, key(2), nonce(2));
  await leaveObject(world, key(2).replace(/db$/, "json"), nonce(2));
  await leaveObject(world, key(3), nonce(4));
  await leaveObject(world, key(4), undefined);
  await leaveObject(world, key(5, hours), nonce(5));
  await leaveObject(world, key(6), nonce(6), hours);
  const foreign = [
    `${clusterFolder(cluster)}by-hand.db`,
    key(7).replace(/\.db$/, "-etcd-0.db"),
    key(7, 4 * hours, other),
  ];
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

  const again = await world.run(world.recoverInputs());
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
  const key = keyOf(world.cluster.clock.nowMs() - 4 * hours, nonce);
  await leaveUpload(world, key);
  await leaveObject(world, key, nonce);
  const result = await world.run(world.recoverInputs());
  expect(result.outputs).toEqual({ recovered: "false" });
  expect(world.podFiles()).toHaveLength(1);
  expect(world.objectKeys()).toHaveLength(1);
  expect(world.store.openUploads(world.bucket)).toHaveLength(1);
});

test("What cannot be removed makes the recovery red, and everything else is done", async () => {
  const world = await startScenario();
  world.cluster.clock.advance(aheadMs);
  const [one, two] = [newNonce(), newNonce()];
  leaveFile(world, snapshotFile(one, 1), 3 * hours);
  await leaveObject(world, keyOf(world.cluster.clock.nowMs() - 4 * hours, two), two);
  world.store.accounts.set(world.account.accessKeyId, {
    ...world.account,
    actions: ["s3:GetObject", "s3:ListBucket", "s3:ListBucketMultipartUploads"],
  });
  const result = await world.run(world.recoverInputs());
  expect(result.exitCode).toBe(1);
  expect(result.outputs).toEqual({ recovered: "true" });
  expect(result.annotations).toMatchObject([{ level: "error", title: "store-access-denied" }]);
  expect(result.summary).toContain("s3:DeleteObject is denied");
  expect(world.podFiles()).toEqual([]);
  expect(world.objectKeys()).toHaveLength(1);
});

test("A hosted cluster whose control plane belongs to another one is refused", async () => {
  const controlPlanePatch = { metadata: { annotations: { "hypershift.openshift.io/cluster": "clusters-example/x" } } };
  const world = await startScenario({ cluster: { controlPlanePatch } });
  leaveFile(world, snapshotFile(newNonce(), 1), 3 * hours);
  const result = await world.run(world.recoverInputs());
  expect(result.annotations).toMatchObject([{ level: "error", title: "hosted-cluster-unsuitable" }]);
  expect(world.podFiles()).toHaveLength(1);
});

test("Several missing permissions are told at once", async () => {
  const rules = rulesFromYaml(readFileSync(new URL("../../docs/rbac.yaml", import.meta.url), "utf8"));
  const without = rules.filter(({ resources }) => !resources.some((name) => /scale|exec/.test(name)));
  const world = await startScenario({ cluster: { rules: without } });
  const result = await world.run(world.recoverInputs());
  expect(result.annotations).toMatchObject([{ level: "error", title: "permission-missing" }]);
  for (const what of ["deployments/scale kube-apiserver", "create pods/exec etcd-0"])
    expect(result.annotations[0]?.message).toContain(what);
});
