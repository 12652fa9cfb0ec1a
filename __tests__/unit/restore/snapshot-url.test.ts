import { tmpdir } from "node:os";
import { describe, expect, test } from "vitest";
import { createFileSpools } from "../../../src/snapshots/spool.ts";
import { readKnownSnapshot } from "../../../src/snapshots/recorded-snapshot.ts";
import { checkLife, signRestoreUrl } from "../../../src/restore/snapshot-url.ts";
import { createMemoryLog, rejectedCode, rejectedError } from "./expectations.ts";
import { createMemoryStore, type MemoryStoreOptions } from "./memory-store.ts";
import { buildRecord, snapshot } from "./record-builder.ts";

const now = Date.parse("2026-11-25T08:00:00.700Z");

async function sign(options: MemoryStoreOptions = {}, expiresInSeconds = 3_600) {
  const store = createMemoryStore({ now: new Date(now), ...options });
  const secrets: (string | Buffer)[] = [];
  const log = createMemoryLog();
  const world = {
    store,
    log,

    openSpool: createFileSpools(tmpdir()),
    signal: new AbortController().signal,
    environment: {},
    remember: () => undefined,
    onSecret: (secret: string | Buffer) => {
      // Nothing may be told of a URL before it is masked.
      expect(store.asked.at(-1)).toBe("sign");
      secrets.push(secret);
    },
  };
  const recorded = await readKnownSnapshot(snapshot, store, { allowUnrecorded: false });
  return { ...(await signRestoreUrl(recorded, expiresInSeconds, world)), secrets, store, warnings: log.warnings };
}

const long = (length: number): string => {
  const url = "https://store.example/backups/a.db?X-Amz-Signature=";
  return url + "a".repeat(length - url.length);
};

test("the URL is masked, then tried, and lives as long as was asked for", async () => {
  const { url, expiresAt, secrets, store } = await sign();
  expect(url).toContain("X-Amz-Expires=3600");
  expect(expiresAt).toBe("2026-11-25T09:00:00Z");
  expect(secrets).toEqual([url]);
  expect(store.asked.slice(-2)).toEqual(["sign", `try /backups/${snapshot.key}`]);
});

test("the URL is of the recorded version", async () => {
  const record = buildRecord({ snapshot: { versionId: "v7" } });
  expect((await sign({ record, object: { versionId: "v7" } })).url).toContain("versionId=v7");
});

describe("a URL that HyperShift or the store would not take is refused", () => {
  test.each<[string, MemoryStoreOptions, string]>([
    ["one character too long", { url: long(1025) }, "snapshot-url-too-long"],
    ["not over https", { url: "http://store.example/a.db?X-Amz-Signature=a" }, "snapshot-url-not-https"],
    ["of an object of another length", { urlBytes: 17 }, "snapshot-url-rejected"],
    [
      "ending with the credentials a second early",
      { credentialsEnd: new Date(now + 3_599_000) },
      "snapshot-url-expires",
    ],
    ["signed by credentials that have ended", { credentialsEnd: new Date(now - 1) }, "snapshot-url-expires"],
  ])("%s", async (_, options, code) => {
    expect(await rejectedCode(sign(options))).toBe(code);
  });

  test("and neither signed nor sent anywhere when it would outlive the credentials", async () => {
    const store = createMemoryStore({ now: new Date(now), credentialsEnd: new Date(now) });
    const world = {
      store,
      log: createMemoryLog(),

      openSpool: createFileSpools(tmpdir()),
      signal: new AbortController().signal,
      environment: {},
      remember: () => undefined,
      onSecret: () => undefined,
    };
    const recorded = await readKnownSnapshot(snapshot, store, { allowUnrecorded: false });
    await rejectedCode(signRestoreUrl(recorded, 60, world));
    expect(store.asked).not.toContain("sign");
  });
});

test("a URL that is too long is told part by part, with the ways out", async () => {
  const address = "https://store.example/backups/a.db";
  const token = `&X-Amz-Security-Token=${"t".repeat(979)}`;
  const signed = await rejectedError(sign({ url: `${address}?X-Amz-Signature=5f${token}` }));
  expect(signed.message).toContain("1054 characters, 30 more than the 1024 that HyperShift takes: ");
  expect(signed.message).toContain("34 of host and path, 1001 of the session token, 19 of the signature");
  expect(signed.hint).toMatch(/presign-access-key-id.*long-lived.*; or shorten the names/);
  const plain = await rejectedError(sign({ url: long(2_000) }));
  expect(plain.message).not.toContain("session token");
  expect(plain.hint).toMatch(/^shorten the names of bucket, s3-prefix and s3-endpoint/);
});

test("how long the URL must live is told, for the slowest of the members", () => {
  const gib = 1024 ** 3;
  const life = (sizeBytes: number, members: number, expiresInSeconds: number) =>
    checkLife({ sizeBytes, members, expiresInSeconds });
  expect(life(gib, 1, 3_600)).toMatchObject({
    verdict: "equal",
    text: "it lives 60 min from the moment it is signed; the member fetches 1.0 GiB once, which takes 4 min where all share 5.0 MiB/s, after some 10 min until the last one has its volume and image",
  });
  expect(life(gib, 3, 3_600).text).toContain("each of 3 members fetches 1.0 GiB once, which takes 11 min");
  expect(life(4 * gib, 3, 3_000)).toMatchObject({
    verdict: "warning",
    text: expect.stringContaining("lengthen presign-expires-in") as string,
  });
  expect(life(1, 1, 60).verdict).toBe("warning");
});

test("the end of the URL is held against that of the credentials by the store's clock", async () => {
  const storeIsAhead = { now: new Date(now + 600_000), credentialsEnd: new Date(now + 3_700_000) };
  expect(await rejectedCode(sign(storeIsAhead))).toBe("snapshot-url-expires");
});

test("a URL of exactly 1024 characters, and credentials that end with it, are fine", async () => {
  expect((await sign({ url: long(1024) })).url).toHaveLength(1024);
  expect((await sign({ credentialsEnd: new Date(now + 3_600_000) })).warnings).toEqual([]);
});

test("a session whose end is not known is worth a warning", async () => {
  const url = "https://store.example/backups/a.db?X-Amz-Security-Token=t&X-Amz-Signature=a";
  expect((await sign({ url })).warnings).toHaveLength(1);
  expect((await sign({ url, credentialsEnd: new Date(now + 7_200_000) })).warnings).toEqual([]);
});
