import { createHash, randomBytes } from "node:crypto";
import {
  AbortMultipartUploadCommand,
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  GetObjectCommand,
  ListMultipartUploadsCommand,
  ListPartsCommand,
  PutObjectCommand,
  UploadPartCommand,
  type ChecksumAlgorithm,
  type CompletedPart,
  type S3Client,
} from "@aws-sdk/client-s3";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { StoreQuirk } from "../object-store/s3-request.ts";
import { createTestWorld, refusalOf, type TestWorld } from "./object-store-clients.ts";

const mebibyte = 1024 ** 2;
const Bucket = "plain";

let world: TestWorld;
let client: S3Client;
beforeAll(async () => {
  world = await createTestWorld();
  client = world.connect();
});
afterAll(() => world.close());

describe("a multipart upload", () => {
  const Key = "multi";
  const body = randomBytes(10 * mebibyte + 1);
  const pieces = [
    body.subarray(0, 5 * mebibyte),
    body.subarray(5 * mebibyte, 10 * mebibyte),
    body.subarray(10 * mebibyte),
  ];
  interface Options {
    readonly algorithm?: ChecksumAlgorithm;
    readonly type?: "FULL_OBJECT";
    readonly pieces?: readonly Buffer[];
  }
  async function upload(options: Options = {}) {
    const { algorithm, type } = options;
    const sender = algorithm ? client : world.connect({ requestChecksumCalculation: "WHEN_REQUIRED" });
    const { UploadId, ...created } = await sender.send(
      new CreateMultipartUploadCommand({
        ...{
          Bucket,
          Key,
          Metadata: { nonce: "n" },
          ContentType: "application/octet-stream",
          ServerSideEncryption: "AES256",
        },
        ...(algorithm ? { ChecksumAlgorithm: algorithm } : {}),
        ...(type ? { ChecksumType: type } : {}),
      }),
    );
    const parts: CompletedPart[] = [];
    for (const [index, Body] of (options.pieces ?? pieces).entries()) {
      const PartNumber = index + 1;
      const part = { Bucket, Key, UploadId, PartNumber, Body, ...(algorithm ? { ChecksumAlgorithm: algorithm } : {}) };
      const { ETag, ChecksumCRC32, ChecksumSHA256 } = await sender.send(new UploadPartCommand(part));
      parts.push({
        PartNumber,
        ETag,
        ...(algorithm === "SHA256" ? { ChecksumSHA256 } : algorithm ? { ChecksumCRC32 } : {}),
      });
    }
    const complete = (Parts: CompletedPart[] = parts, IfNoneMatch?: string) =>
      sender.send(
        new CompleteMultipartUploadCommand({ Bucket, Key, UploadId, MultipartUpload: { Parts }, IfNoneMatch }),
      );
    return { UploadId, created, parts, complete };
  }

  test.each([
    {},
    { algorithm: "CRC32" },
    { algorithm: "SHA256" },
    { algorithm: "CRC32", type: "FULL_OBJECT" },
  ] satisfies Options[])("%j becomes the object of its parts", async (options) => {
    const { created, parts, complete } = await upload(options);
    expect(created.ServerSideEncryption).toBe("AES256");
    expect(parts[0]?.ETag).toBe(
      `"${createHash("md5")
        .update(pieces[0] ?? "")
        .digest("hex")}"`,
    );
    const { ETag } = await complete();
    expect(ETag).toMatch(/^"[0-9a-f]{32}-3"$/);
    expect((await world.store.readObject(Bucket, Key)).equals(body)).toBe(true);
    // The SDK checks a checksum of the whole, and leaves one of parts alone.
    const read = await client.send(new GetObjectCommand({ Bucket, Key }));
    expect(read).toMatchObject({ ETag, Metadata: { nonce: "n" }, ContentType: "application/octet-stream" });
    expect(Buffer.from((await read.Body?.transformToByteArray()) ?? []).equals(body)).toBe(true);
    const across = await client.send(
      new GetObjectCommand({ Bucket, Key, Range: `bytes=${5 * mebibyte - 2}-${5 * mebibyte + 1}` }),
    );
    expect(Buffer.from((await across.Body?.transformToByteArray()) ?? [])).toEqual(
      body.subarray(5 * mebibyte - 2, 5 * mebibyte + 2),
    );
  });

  test("is refused what does not fit, and stays open", async () => {
    const { UploadId, parts, complete } = await upload();
    const [first, second, third] = parts;
    if (!first || !second || !third) throw new Error("three parts were sent");
    const refused: [Parameters<typeof complete>, number, string][] = [
      [[[second, first]], 400, "InvalidPartOrder"],
      [[[first, first]], 400, "InvalidPartOrder"],
      [[[{ ...first, ETag: '"00000000000000000000000000000000"' }]], 400, "InvalidPart"],
      [[[first, { ...second, PartNumber: 9 }]], 400, "InvalidPart"],
      [[[{ ...first, ChecksumCRC32: "AAAAAA==" }]], 400, "InvalidPart"],
      [[[]], 400, "MalformedXML"],
      [[parts, "*"], 412, "PreconditionFailed"],
    ];
    await world.store.seedObject(Bucket, Key, "there");
    for (const [args, status, code] of refused)
      expect(await refusalOf(complete(...args)), JSON.stringify(args)).toMatchObject({ status, code });
    expect(world.store.openUploads(Bucket).find(({ id }) => id === UploadId)?.parts).toHaveLength(3);
    const completed = await complete([first, third]);
    expect(world.store.objects(Bucket).find(({ key }) => key === Key)?.sizeBytes).toBe(5 * mebibyte + 1);
    // Whose answer was lost sends it again.
    expect((await complete([first, third])).ETag).toBe(completed.ETag);
  });

  test("with a small part that is not the last is refused", async () => {
    const { complete } = await upload({ pieces: [Buffer.alloc(5 * mebibyte - 1), Buffer.alloc(1)] });
    expect(await refusalOf(complete())).toMatchObject({ status: 400, code: "EntityTooSmall" });
    await (await upload({ pieces: [Buffer.alloc(0)] })).complete();
    expect(world.store.objects(Bucket).find(({ key }) => key === Key)?.sizeBytes).toBe(0);
  });

  test("with a checksum wants it with each part", async () => {
    const { UploadId, parts, complete } = await upload({ algorithm: "CRC32", pieces: [Buffer.from("x")] });
    const bare = parts.map(({ PartNumber, ETag }) => ({ PartNumber, ETag }));
    expect(await refusalOf(complete(bare))).toMatchObject({ status: 400, code: "InvalidRequest" });
    const wrong = parts.map((part) => ({ ...part, ChecksumCRC32: "AAAAAA==" }));
    expect(await refusalOf(complete(wrong))).toMatchObject({ status: 400, code: "InvalidPart" });
    const plain = world.connect({ requestChecksumCalculation: "WHEN_REQUIRED" });
    const part = new UploadPartCommand({ Bucket, Key, UploadId, PartNumber: 2, Body: "x" });
    expect(await refusalOf(plain.send(part))).toMatchObject({ status: 400, code: "InvalidRequest" });
  });

  test("is listed, and aborted once", async () => {
    const { UploadId } = await upload({ pieces: [Buffer.from("one"), Buffer.from("two")] });
    const parts = await client.send(new ListPartsCommand({ Bucket, Key, UploadId, MaxParts: 1 }));
    expect(parts).toMatchObject({ IsTruncated: true, Parts: [{ PartNumber: 1, Size: 3 }] });
    const listed = await client.send(new ListMultipartUploadsCommand({ Bucket, Prefix: Key }));
    expect(listed.Uploads?.map((entry) => entry.UploadId)).toContain(UploadId);
    const before = listed.Uploads?.length ?? 0;
    const page = await client.send(new ListMultipartUploadsCommand({ Bucket, MaxUploads: 1 }));
    const { NextKeyMarker: KeyMarker, NextUploadIdMarker: UploadIdMarker } = page;
    expect(page.IsTruncated).toBe(before > 1);
    if (before > 1) {
      const next = await client.send(new ListMultipartUploadsCommand({ Bucket, KeyMarker, UploadIdMarker }));
      expect(next.Uploads).toHaveLength(before - 1);
    }
    const abort = new AbortMultipartUploadCommand({ Bucket, Key, UploadId });
    expect((await client.send(abort)).$metadata.httpStatusCode).toBe(204);
    expect(await refusalOf(client.send(abort))).toMatchObject({ status: 404, code: "NoSuchUpload" });
  });
});

