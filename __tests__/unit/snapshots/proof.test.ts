import { createHash } from "node:crypto";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { ActionError } from "../../../src/errors.ts";
import { proveStored, type ProofOptions } from "../../../src/snapshots/proof.ts";
import { createFileSpools } from "../../../src/snapshots/spool.ts";
import { withTrailer } from "../../world/snapshot/database.ts";
import { buildDatabase, buildSnapshot, writes } from "../../world/snapshot/snapshot.ts";

const whole = buildSnapshot({ changes: writes(20) });
let folder = "";

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "proof-"));
});
afterAll(() => rm(folder, { recursive: true }));

/** Proves `stored` as an object that is to have the bytes of `sent`. */
function prove(stored: Buffer, sent = stored, options: Partial<ProofOptions> & { versionId?: string } = {}) {
  const { versionId, ...others } = options;
  const reads: unknown[] = [];
  const store = {
    bucket: "backups",
    readObject: async function* (key: string, read: { readonly versionId?: string } = {}) {
      reads.push([key, read.versionId]);
      yield await Promise.resolve(stored.subarray(0, 1000));
      // Nothing of it has a name by now.
      expect(await readdir(folder)).toEqual([]);
      yield stored.subarray(1000);
    },
  };
  const sha256 = createHash("sha256").update(sent).digest("hex");
  const object = { key: "a.db", sizeBytes: sent.length, ...(versionId === undefined ? {} : { versionId }) };
  const proof = proveStored(
    store,
    object,
    { sizeBytes: sent.length, sha256 },
    { keys: [], openSpool: createFileSpools(folder), ...others },
  );
  return { proof, reads };
}

test("a stored snapshot is read once, by its version, and what is in it is returned", async () => {
  const { proof, reads } = prove(whole, whole, { versionId: "v1" });
  const sha256 = createHash("sha256").update(whole).digest("hex");
  expect(await proof).toMatchObject({ revision: 21, liveKeys: 20, sizeBytes: whole.length, sha256 });
  expect(reads).toEqual([["a.db", "v1"]]);
});

const changed = Buffer.from(whole);
changed.writeUInt8(changed.readUInt8(5000) ^ 1, 5000);
const broken = buildDatabase({ changes: writes(20) });
broken.writeUInt16LE(0x77, 2 * 4096 + 8);

test.each([
  [
    "is cut off",
    whole.subarray(0, -1),
    whole,
    `has only ${String(whole.length - 1)} bytes, not ${String(whole.length)}`,
  ],
  ["does not end", Buffer.concat([whole, whole]), whole, "has more than"],
  ["has another byte", changed, whole, "does not hold the bytes that were sent"],
  ["was damaged before it was sent", changed, changed, "its last 32 bytes are not the SHA-256"],
  [
    "has its hashes right over a damaged page",
    withTrailer(broken),
    withTrailer(broken),
    "not a whole snapshot of etcd: ",
  ],
])("an object that %s has failed its proof", async (_, stored, sent, words) => {
  const error: unknown = await prove(stored, sent).proof.catch((thrown: unknown) => thrown);
  expect(error).toMatchObject({ code: "proof-failed" });
  expect(error).toHaveProperty("message", expect.stringContaining("s3://backups/a.db"));
  expect(error).toHaveProperty("message", expect.stringContaining(words));
});

test("a runner without room is told before anything is read", async () => {
  const openSpool = createFileSpools(folder);
  await expect(openSpool(2 ** 60)).rejects.toMatchObject({ code: "runner-full" });
});

test("a folder that is not there is told as one that cannot be written", async () => {
  await expect(createFileSpools(join(folder, "none"))(1000)).rejects.toMatchObject({ code: "runner-unwritable" });
});

test("a cancelled run does not read on", async () => {
  const signal = AbortSignal.abort(new ActionError("cancelled", "the run was cancelled"));
  await expect(prove(whole, whole, { signal }).proof).rejects.toMatchObject({ code: "cancelled" });
});
