import { execFile } from "node:child_process";
import { randomBytes } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import { promisify } from "node:util";
import { afterAll, describe, expect, it } from "vitest";
import { createSnapshotStore } from "../../src/adapters/s3/snapshot-store.ts";
import type { StoreSettings } from "../../src/adapters/s3/client.ts";
import { hasCode, type ActionError, type ErrorCode } from "../../src/errors.ts";
import type { Clock, SnapshotStore } from "../../src/ports.ts";

/** A store that the contract is held against. */
export interface StoreWorld {
  /** With credentials that may do everything in the bucket, which exists and has no versions. */
  readonly settings: StoreSettings;
  /** A key that may do nothing. */
  readonly stranger: { readonly accessKeyId: string; readonly secretAccessKey: string };
  readonly versionedBucket: string;
  /** For curl. */
  readonly certificateAuthorityFile: string;
}

export const realClock: Clock = {
  nowMs: () => Date.now(),
  wallMs: () => Date.now(),
  timeout: (ms) => AbortSignal.timeout(ms),
  sleep: (ms, signal) => delay(ms, undefined, signal === undefined ? {} : { signal }),
};

/** The code of the ActionError that `promise` rejects with; fails when it resolves or throws anything else. */
export async function rejectedCode(promise: Promise<unknown>): Promise<ErrorCode> {
  return (await rejection(promise)).code;
}

/** The ActionError that `promise` rejects with. */
export async function rejection(promise: Promise<unknown>): Promise<ActionError> {
  try {
    await promise;
  } catch (error) {
    if (error instanceof Error && "code" in error && hasCode(error, error.code as ErrorCode)) return error;
    throw error;
  }
  throw new Error("nothing was thrown");
}

export async function readAll(chunks: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const list: Uint8Array[] = [];
  for await (const chunk of chunks) list.push(chunk);
  return Buffer.concat(list);
}

/** Parts of all but the last one have the least size that S3 takes. */
export const partBytes = 5 * 1024 * 1024;

/** Uploads `body` in parts, two at a time and out of order, and completes it. */
export async function uploadInParts(
  store: SnapshotStore,
  key: string,
  body: Buffer,
  metadata: Readonly<Record<string, string>>,
) {
  const upload = await store.startUpload(key, metadata);
  const count = Math.max(1, Math.ceil(body.byteLength / partBytes));
  const parts = await Promise.all(
    Array.from({ length: count }, (_, index) =>
      store.uploadPart(upload, index + 1, body.subarray(index * partBytes, (index + 1) * partBytes)),
    ).toReversed(),
  );
  return store.completeUpload(upload, parts, { sizeBytes: body.byteLength, metadata });
}

const run = promisify(execFile);

/** What every store behind the port must do, played or real. */
export function describeStorePort(name: string, open: () => SnapshotStore): void {
  describe(`${name}: the port of a snapshot store`, () => {
    it("finds nothing where nothing is", async () => {
      expect(await open().findObject("find/nothing.db")).toBeUndefined();
    });

    it("writes a new object once, and knows its own when the answer was lost", async () => {
      const store = open();
      const key = "put/record.json";
      const options = { contentType: "application/json", metadata: { nonce: "aa11" } };
      await store.putNewObject(key, Buffer.from("mine"), options);
      expect(await store.findObject(key)).toEqual({ sizeBytes: 4, metadata: { nonce: "aa11" } });
      await store.putNewObject(key, Buffer.from("mine"), options);
      expect(await rejectedCode(store.putNewObject(key, Buffer.from("mime"), options))).toBe("object-exists");
      const other = { ...options, metadata: { nonce: "bb22" } };
      expect(await rejectedCode(store.putNewObject(key, Buffer.from("mine"), other))).toBe("object-exists");
      expect((await readAll(store.readObject(key))).toString()).toBe("mine");
    });

    it("calls a completion a success whose answer was lost", async () => {
      const store = open();
      const metadata = { nonce: "dd44" };
      const upload = await store.startUpload("parts/twice.db", metadata);
      const parts = [await store.uploadPart(upload, 1, Buffer.from("part"))];
      await store.completeUpload(upload, parts, { sizeBytes: 4, metadata });
      expect(await store.completeUpload(upload, parts, { sizeBytes: 4, metadata })).toEqual({ sizeBytes: 4, metadata });
    });

    it("refuses to complete a part that was never sent: no object is there, and the upload stays open", async () => {
      const store = open();
      const upload = await store.startUpload("trial/a.db", {});
      await store.rehearseCompletion(upload);
      expect(await store.findObject("trial/a.db")).toBeUndefined();
      expect(await store.listUploads("trial/a.db")).toMatchObject([upload]);
      await store.abortUpload(upload);
    });

    it("lists the open uploads of a key and aborts them, twice without an error", async () => {
      const store = open();
      const upload = await store.startUpload("open/a.db", { nonce: "ee55" });
      const other = await store.startUpload("open/b.db", { nonce: "ee55" });
      const listed = await store.listUploads("open/a.db");
      expect(listed).toEqual([{ ...upload, startedAt: expect.any(Date) as Date }]);
      expect(Math.abs(Date.now() - (listed[0]?.startedAt?.getTime() ?? 0))).toBeLessThan(600_000);
      await store.abortUpload(upload);
      await store.abortUpload(upload);
      expect(await store.listUploads("open/a.db")).toEqual([]);
      expect(await store.findObject("open/a.db")).toBeUndefined();
      await store.abortUpload(other);
    });

    it("lists the objects and open uploads of a folder, and of no other that begins alike", async () => {
      const store = open();
      const put = (key: string) =>
        store.putNewObject(key, Buffer.from("x"), { contentType: "text/plain", metadata: { nonce: "ab" } });
      await Promise.all(["list/one/b.db", "list/one/a.json", "list/one-more/c.db"].map(put));
      const uploads = await Promise.all(
        ["list/one/d.db", "list/one-more/e.db"].map((key) => store.startUpload(key, { nonce: "ab" })),
      );
      const objects = await store.listObjects("list/one/");
      expect(objects.map(({ key }) => key)).toEqual(["list/one/a.json", "list/one/b.db"]);
      expect(objects.map(({ sizeBytes }) => sizeBytes)).toEqual([1, 1]);
      expect(Math.abs(Date.now() - store.now().getTime())).toBeLessThan(600_000);
      for (const { modifiedAt } of objects)
        expect(Math.abs(Date.now() - (modifiedAt?.getTime() ?? 0))).toBeLessThan(600_000);
      expect(await store.listObjects("list/none/")).toEqual([]);
      expect(await store.listUploads("list/one/")).toMatchObject([uploads[0]]);
      for (const upload of uploads) await store.abortUpload(upload);
    });

    it("deletes an object", async () => {
      const store = open();
      await store.putNewObject("delete/a.db", Buffer.from("x"), {
        contentType: "text/plain",
        metadata: { nonce: "ff" },
      });
      await store.deleteObject("delete/a.db");
      expect(await store.findObject("delete/a.db")).toBeUndefined();
    });
  });
}