describe("stores that are not AWS", () => {
  const quirks: Record<StoreQuirk, (other: S3Client) => Promise<unknown>> = {
    "ignores-if-none-match": async (other) => {
      const again = { Bucket, Key: "k", Body: "x", IfNoneMatch: "*" };
      await other.send(new PutObjectCommand(again));
      return other.send(new PutObjectCommand(again));
    },
    "refuses-checksums": (other) => refusalOf(other.send(new PutObjectCommand({ Bucket, Key: "k", Body: "x" }))),
    "ignores-encryption": (other) =>
      other.send(new PutObjectCommand({ Bucket, Key: "k", Body: "x", ServerSideEncryption: "AES256" })),
    "empty-etag-on-complete": completeTwice,
    "forgets-completed": (other) => refusalOf(completeTwice(other)),
  };
  async function completeTwice(other: S3Client) {
    const at = { Bucket, Key: "k" };
    const { UploadId } = await other.send(new CreateMultipartUploadCommand({ ...at, ChecksumAlgorithm: "CRC32" }));
    const part = await other.send(new UploadPartCommand({ ...at, UploadId, PartNumber: 1, Body: "x" }));
    const Parts = [{ PartNumber: 1, ETag: part.ETag, ChecksumCRC32: part.ChecksumCRC32 }];
    const complete = new CompleteMultipartUploadCommand({ ...at, UploadId, MultipartUpload: { Parts } });
    await other.send(complete);
    return other.send(complete);
  }

  test("are played by name", async () => {
    const answers: Record<string, unknown> = {};
    for (const [quirk, ask] of Object.entries(quirks)) {
      const names: StoreQuirk[] = [
        "ignores-if-none-match",
        "refuses-checksums",
        "ignores-encryption",
        "empty-etag-on-complete",
        "forgets-completed",
      ];
      const other = await createTestWorld({ quirks: names.filter((name) => name === quirk) });
      answers[quirk] = await ask(other.connect());
      await other.close();
    }
    expect(answers).toMatchObject({
      "refuses-checksums": { status: 501, code: "NotImplemented" },
      "empty-etag-on-complete": { ETag: "" },
      "forgets-completed": { status: 404, code: "NoSuchUpload" },
    });
    expect(answers["ignores-encryption"]).not.toHaveProperty("ServerSideEncryption");
  });
});
