import { createHash } from "node:crypto";
import {
  AbortMultipartUploadCommand,
  GetObjectCommand,
  HeadObjectCommand,
  ListMultipartUploadsCommand,
  ListPartsCommand,
  UploadPartCommand,
  type CompletedPart,
} from "@aws-sdk/client-s3";
import { buckets, describeAnswer, type Probe, type ProbeWorld } from "../probe.ts";
import { addPart, complete, start, startWithPart } from "../probe-upload.ts";

const Bucket = buckets.plain;
/** Parts before the last one are at least this long. */
const partBytes = 5 * 1024 ** 2;

/** A completion of two parts, with their list changed; what is stored where the server takes it. */
async function completeChanged(
  world: ProbeWorld,
  sizes: readonly [number, number],
  change: (parts: readonly CompletedPart[]) => CompletedPart[],
): Promise<string> {
  let upload = await start(world, world.createKey());
  for (const [index, size] of sizes.entries())
    upload = await addPart(world, upload, index + 1, Buffer.alloc(size, index + 1));
  const answer = await complete(world, upload, { MultipartUpload: { Parts: change(upload.parts) } });
  const { parts: _, ...at } = upload;
  if (answer.status !== 200) {
    await world.owner.send(new AbortMultipartUploadCommand(at));
    return describeAnswer(answer);
  }
  const { value } = await world.owner.send(new GetObjectCommand({ Bucket, Key: upload.Key, Range: "bytes=0-0" }));
  const [first] = (await value?.Body?.transformToByteArray()) ?? [];
  return `200, begins with part ${first}`;
}

async function sendPart({ owner, createKey }: ProbeWorld, uploadId: string, number: number): Promise<string> {
  const at = { Bucket, Key: createKey(), UploadId: uploadId, PartNumber: number };
  return describeAnswer(await owner.send(new UploadPartCommand({ ...at, Body: "x" })));
}

