import { expect, test } from "vitest";
import { signSnapshotUrl } from "../../../src/snapshots/tried-url.ts";
import { createMemoryLog, rejectedError } from "../restore/expectations.ts";
import { createMemoryStore } from "../restore/memory-store.ts";
import { snapshot, snapshotBytes } from "../restore/record-builder.ts";

const now = Date.parse("2030-01-01T08:00:00Z");
const stored = { key: snapshot.key, sizeBytes: snapshotBytes.length };

/** By a store whose clock is years ahead of this machine's. */
function sign(credentialsEndMs: number) {
  const store = createMemoryStore({ now: new Date(now), credentialsEnd: new Date(credentialsEndMs) });
  const log = createMemoryLog();
  return { log, store, signed: signSnapshotUrl({ store, log, onSecret: () => undefined }, stored, 3_600) };
}

test("a signed URL ends with the credentials, by the store's clock", async () => {
  const { log, signed } = sign(now + 600_000);
  expect((await signed).presignedUrl).toContain("X-Amz-Expires=600");
  expect(log.warnings).toEqual([expect.stringContaining("ends with the credentials at 2030-01-01T08:10:00Z")]);
});

test.each([0, 500, -3_600_000])(
  "credentials that end in %d ms sign nothing, and are told for the reason",
  async (leftMs) => {
    const { store, signed } = sign(now + leftMs);
    const failure = await rejectedError(signed);
    expect([failure.code, failure.hint]).toEqual([
      "store-credentials-expired",
      expect.stringContaining("presign-access-key-id"),
    ]);
    expect(store.asked).not.toContain("sign");
  },
);
