import { randomBytes } from "node:crypto";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import tls from "node:tls";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import type { StoreSettings } from "../../src/adapters/s3/client.ts";
import { createCertificateAuthority } from "../world/certificates.ts";
import type { FaultAction } from "../world/object-store/faults.ts";
import { startObjectStore, type ObjectStore } from "../world/object-store/object-store.ts";
import {
  describeSnapshotStore,
  partBytes,
  readAll,
  rejectedCode,
  rejection,
  uploadInParts,
} from "./snapshot-store-contract.ts";
import { openDuringTest } from "./test-store.ts";

const owner = { accessKeyId: "AKIAOWNER", secretAccessKey: "owner/secret" };
const stranger = { accessKeyId: "AKIASTRANGER", secretAccessKey: "stranger/secret" };
const temporary = { accessKeyId: "ASIATEMPORARY", secretAccessKey: "temporary/secret", sessionToken: "t0ken" };
const account = "111122223333";
const metadata = { nonce: "0123456789abcdef", revision: "42" };

let server: ObjectStore;
let folder: string;
let settings: StoreSettings;

beforeAll(async () => {
  const certificateAuthority = await createCertificateAuthority("object store");
  tls.setDefaultCACertificates([...tls.getCACertificates("default"), certificateAuthority.certificate]);
  folder = await mkdtemp(path.join(tmpdir(), "s3-test-"));
  await writeFile(path.join(folder, "ca.pem"), certificateAuthority.certificate);
  server = await startObjectStore({
    certificateAuthority,
    buckets: [
      { name: "snapshots", region: "us-east-1", owner: account },
      { name: "versioned", region: "us-east-1", owner: account, versioning: "enabled" },
      { name: "locked", region: "us-east-1", owner: account, objectLock: true },
      { name: "elsewhere", region: "eu-west-1", owner: account },
    ],
    accounts: [
      { ...owner, actions: ["s3:*"] },
      { ...stranger, actions: [] },
      { ...temporary, actions: ["s3:*"], expiresAt: new Date(Date.now() + 3_600_000) },
    ],
  });
  settings = {
    bucket: "snapshots",
    endpoint: server.endpoint,
    forcePathStyle: true,
    credentials: owner,
    checksums: "auto",
    limits: { storeConnectMs: 10_000, storeRequestMs: 5_000, storeTries: 3 },
  };
});

afterAll(async () => {
  await server.close();
  await rm(folder, { recursive: true });
});

afterEach(() => {
  server.faults.clear();
  server.clockOffsetMs = 0;
});

function connect(changes: Partial<StoreSettings> = {}) {
  return openDuringTest({ ...settings, ...changes });
}

describeSnapshotStore("the embedded object store", () => ({
  settings,
  stranger,
  versionedBucket: "versioned",
  certificateAuthorityFile: path.join(folder, "ca.pem"),
}));

describe("a store that follows AWS", () => {
  it("keeps someone else's object at completion, and the upload is gone then", async () => {
    const store = connect();
    await store.putNewObject("taken.db", Buffer.from("first"), {
      contentType: "text/plain",
      metadata: { nonce: "01" },
    });
    const upload = await store.startUpload("taken.db", metadata);
    const parts = [await store.uploadPart(upload, 1, Buffer.from("second"))];
    const done = store.completeUpload(upload, parts, { sizeBytes: 6, metadata });
    expect(await rejectedCode(done)).toBe("object-exists");
    expect(await store.listUploads("taken.db")).toEqual([]);
    expect((await readAll(store.readObject("taken.db"))).toString()).toBe("first");
  });

  it("names the region of a bucket", async () => {
    const store = connect({ bucket: "elsewhere" });
    for (const call of [() => store.findObject("a.db"), () => store.startUpload("a.db", {})]) {
      const refused = await rejection(call());
      expect(refused.code).toBe("store-wrong-region");
      expect(refused.hint).toBe("set s3-region: eu-west-1");
    }
    expect(await connect({ bucket: "elsewhere", region: "eu-west-1" }).findObject("a.db")).toBeUndefined();
  });

  it("says which permission is missing", async () => {
    const reader = { accessKeyId: "AKIAREADER", secretAccessKey: "r", actions: ["s3:GetObject"] };
    server.accounts.set(reader.accessKeyId, reader);
    const store = connect({ credentials: reader });
    const looked = await rejection(store.findObject("absent.db"));
    expect([looked.code, looked.hint]).toEqual(["store-access-denied", expect.stringContaining("s3:ListBucket")]);
    for (const [call, action] of [
      [() => store.putNewObject("b.db", Buffer.from("x"), { contentType: "text/plain", metadata }), "s3:PutObject"],
      [() => store.listUploads("b.db"), "s3:ListBucketMultipartUploads"],
      [() => store.listObjects("b/"), "s3:ListBucket"],
      [() => store.deleteObject("b.db"), "s3:DeleteObject"],
    ] as const) {
      const denied = await rejection(call());
      expect([denied.code, denied.hint]).toEqual([
        "store-access-denied",
        expect.stringContaining(`grant ${action} on`),
      ]);
    }
  });

  it("tells when temporary credentials have expired", async () => {
    const store = connect({ credentials: temporary });
    const upload = await store.startUpload("expire.db", metadata);
    server.accounts.set(temporary.accessKeyId, { ...temporary, actions: ["s3:*"], expiresAt: new Date(0) });
    const expired = await rejection(store.uploadPart(upload, 1, Buffer.from("x")));
    expect(expired.code).toBe("store-credentials-expired");
    expect(expired.message).not.toContain("t0ken");
    expect(await rejectedCode(store.findObject("expire.db"))).toBe("store-credentials-expired");
    await connect().abortUpload(upload);
  });

  it("does not take a URL of a runner whose clock is wrong", async () => {
    const store = connect();
    await store.putNewObject("clock.db", Buffer.from("x"), { contentType: "text/plain", metadata });
    const url = await store.signUrl("clock.db", { expiresInSeconds: 60 });
    server.clockOffsetMs = 20 * 60_000;
    expect(await rejectedCode(store.tryUrl(url))).toBe("snapshot-url-rejected");
    server.clockOffsetMs = -20 * 60_000;
    expect(await rejectedCode(store.tryUrl(url))).toBe("snapshot-url-rejected");
  });

  it("belongs to the account that the user names, or is not touched", async () => {
    expect(await connect({ expectedBucketOwner: account }).findObject("owner.db")).toBeUndefined();
    const store = connect({ expectedBucketOwner: "999988887777" });
    expect(await rejectedCode(store.startUpload("owner.db", metadata))).toBe("store-access-denied");
    expect(await rejectedCode(store.findObject("owner.db"))).toBe("store-access-denied");
  });

  it("takes parts into a locked bucket by their MD5, and only hides what was written", async () => {
    const store = connect({ bucket: "locked" });
    const stored = await uploadInParts(store, "locked.db", randomBytes(10), metadata);
    expect(stored.versionId).toMatch(/./);
    await store.deleteObject("locked.db");
    expect(await store.findObject("locked.db")).toBeUndefined();
    expect(await store.countVersions("locked.db")).toBe(2);
  });
});