export const uploadProbes: readonly Probe[] = [
  {
    question: "ETag of a part",
    ask: async (world) => {
      const { parts } = await startWithPart(world, world.createKey());
      return parts[0]?.ETag === `"${createHash("md5").update("part").digest("hex")}"` ? "MD5" : String(parts[0]?.ETag);
    },
  },
  {
    question: "ETag in the answer to a completion, and of the object",
    ask: async (world) => {
      const upload = await startWithPart(world, world.createKey());
      const { value } = await complete(world, upload);
      const object = await world.owner.send(new HeadObjectCommand({ Bucket, Key: upload.Key }));
      const inner = createHash("md5").update("part").digest();
      const expected = `"${createHash("md5").update(inner).digest("hex")}-1"`;
      const name = (etag: string | undefined) =>
        etag === expected ? "MD5 of MD5s" : (etag ?? "") === "" ? "empty" : etag;
      return `${name(value?.ETag)}, ${name(object.value?.ETag)}`;
    },
  },
  {
    question: "metadata that was given at the start of an upload",
    ask: async (world) => {
      const upload = await startWithPart(world, world.createKey(), { Metadata: { nonce: "aa" } });
      await complete(world, upload);
      const { value } = await world.owner.send(new HeadObjectCommand({ Bucket, Key: upload.Key }));
      return value?.Metadata?.["nonce"] === "aa" ? "kept" : "lost";
    },
  },
  {
    question: "an upload of one empty part",
    ask: async (world) => {
      const upload = await addPart(world, await start(world, world.createKey()), 1, Buffer.alloc(0));
      return describeAnswer(await complete(world, upload));
    },
  },
  {
    question: "the same part twice: which one counts",
    ask: async (world) => {
      const { parts, ...at } = await startWithPart(world, world.createKey());
      const upload = await addPart(world, { ...at, parts: [] }, 1, Buffer.from("later one"));
      const early = await complete(world, { ...at, parts });
      if (early.status === 200) return "the first";
      await complete(world, upload);
      const { value } = await world.owner.send(new HeadObjectCommand({ Bucket, Key: at.Key }));
      return value?.ContentLength === 9 ? "the last" : String(value?.ContentLength);
    },
  },
  {
    question: "part number 0",
    ask: async (world) => sendPart(world, (await start(world, world.createKey())).UploadId, 0),
  },
  {
    question: "part number 10001",
    ask: async (world) => {
      const { UploadId, Key } = await start(world, world.createKey());
      return describeAnswer(
        await world.owner.send(new UploadPartCommand({ Bucket, Key, UploadId, PartNumber: 10_001, Body: "x" })),
      );
    },
  },
  {
    question: "a part of an upload that is not there",
    ask: (world) => sendPart(world, "00000000-0000-4000-8000-000000000000", 1),
  },
  {
    question: "completion with the parts in descending order",
    ask: (world) => completeChanged(world, [partBytes, partBytes], (parts) => [...parts].reverse()),
  },
  {
    question: "completion with the ETag of another part",
    ask: (world) =>
      completeChanged(world, [partBytes, 1], (parts) =>
        parts.map((part) => ({ ...part, ETag: `"${"0".repeat(32)}"` })),
      ),
  },
  {
    question: "completion with a part that was not sent",
    ask: (world) =>
      completeChanged(world, [partBytes, partBytes], (parts) => [
        ...parts,
        { PartNumber: 9, ETag: `"${"0".repeat(32)}"` },
      ]),
  },
  {
    question: "completion without parts",
    ask: (world) => completeChanged(world, [partBytes, 1], () => []),
  },
  {
    question: "completion with a first part under 5 MiB",
    ask: (world) => completeChanged(world, [partBytes - 1, 1], (parts) => [...parts]),
  },
  {
    question: "completion that is sent again, as after a lost answer",
    ask: async (world) => {
      const upload = await startWithPart(world, world.createKey());
      const first = await complete(world, upload);
      return `${describeAnswer(first)}, ${describeAnswer(await complete(world, upload))}`;
    },
  },
  {
    question: "abort, and again; then a part and a completion",
    ask: async (world) => {
      const { parts, ...at } = await startWithPart(world, world.createKey());
      const abort = () => world.owner.send(new AbortMultipartUploadCommand(at));
      const answers = [await abort(), await abort()];
      answers.push(await world.owner.send(new UploadPartCommand({ ...at, PartNumber: 2, Body: "x" })));
      answers.push(await complete(world, { ...at, parts }));
      return answers.map(describeAnswer).join(", ");
    },
  },
  {
    question: "list of three open uploads, by the start of their keys",
    ask: (world) => listStarted(world, 1000),
  },
  { question: "that list page by page", ask: (world) => listStarted(world, 1) },
  {
    question: "list of parts",
    ask: async (world) => {
      const { parts: _, ...at } = await startWithPart(world, world.createKey());
      const { value } = await world.owner.send(new ListPartsCommand(at));
      return (value?.Parts ?? []).map(({ PartNumber, Size }) => `${PartNumber}: ${Size}`).join(", ") || "none";
    },
  },
];

/** How many of three open uploads a listing finds; one that does not end is endless. */
async function listStarted(world: ProbeWorld, pageSize: number): Promise<string> {
  const key = world.createKey();
  const started = [await start(world, key), await start(world, key), await start(world, `${key}.more`)];
  const found = await listAll(world, key, pageSize);
  for (const { parts: _, ...at } of started) await world.owner.send(new AbortMultipartUploadCommand(at));
  return found;
}

async function listAll({ owner }: ProbeWorld, prefix: string, pageSize: number): Promise<string> {
  let count = 0;
  let marker: { readonly KeyMarker?: string; readonly UploadIdMarker?: string } = {};
  for (let pages = 0; pages < 10; pages += 1) {
    const { value, ...answer } = await owner.send(
      new ListMultipartUploadsCommand({ Bucket, Prefix: prefix, MaxUploads: pageSize, ...marker }),
    );
    if (value === undefined) return describeAnswer(answer);
    count += value.Uploads?.length ?? 0;
    if (value.IsTruncated !== true) return String(count);
    const { NextKeyMarker, NextUploadIdMarker } = value;
    marker = {
      ...(NextKeyMarker === undefined ? {} : { KeyMarker: NextKeyMarker }),
      ...(NextUploadIdMarker === undefined ? {} : { UploadIdMarker: NextUploadIdMarker }),
    };
  }
  return "endless";
}
