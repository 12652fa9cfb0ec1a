import { createHash } from "node:crypto";
import https from "node:https";
import {
  DeleteObjectCommand,
  DeleteObjectsCommand,
  GetBucketLocationCommand,
  GetBucketVersioningCommand,
  GetObjectCommand,
  HeadObjectCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  type S3Client,
} from "@aws-sdk/client-s3";
import { getSignedUrl } from "@aws-sdk/s3-request-presigner";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createTestWorld, owner, refusalOf, type TestWorld } from "./object-store-clients.ts";

const Bucket = "plain";

let world: TestWorld;
let client: S3Client;
beforeAll(async () => {
  world = await createTestWorld({
    buckets: [
      { name: "plain", region: "us-east-1", owner },
      { name: "listed", region: "us-east-1", owner },
      { name: "versioned", region: "us-east-1", owner, versioning: "enabled" },
      { name: "suspended", region: "us-east-1", owner, versioning: "suspended" },
      { name: "locked", region: "us-east-1", owner, objectLock: true },
    ],
  });
  client = world.connect();
});
afterAll(() => world.close());

const put = (Key: string, more: Partial<ConstructorParameters<typeof PutObjectCommand>[0]> = {}) =>
  client.send(new PutObjectCommand({ Bucket, Key, Body: "0123456789", ...more }));

