import { createHash } from "node:crypto";
import { crc32 } from "node:zlib";
import { HeadObjectCommand, PutObjectCommand, UploadPartCommand, type CompletedPart } from "@aws-sdk/client-s3";
import { buckets, describeAnswer, type Answer, type Probe, type ProbeWorld } from "../probe.ts";
import { complete, start } from "../probe-upload.ts";

const Bucket = buckets.plain;
const body = Buffer.from("part");
const md5OfOther = createHash("md5").update("other").digest("base64");
const crc32OfOther = crc32Base64(Buffer.from("other"));
const sha256OfOther = createHash("sha256").update("other").digest("base64");

type Claim = Partial<Record<"ContentMD5" | "ChecksumCRC32" | "ChecksumSHA256", string>>;

/** A PUT and a part with a claim about their body. */
async function send(world: ProbeWorld, claim: Claim): Promise<string> {
  const put = await world.owner.send(new PutObjectCommand({ Bucket, Key: world.createKey(), Body: body, ...claim }));
  const { parts: _, ...at } = await start(world, world.createKey());
  const part = await world.owner.send(new UploadPartCommand({ ...at, PartNumber: 1, Body: body, ...claim }));
  return `${describeAnswer(put)}, ${describeAnswer(part)}`;
}

/** The answer to the completion of an upload whose CRC32 is named at its start, at its completion, or both. */
async function completeWith(world: ProbeWorld, named: { start: boolean; completion: boolean }): Promise<string> {
  const upload = await start(world, world.createKey(), named.start ? { ChecksumAlgorithm: "CRC32" } : {});
  const { parts: _, ...at } = upload;
  const sum = crc32Base64(body);
  const part = await world.owner.send(new UploadPartCommand({ ...at, PartNumber: 1, Body: body, ChecksumCRC32: sum }));
  const listed: CompletedPart = {
    PartNumber: 1,
    ETag: part.value?.ETag ?? "",
    ...(named.completion ? { ChecksumCRC32: sum } : {}),
  };
  return describeAnswer(await complete(world, { ...upload, parts: [listed] }));
}

function repeated(answer: Answer): string {
  return answer.headers["x-amz-checksum-crc32"] === crc32Base64(body) ? "repeated" : "not repeated";
}

export const checksumProbes: readonly Probe[] = [
  { question: "PUT and part with a wrong Content-MD5", ask: (world) => send(world, { ContentMD5: md5OfOther }) },
  { question: "PUT and part with a Content-MD5 that is none", ask: (world) => send(world, { ContentMD5: "AAAA" }) },
  { question: "PUT and part with a wrong CRC32", ask: (world) => send(world, { ChecksumCRC32: crc32OfOther }) },
  {
    question: "PUT and part with a wrong SHA-256 as checksum",
    ask: (world) => send(world, { ChecksumSHA256: sha256OfOther }),
  },
  {
    question: "PUT whose body was changed after it was signed",
    ask: async (world) => {
      const changed = world.connect({
        tap: (message) => {
          message.body = Buffer.from("tarp");
        },
      });
      return describeAnswer(await changed.send(new PutObjectCommand({ Bucket, Key: world.createKey(), Body: body })));
    },
  },
  {
    question: "CRC32 in the answer to a PUT, and to a HEAD that asks for it",
    ask: async ({ owner, createKey }) => {
      const at = { Bucket, Key: createKey() };
      const put = await owner.send(new PutObjectCommand({ ...at, Body: body, ChecksumCRC32: crc32Base64(body) }));
      const head = await owner.send(new HeadObjectCommand({ ...at, ChecksumMode: "ENABLED" }));
      return `${repeated(put)}, ${repeated(head)}`;
    },
  },
  {
    question: "completion, CRC32 named at the start and for each part",
    ask: (world) => completeWith(world, { start: true, completion: true }),
  },
  {
    question: "completion, CRC32 named at the start only",
    ask: (world) => completeWith(world, { start: true, completion: false }),
  },
  {
    question: "completion, CRC32 named for each part only",
    ask: (world) => completeWith(world, { start: false, completion: true }),
  },
];

function crc32Base64(bytes: Buffer): string {
  const sum = Buffer.alloc(4);
  sum.writeUInt32BE(crc32(bytes));
  return sum.toString("base64");
}