describe("an upload survives", () => {
  const body = randomBytes(partBytes + 1_000);
  const faults: readonly (readonly [string, string, FaultAction, number])[] = [
    [
      "a busy store",
      "UploadPart",
      { kind: "answer", status: 503, code: "SlowDown", headers: { "retry-after": "1" } },
      1,
    ],
    ["a part cut before it", "UploadPart", { kind: "reset", when: "before" }, 2],
    ["a part whose answer is lost", "UploadPart", { kind: "reset", when: "after" }, 2],
    ["a silent store", "UploadPart", { kind: "hang", when: "before" }, 1],
    ["a damaged part", "UploadPart", { kind: "answer", status: 400, code: "BadDigest" }, 1],
    ["a lost start", "CreateMultipartUpload", { kind: "reset", when: "before" }, 1],
    [
      "an error in the 200 of the completion",
      "CompleteMultipartUpload",
      { kind: "error-in-200", code: "InternalError" },
      1,
    ],
    ["a lost completion", "CompleteMultipartUpload", { kind: "reset", when: "after" }, 1],
    ["a silent completion", "CompleteMultipartUpload", { kind: "hang", when: "after" }, 1],
    ["a look that fails", "HeadObject", { kind: "answer", status: 500, code: "InternalError" }, 2],
  ];
  it.each(faults)("%s", async (title, operation, action, times) => {
    const fault = { on: operation, times, action } as Parameters<typeof server.faults.add>[0];
    server.faults.add(fault);
    const store = connect();
    const key = `faults/${title}.db`;
    expect(await uploadInParts(store, key, body, metadata)).toEqual({ sizeBytes: body.byteLength, metadata });
    expect(server.faults.fired(fault)).toBe(times);
    server.faults.clear();
    expect((await server.readObject("snapshots", key)).equals(body)).toBe(true);
    for (const open of await store.listUploads(key)) await store.abortUpload(open);
  });

  it("a read that is cut", async () => {
    const store = connect();
    await uploadInParts(store, "faults/read.db", body, metadata);
    server.faults.add({ on: "GetObject", times: 2, action: { kind: "cut-body", afterBytes: 1_000_000 } });
    expect((await readAll(store.readObject("faults/read.db"))).equals(body)).toBe(true);
  });

  it("a record whose answer is lost", async () => {
    const store = connect();
    server.faults.add({ on: "PutObject", times: 1, action: { kind: "reset", when: "after" } });
    await store.putNewObject("faults/record.json", Buffer.from("{}"), { contentType: "application/json", metadata });
    expect(server.requests.filter((request) => request.key === "faults/record.json").length).toBeGreaterThan(1);
  });
});

describe("a store that is not AWS", () => {
  it("may refuse checksums, ignore If-None-Match, and tell no ETag", async () => {
    const other = await startObjectStore({
      buckets: [{ name: "snapshots", region: "us-east-1", owner: account }],
      accounts: [{ ...owner, actions: ["s3:*"] }],
      quirks: ["refuses-checksums", "ignores-if-none-match", "empty-etag-on-complete"],
    });
    try {
      const { endpoint } = other;
      const body = randomBytes(10);
      expect((await uploadInParts(connect({ endpoint }), "a.db", body, metadata)).metadata).toEqual(metadata);
      const refused = await rejection(connect({ endpoint, checksums: "when-supported" }).startUpload("b.db", metadata));
      expect([refused.code, refused.hint]).toEqual(["store-refused", expect.stringContaining("when-required")]);
    } finally {
      await other.close();
    }
  });
});

it("field report 12: a part that takes longer than an answer may is sent, as long as it moves", async () => {
  const store = connect({ limits: { storeConnectMs: 10_000, storeRequestMs: 6_000, storeTries: 1 } });
  const upload = await store.startUpload("slow/a.db", metadata);
  server.faults.add({ on: "UploadPart", times: 1, action: { kind: "slow-body", bytesPerSecond: 2_000_000 } });
  expect(await store.uploadPart(upload, 1, randomBytes(16 * 1024 * 1024))).toMatchObject({ number: 1 });
  await store.abortUpload(upload);
});
