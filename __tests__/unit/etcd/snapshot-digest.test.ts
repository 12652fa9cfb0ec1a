import { createHash, randomBytes } from "node:crypto";
import { expect, test } from "vitest";
import { SnapshotDigest } from "../../../src/etcd/snapshot-digest.ts";

const body = randomBytes(1024);
const snapshot = Buffer.concat([body, createHash("sha256").update(body).digest()]);

function digestOf(bytes: Buffer, chunkBytes: number, sizeBytes = bytes.length) {
  const digest = new SnapshotDigest(sizeBytes);
  for (let offset = 0; offset < bytes.length; offset += chunkBytes)
    digest.update(bytes.subarray(offset, offset + chunkBytes));
  return digest.digest();
}

test.each([1, 7, 31, 32, 33, 1024, 1040, 1056, 4096])(
  "a whole snapshot is recognised in chunks of %i bytes",
  (chunkBytes) => {
    expect(digestOf(snapshot, chunkBytes)).toEqual({
      sha256: createHash("sha256").update(snapshot).digest("hex"),
      sizeBytes: 1056,
      trailer: snapshot.subarray(-32).toString("hex"),
      trailerMatches: true,
    });
  },
);

test.each([0, 500, 1023, 1024, 1055])("a flipped byte at %i is found", (position) => {
  const damaged = Buffer.from(snapshot);
  damaged[position] = (damaged[position] ?? 0) ^ 1;
  expect(digestOf(damaged, 100).trailerMatches).toBe(false);
});

test.each([1055, 1024, 1023, 0])("a snapshot cut to %i bytes is found", (length) => {
  expect(digestOf(snapshot.subarray(0, length), 100, 1056).trailerMatches).toBe(false);
});