describe("an object", () => {
  test("keeps its metadata, type, encryption and checksum", async () => {
    const asked = { Metadata: { nonce: "n", "etcd-sha256": "00" }, ContentType: "application/json" };
    const written = await put("kept", {
      ...asked,
      ServerSideEncryption: "aws:kms",
      SSEKMSKeyId: "key-1",
      ChecksumAlgorithm: "SHA256",
    });
    expect(written).toMatchObject({ ServerSideEncryption: "aws:kms", SSEKMSKeyId: "key-1" });
    expect(written.ChecksumSHA256).toBe(createHash("sha256").update("0123456789").digest("base64"));
    const head = await client.send(new HeadObjectCommand({ Bucket, Key: "kept", ChecksumMode: "ENABLED" }));
    expect(head).toMatchObject({
      ...asked,
      ContentLength: 10,
      SSEKMSKeyId: "key-1",
      ChecksumSHA256: written.ChecksumSHA256,
    });
    expect(head.VersionId).toBeUndefined();
    const read = await client.send(new GetObjectCommand({ Bucket, Key: "kept" }));
    expect(await read.Body?.transformToString()).toBe("0123456789");
    expect(world.store.objects(Bucket).find(({ key }) => key === "kept")).toMatchObject({
      sizeBytes: 10,
      encryption: "aws:kms",
    });
  });

  const ranges: Record<string, [range: string, body: string | number, contentRange?: string]> = {
    "the first byte": ["bytes=0-0", "0", "bytes 0-0/10"],
    "from the middle": ["bytes=7-", "789", "bytes 7-9/10"],
    "the last bytes": ["bytes=-2", "89", "bytes 8-9/10"],
    "past the end": ["bytes=8-99", "89", "bytes 8-9/10"],
    "several ranges": ["bytes=0-0,2-2", "0123456789"],
    nothing: ["bytes=10-", 416],
  };
  test.each(Object.entries(ranges))("is read in parts: %s", async (_, [Range, body, contentRange]) => {
    await put("ranged");
    const call = client.send(new GetObjectCommand({ Bucket, Key: "ranged", Range }));
    if (typeof body === "number") {
      expect(await refusalOf(call)).toMatchObject({ status: body, code: "InvalidRange" });
      return;
    }
    const answer = await call;
    expect(await answer.Body?.transformToString()).toBe(body);
    expect(answer.ContentRange).toBe(contentRange);
  });

  const md5 = createHash("md5").update("other").digest("base64");
  const refused: Record<string, [send: () => Promise<unknown>, status: number, code: string]> = {
    "an MD5 of another body": [() => put("no", { ContentMD5: md5 }), 400, "BadDigest"],
    "an MD5 that is none": [() => put("no", { ContentMD5: "AAAA" }), 400, "InvalidDigest"],
    "a CRC32 of another body": [() => put("no", { ChecksumCRC32: "AAAAAA==" }), 400, "BadDigest"],
    "a CRC32C of another body": [() => put("no", { ChecksumCRC32C: "AAAAAA==" }), 400, "BadDigest"],
    "a SHA-256 of another body": [
      () => put("no", { ChecksumSHA256: createHash("sha256").digest("base64") }),
      400,
      "BadDigest",
    ],
    "a SHA-1 that is none": [() => put("no", { ChecksumSHA1: "AAAA" }), 400, "InvalidRequest"],
    "a key that is taken": [() => put("ranged", { IfNoneMatch: "*" }), 412, "PreconditionFailed"],
    "an ETag as a condition": [() => put("no", { IfNoneMatch: '"abc"' }), 501, "NotImplemented"],
    "an unknown encryption": [
      // @ts-expect-error -- no such algorithm
      () => put("no", { ServerSideEncryption: "rot13" }),
      400,
      "InvalidEncryptionAlgorithmError",
    ],
    "too much metadata": [() => put("no", { Metadata: { more: "x".repeat(2050) } }), 400, "MetadataTooLarge"],
    "a key of 1025 bytes": [() => put("é".repeat(512) + "x"), 400, "KeyTooLongError"],
    "an ACL": [() => put("no", { ACL: "public-read" }), 501, "NotImplemented"],
    "a read of nothing": [() => client.send(new GetObjectCommand({ Bucket, Key: "no" })), 404, "NoSuchKey"],
    "a look at nothing": [() => client.send(new HeadObjectCommand({ Bucket, Key: "no" })), 404, "NotFound"],
    "a read of another ETag": [
      () => client.send(new GetObjectCommand({ Bucket, Key: "ranged", IfMatch: '"abc"' })),
      412,
      "PreconditionFailed",
    ],
    "a version that never was": [
      () => client.send(new GetObjectCommand({ Bucket, Key: "ranged", VersionId: "x" })),
      400,
      "InvalidArgument",
    ],
  };
  test.each(Object.entries(refused))("is refused: %s", async (_, [send, status, code]) => {
    await put("ranged");
    expect(await refusalOf(send())).toMatchObject({ status, code });
    expect(world.store.objects(Bucket).some(({ key }) => key === "no")).toBe(false);
  });

  test("of several writers that must be first has one", async () => {
    const calls = Array.from({ length: 8 }, (_, index) => put("race", { IfNoneMatch: "*", Body: `writer ${index}` }));
    const ended = await Promise.allSettled(calls);
    expect(ended.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
  });

  test("has versions where the bucket keeps them", async () => {
    const at = { Bucket: "versioned", Key: "k" };
    const first = await client.send(new PutObjectCommand({ ...at, Body: "first" }));
    const second = await client.send(new PutObjectCommand({ ...at, Body: "second" }));
    const read = await client.send(new GetObjectCommand({ ...at, VersionId: first.VersionId }));
    expect(await read.Body?.transformToString()).toBe("first");
    const removed = await client.send(new DeleteObjectCommand(at));
    expect(removed.DeleteMarker).toBe(true);
    expect(await refusalOf(client.send(new GetObjectCommand(at)))).toMatchObject({ status: 404, code: "NoSuchKey" });
    const marker = { ...at, VersionId: removed.VersionId };
    expect(await refusalOf(client.send(new GetObjectCommand(marker)))).toMatchObject({ code: "MethodNotAllowed" });
    // What is hidden by a delete marker is not there for a condition.
    await client.send(new PutObjectCommand({ ...at, Body: "third", IfNoneMatch: "*" }));
    await client.send(new DeleteObjectCommand({ ...at, VersionId: second.VersionId }));
    const gone = client.send(new GetObjectCommand({ ...at, VersionId: second.VersionId }));
    expect(await refusalOf(gone)).toMatchObject({ status: 404, code: "NoSuchVersion" });
    expect(world.store.versions("versioned", "k").map((version) => "deleteMarker" in version)).toEqual([
      false,
      true,
      false,
    ]);
    expect((await client.send(new GetBucketVersioningCommand({ Bucket: "versioned" }))).Status).toBe("Enabled");
    const suspended = await client.send(new PutObjectCommand({ Bucket: "suspended", Key: "k", Body: "x" }));
    expect(suspended.VersionId).toBe("null");
  });

  test("is protected by an object lock, which asks for a digest", async () => {
    const at = { Bucket: "locked", Key: "k", Body: "x" };
    const plain = world.connect({ requestChecksumCalculation: "WHEN_REQUIRED" });
    expect(await refusalOf(plain.send(new PutObjectCommand(at)))).toMatchObject({ code: "InvalidRequest" });
    const { VersionId } = await client.send(new PutObjectCommand(at));
    expect(await refusalOf(client.send(new DeleteObjectCommand({ ...at, VersionId })))).toMatchObject({ status: 403 });
    expect((await client.send(new DeleteObjectCommand(at))).DeleteMarker).toBe(true);
  });

  test("is listed in pages, grouped by a delimiter, removed in bulk", async () => {
    const keys = ["a/1", "a/2", "b", "c/1", "c/2", "é"];
    for (const key of keys) await world.store.seedObject("listed", key, key);
    const list = async (MaxKeys: number, Delimiter?: string) => {
      const found: (string | undefined)[] = [];
      for (let token: string | undefined, more = true; more; more = token !== undefined) {
        const command = { Bucket: "listed", MaxKeys, ContinuationToken: token, Delimiter };
        const page = await client.send(new ListObjectsV2Command(command));
        found.push(
          ...(page.Contents ?? []).map(({ Key }) => Key),
          ...(page.CommonPrefixes ?? []).map(({ Prefix }) => Prefix),
        );
        token = page.NextContinuationToken;
      }
      return found;
    };
    expect(await list(2)).toEqual(keys);
    expect(await list(1, "/")).toEqual(["a/", "b", "c/", "é"]);
    const Objects = [{ Key: "a/1" }, { Key: "b" }];
    const { Deleted } = await client.send(new DeleteObjectsCommand({ Bucket: "listed", Delete: { Objects } }));
    expect(Deleted).toHaveLength(2);
    expect(world.store.objects("listed").map(({ key }) => key)).toEqual(["a/2", "c/1", "c/2", "é"]);
    expect((await client.send(new GetBucketLocationCommand({ Bucket: "listed" }))).LocationConstraint).toBeUndefined();
  });

  test("is nothing when its body was cut", async () => {
    const url = await getSignedUrl(
      world.connect({ requestChecksumCalculation: "WHEN_REQUIRED" }),
      new PutObjectCommand({ Bucket, Key: "cut" }),
    );
    const request = https.request(url, {
      method: "PUT",
      headers: { "Content-Length": 1000 },
      agent: world.httpsAgent,
    });
    request.on("error", () => undefined);
    request.write(Buffer.alloc(600));
    await world.store.waitForRequest(({ key, receivedBytes }) => key === "cut" && receivedBytes >= 0);
    setTimeout(() => request.destroy(), 50);
    const entry = await world.store.waitForRequest(({ key, endedMs }) => key === "cut" && endedMs !== undefined);
    expect(entry).toMatchObject({ receivedBytes: 600, status: undefined });
    expect(world.store.objects(Bucket).some(({ key }) => key === "cut")).toBe(false);
  });
});