/** What every S3 server must do for the action, whatever else it does differently. */
export function describeSnapshotStore(name: string, open: () => StoreWorld): void {
  describe(`${name}: a snapshot store`, () => {
    const opened: { close(): void }[] = [];
    const connect = (changes: Partial<StoreSettings> = {}) => {
      const store = createSnapshotStore({ ...open().settings, ...changes }, { clock: realClock, environment: {} });
      opened.push(store);
      return store;
    };
    const credentials = () => open().settings.credentials ?? { accessKeyId: "", secretAccessKey: "" };
    afterAll(() => {
      for (const store of opened) store.close();
    });
    describeStorePort(name, connect);

    it.each([0, 1, partBytes, partBytes + 1, 3 * partBytes])(
      "uploads %i bytes in parts and reads them",
      async (size) => {
        const store = connect();
        const body = randomBytes(size);
        const metadata = { nonce: randomBytes(16).toString("hex"), revision: "42" };
        const key = `parts/${size} bytes+é.db`;
        expect(await uploadInParts(store, key, body, metadata)).toEqual({ sizeBytes: size, metadata });
        expect((await readAll(store.readObject(key))).equals(body)).toBe(true);
        expect(await store.listUploads(key)).toEqual([]);
      },
    );

    it("uploads with checksums of its own", async () => {
      const store = connect({ checksums: "when-supported" });
      const body = randomBytes(partBytes + 7);
      const stored = await uploadInParts(store, "parts/checksums.db", body, { nonce: "cc33" });
      expect(stored.sizeBytes).toBe(body.byteLength);
    });

    it("completes over another's object, or leaves it and no upload, and says which", async () => {
      const store = connect();
      const key = "taken/a.db";
      await store.putNewObject(key, Buffer.from("first"), { contentType: "text/plain", metadata: { nonce: "01" } });
      const upload = await store.startUpload(key, { nonce: "02" });
      const parts = [await store.uploadPart(upload, 1, Buffer.from("second"))];
      const done = store.completeUpload(upload, parts, { sizeBytes: 6, metadata: { nonce: "02" } });
      const outcome = await done.then(
        () => "second",
        (error: unknown) => (hasCode(error, "object-exists") ? "first" : error),
      );
      expect((await readAll(store.readObject(key))).toString()).toBe(outcome);
      expect(await store.listUploads(key)).toEqual([]);
    });

    it("names its region, or checks none", async () => {
      const store = connect({ region: "eu-central-1" });
      for (const call of [() => store.findObject("region/a.db"), () => store.startUpload("region/a.db", {})]) {
        const refused = await call().then(
          () => undefined,
          (error: unknown) => error,
        );
        if (refused === undefined) continue;
        expect(refused).toMatchObject({ code: "store-wrong-region", hint: "set s3-region: us-east-1" });
      }
      for (const upload of await connect().listUploads("region/a.db")) await connect().abortUpload(upload);
    });

    it("says what is not there", async () => {
      const store = connect();
      expect(await rejectedCode(readAll(store.readObject("absent/a.db")))).toBe("object-not-found");
      await store.deleteObject("absent/a.db");
      const elsewhere = connect({ bucket: "no-such-bucket-here" });
      expect(await rejectedCode(elsewhere.findObject("a.db"))).toBe("bucket-not-found");
      expect(await rejectedCode(elsewhere.startUpload("a.db", {}))).toBe("bucket-not-found");
    });

    it("deletes an object", async () => {
      const store = connect();
      await store.putNewObject("delete/a.db", Buffer.from("x"), {
        contentType: "text/plain",
        metadata: { nonce: "ff" },
      });
      expect(await store.countVersions("delete/a.db")).toBe(1);
      await store.deleteObject("delete/a.db");
      expect(await store.findObject("delete/a.db")).toBeUndefined();
      expect(await store.countVersions("delete/a.db")).toBe(0);
    });

    it("reads a range of an object", async () => {
      const store = connect();
      await store.putNewObject("range/a.db", Buffer.from("0123456789"), { contentType: "text/plain", metadata: {} });
      const read = async (offset: number, lengthBytes: number): Promise<string> =>
        (await readAll(store.readObject("range/a.db", { range: { offset, lengthBytes } }))).toString();
      expect(await read(0, 4)).toBe("0123");
      expect(await read(4, 3)).toBe("456");
      expect(await read(8, 10)).toBe("89");
    });

    it("tells a wrong secret from an unknown key, and both from a missing permission", async () => {
      const wrong = connect({ credentials: { ...credentials(), secretAccessKey: "wrong" } });
      const secret = await rejection(wrong.findObject("who/a.db"));
      expect(secret.code).toBe("store-credentials-rejected");
      expect(secret.hint).toContain("s3-secret-access-key");
      expect(await rejectedCode(wrong.startUpload("who/a.db", {}))).toBe("store-credentials-rejected");
      const unknown = connect({ credentials: { ...credentials(), accessKeyId: "NOBODY" } });
      expect(await rejectedCode(unknown.findObject("who/a.db"))).toBe("store-credentials-rejected");
      const stranger = connect({ credentials: open().stranger });
      expect(await rejectedCode(stranger.findObject("who/a.db"))).toBe("store-access-denied");
      const denied = await rejection(stranger.startUpload("who/a.db", {}));
      expect(denied.code).toBe("store-access-denied");
      expect(denied.hint).toContain("s3:PutObject");
    });

    it("signs URLs that curl reads, until they expire", async () => {
      const store = connect();
      const body = Buffer.from("a snapshot");
      const key = "sign/a snapshot+é.db";
      await store.putNewObject(key, body, { contentType: "application/octet-stream", metadata: { nonce: "99" } });
      const url = await store.signUrl(key, { expiresInSeconds: 60 });
      expect(url).not.toMatch(/checksum|bucket-owner/i);
      expect(await store.tryUrl(url)).toBe(body.byteLength);
      const curl = ["-sS", "--fail", "--cacert", open().certificateAuthorityFile];
      expect((await run("curl", [...curl, url])).stdout).toBe("a snapshot");

      const short = await store.signUrl(key, { expiresInSeconds: 1 });
      await delay(2_100);
      const expired = await rejection(store.tryUrl(short));
      expect(expired.code).toBe("snapshot-url-rejected");
      expect(expired.message).toContain("403");
      expect(expired.message).not.toContain("X-Amz");
      await expect(run("curl", [...curl, short])).rejects.toThrow();
      expect(await rejectedCode(store.tryUrl(url.replace("snapshot", "snapshut")))).toBe("snapshot-url-rejected");
    });

    it("keeps to the version that it was told", async () => {
      const store = connect({ bucket: open().versionedBucket });
      const write = (key: string, text: string) =>
        store.putNewObject(key, Buffer.from(text), { contentType: "text/plain", metadata: { nonce: text } });
      const { versionId } = await write("version/a.db", "one");
      expect(versionId).toMatch(/./);
      expect(await store.findObject("version/a.db")).toEqual({ sizeBytes: 3, versionId, metadata: { nonce: "one" } });
      await store.deleteObject("version/a.db");
      expect(await store.findObject("version/a.db")).toBeUndefined();
      expect(await store.countVersions("version/a.db")).toBe(2);
      expect(await store.countVersions("version/a")).toBe(0);
      const options = versionId === undefined ? {} : { versionId };
      expect((await readAll(store.readObject("version/a.db", options))).toString()).toBe("one");
      const url = await store.signUrl("version/a.db", { expiresInSeconds: 60, ...options });
      expect(await store.tryUrl(url)).toBe(3);
    });
  });
}
