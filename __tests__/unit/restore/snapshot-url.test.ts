import { describe, expect, test } from "vitest";
import { readRecordedSnapshot } from "../../../src/restore/recorded-snapshot.ts";
import { signRestoreUrl } from "../../../src/restore/snapshot-url.ts";
import { createMemoryLog, rejectedCode } from "./expectations.ts";
import { createMemoryStore, type MemoryStoreOptions } from "./memory-store.ts";
import { buildRecord, snapshot } from "./record-builder.ts";

const now = Date.parse("2026-11-25T08:00:00.700Z");

async function sign(options: MemoryStoreOptions = {}, expiresInSeconds = 3_600) {
  const store = createMemoryStore(options);
  const secrets: (string | Buffer)[] = [];
  const log = createMemoryLog();
  const world = {
    store,
    log,
    clock: { nowMs: () => now },
    environment: {},
    onSecret: (secret: string | Buffer) => {
      // Nothing may be told of a URL before it is masked.
      expect(store.asked.at(-1)).toBe("sign");
      secrets.push(secret);
    },
  };
  const recorded = await readRecordedSnapshot(snapshot, store);
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
    const store = createMemoryStore({ credentialsEnd: new Date(now) });
    const world = {
      store,
      log: createMemoryLog(),
      clock: { nowMs: () => now },
      environment: {},
      onSecret: () => undefined,
    };
    const recorded = await readRecordedSnapshot(snapshot, store);
    await rejectedCode(signRestoreUrl(recorded, 60, world));
    expect(store.asked).not.toContain("sign");
  });
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
