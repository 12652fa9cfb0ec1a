/**
 * `npm run bench:fleet`: the figures of docs/fleet.md and docs/retention.md. It reads a folder of 365 snapshots among 10,000 objects
 * of others from the embedded store, makes 20 nightly backups of one cluster, and counts what each asks. It is no test: a busy
 * machine makes every time worse, and no count.
 */
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createClock } from "../../src/adapters/clock.ts";
import { createSnapshotStore } from "../../src/adapters/s3/snapshot-store.ts";
import { readCatalogue } from "../../src/snapshots/catalogue.ts";
import { parseRecord } from "../../src/snapshots/record.ts";
import { startObjectStore } from "../../__tests__/world/object-store/object-store.ts";
import { startWorld, type World } from "../../__tests__/world/world.ts";
import { bundleAction, bundleEntries } from "../bundle.ts";

const nights = 20;
const snapshots = 365;
const foreignObjects = 10_000;

const entry = await mkdtemp(join(tmpdir(), "bench-fleet-"));
await mkdir(entry, { recursive: true });
await Promise.all([bundleEntries(entry), bundleAction(join(entry, "action.js"))]);
const world = await startWorld({ entry });
try {
  await countNights(world);
  await timeCatalogue(world);
} finally {
  await world.close();
  await rm(entry, { recursive: true, force: true });
}

async function countNights(world: World): Promise<void> {
  const { cluster, store } = world;
  const counts: { readonly api: number; readonly store: number; readonly seconds: number }[] = [];
  for (let night = 0; night < nights; night += 1) {
    const before = { api: cluster.requests.length, store: store.requests.length, ms: performance.now() };
    const inputs = { quiesce: "false", presign: "false", "keep-last": "3", "keep-daily": "14" };
    const { outcome } = await world.run(world.backupInputs(inputs));
    if (outcome !== "success") throw new Error("a backup failed");
    counts.push({
      api: cluster.requests.length - before.api,
      store: store.requests.length - before.store,
      seconds: (performance.now() - before.ms) / 1000,
    });
  }
  const table = (["api", "store", "seconds"] as const).map((name) => {
    const values = counts.map((count) => count[name]).toSorted((a, b) => a - b);
    return `${name} ${values.map((value) => value.toFixed(name === "seconds" ? 1 : 0)).join(" ")}`;
  });
  console.log([`${String(nights)} online backups, sorted:`, ...table].join("\n"));
}

/** Over plain HTTP, since this process trusts no authority of a world. */
async function timeCatalogue(world: World): Promise<void> {
  const { bucket, account } = world;
  const recordKey = world.objectKeys().find((key) => key.endsWith(".json")) ?? "";
  const record = parseRecord((await world.store.readObject(bucket, recordKey)).toString(), recordKey);
  const store = await startObjectStore({
    buckets: [{ name: bucket, region: "eu-central-1", owner: "111122223333" }],
    accounts: [{ ...account, actions: ["s3:GetObject", "s3:ListBucket"] }],
  });
  const [entryOfRecord] = record.snapshots;
  if (entryOfRecord === undefined) throw new Error("the record has no snapshot");
  const folder = "etcd/year/clusters/example/";
  for (let index = 0; index < snapshots; index += 1) {
    const createdAt = new Date(Date.now() - (index + 1) * 86_400_000).toISOString().replace(/\.\d+Z$/, "Z");
    const nonce = index.toString(16).padStart(8, "0").padEnd(32, "0");
    const name = `${createdAt.replaceAll(/[-:]/g, "")}-${nonce.slice(0, 8)}`;
    const uri = `s3://${bucket}/${folder}${name}.db`;
    const entries = [{ ...entryOfRecord, uri, sizeBytes: 1 }];
    await store.seedObject(bucket, `${folder}${name}.db`, "x");
    await store.seedObject(
      bucket,
      `${folder}${name}.json`,
      JSON.stringify({ ...record, createdAt, nonce, snapshots: entries }, null, 2),
    );
  }
  const read = async (): Promise<string> => {
    const clock = createClock();
    const port = createSnapshotStore(
      {
        bucket,
        region: "eu-central-1",
        endpoint: store.endpoint,
        forcePathStyle: true,
        checksums: "auto",
        credentials: account,
      },
      { clock },
    );
    const before = { requests: store.requests.length, ms: performance.now() };
    const { proven, foreignObjects: foreign } = await readCatalogue(port, {
      ...{ prefix: "etcd/year", namespace: "clusters", name: "example" },
    });
    const seconds = ((performance.now() - before.ms) / 1000).toFixed(2);
    port.close();
    return `${String(proven.length)} proven among ${String(foreign)} objects of others: ${seconds} s, ${String(store.requests.length - before.requests)} requests`;
  };
  console.log(await read());
  for (let index = 0; index < foreignObjects; index += 1)
    await store.seedObject(bucket, `${folder}note-${String(index)}.txt`, "x");
  console.log(await read());
  await store.close();
}
