import { createHash } from "node:crypto";
import https from "node:https";
import {
  DeleteObjectCommand,
  GetObjectCommand,
  HeadBucketCommand,
  HeadObjectCommand,
  ListObjectsV2Command,
  PutObjectCommand,
} from "@aws-sdk/client-s3";
import { getSignedUrl } from "@aws-sdk/s3-request-presigner";
import { buckets, describeAnswer, describeHeaders, findElement, type Probe, type ProbeWorld } from "../probe.ts";

const Bucket = buckets.plain;

/** A stored object of ten bytes. */
async function store({ owner, createKey }: ProbeWorld): Promise<string> {
  const Key = createKey();
  await owner.send(
    new PutObjectCommand({
      Bucket,
      Key,
      Body: "0123456789",
      ContentType: "text/plain",
      Metadata: { nonce: "aa", "ETCD-Sha256": "bb" },
    }),
  );
  return Key;
}

async function readRange(world: ProbeWorld, range: string): Promise<string> {
  const Key = await store(world);
  const answer = await world.owner.send(new GetObjectCommand({ Bucket, Key, Range: range }));
  const got = await answer.value?.Body?.transformToString();
  const place = answer.headers["content-range"];
  return [describeAnswer(answer), ...(place === undefined ? [] : [place]), ...(got === undefined ? [] : [got])].join(
    ", ",
  );
}

export const objectProbes: readonly Probe[] = [
  {
    question: "PUT, then HEAD: size, ETag, type, metadata",
    ask: async (world) => {
      const Key = await store(world);
      const { status, value } = await world.owner.send(new HeadObjectCommand({ Bucket, Key }));
      const md5 = createHash("md5").update("0123456789").digest("hex");
      const etag = value?.ETag === `"${md5}"` ? "MD5" : String(value?.ETag);
      const metadata = Object.entries(value?.Metadata ?? {}).map(([name, text]) => `${name}=${text}`);
      return [status, value?.ContentLength, etag, value?.ContentType, ...metadata.sort()].join(", ");
    },
  },
  {
    question: "headers of a HEAD",
    ask: async (world) => {
      const answer = await world.owner.send(new HeadObjectCommand({ Bucket, Key: await store(world) }));
      return describeHeaders(answer, ["accept-ranges", "content-length", "etag", "last-modified", "x-amz-request-id"]);
    },
  },
  {
    question: "a key with blank, plus, percent and umlaut",
    ask: async ({ owner, createKey }) => {
      const Key = createKey("a b+c%25é&=?.db");
      await owner.send(new PutObjectCommand({ Bucket, Key, Body: "x" }));
      return describeAnswer(await owner.send(new HeadObjectCommand({ Bucket, Key })));
    },
  },
  {
    question: "a key of 1025 bytes",
    ask: async ({ owner, createKey }) => {
      const start = createKey("");
      const Key = start + `${"x".repeat(99)}/`.repeat(11).slice(0, 1025 - start.length);
      return describeAnswer(await owner.send(new PutObjectCommand({ Bucket, Key, Body: "x" })));
    },
  },
  {
    question: "more than 2 KiB of metadata",
    ask: async ({ owner, createKey }) =>
      describeAnswer(
        await owner.send(
          new PutObjectCommand({ Bucket, Key: createKey(), Body: "x", Metadata: { more: "x".repeat(2100) } }),
        ),
      ),
  },
  { question: "range of the first byte", ask: (world) => readRange(world, "bytes=0-0") },
  { question: "range from the middle", ask: (world) => readRange(world, "bytes=7-") },
  { question: "range of the last two bytes", ask: (world) => readRange(world, "bytes=-2") },
  { question: "range beyond the end", ask: (world) => readRange(world, "bytes=10-") },
  {
    question: "GET with If-Match of another ETag",
    ask: async (world) =>
      describeAnswer(
        await world.owner.send(new GetObjectCommand({ Bucket, Key: await store(world), IfMatch: '"0123"' })),
      ),
  },
  {
    question: "GET of an object that is not there",
    ask: async ({ owner, createKey }) =>
      describeAnswer(await owner.send(new GetObjectCommand({ Bucket, Key: createKey() }))),
  },
  {
    question: "HEAD of an object that is not there",
    ask: async ({ owner, createKey }) =>
      describeAnswer(await owner.send(new HeadObjectCommand({ Bucket, Key: createKey() }))),
  },
  {
    question: "what the body of a refusal holds",
    ask: async ({ owner, createKey, request }) => {
      const url = await getSignedUrl(owner.client, new GetObjectCommand({ Bucket, Key: createKey() }));
      const answer = await request(url);
      const elements = ["Code", "Message", "RequestId", "HostId"];
      return [
        answer.headers["content-type"],
        ...elements.filter((name) => findElement(answer.text, name) !== undefined),
      ].join(", ");
    },
  },
  {
    question: "GET in a bucket that is not there",
    ask: async ({ owner }) =>
      describeAnswer(await owner.send(new GetObjectCommand({ Bucket: "no-such-bucket-here", Key: "a" }))),
  },
  {
    question: "PUT into a bucket that is not there",
    ask: async ({ owner }) =>
      describeAnswer(await owner.send(new PutObjectCommand({ Bucket: "no-such-bucket-here", Key: "a", Body: "x" }))),
  },
  {
    question: "HEAD of a bucket, and of one that is not there",
    ask: async ({ owner }) => {
      const here = await owner.send(new HeadBucketCommand({ Bucket }));
      const absent = await owner.send(new HeadBucketCommand({ Bucket: "no-such-bucket-here" }));
      return `${describeAnswer(here)}, ${describeAnswer(absent)}`;
    },
  },
  {
    question: "DELETE of an object, and again",
    ask: async (world) => {
      const Key = await store(world);
      const first = await world.owner.send(new DeleteObjectCommand({ Bucket, Key }));
      const again = await world.owner.send(new DeleteObjectCommand({ Bucket, Key }));
      return `${describeAnswer(first)}, ${describeAnswer(again)}`;
    },
  },
  {
    question: "list of three objects by the start of their keys, page by page",
    ask: async ({ owner, createKey }) => {
      const prefix = createKey("folder/");
      for (const name of ["b", "a", "é"])
        await owner.send(new PutObjectCommand({ Bucket, Key: prefix + name, Body: "x" }));
      const names: string[] = [];
      let token: string | undefined;
      do {
        const command = new ListObjectsV2Command({ Bucket, Prefix: prefix, MaxKeys: 1, ContinuationToken: token });
        const { value, ...answer } = await owner.send(command);
        if (value === undefined) return describeAnswer(answer);
        names.push(...(value.Contents ?? []).map(({ Key = "" }) => Key.slice(prefix.length)));
        token = value.IsTruncated === true ? value.NextContinuationToken : undefined;
      } while (token !== undefined && names.length < 10);
      return names.join(", ");
    },
  },
  {
    question: "a body that is cut at 6 of 10 MiB, its hash not signed",
    ask: async (world) => {
      const Key = world.createKey();
      await sendCut(world, Key);
      // The server may still be at it: an object that is there after all is what matters.
      for (let tries = 0; tries < 10; tries += 1) {
        const { value } = await world.owner.send(new HeadObjectCommand({ Bucket, Key }));
        if (value !== undefined) return `kept, ${Number(value.ContentLength) / 1024 ** 2} MiB`;
        await new Promise((resolve) => setTimeout(resolve, 200));
      }
      return "no object";
    },
  },
];

async function sendCut({ owner, server }: ProbeWorld, key: string): Promise<void> {
  const url = await getSignedUrl(owner.client, new PutObjectCommand({ Bucket, Key: key }));
  await new Promise<void>((resolve) => {
    const request = https.request(url, {
      ca: server.certificateAuthority,
      method: "PUT",
      headers: { "content-length": 10 * 1024 ** 2 },
    });
    request.on("error", () => undefined);
    request.on("close", resolve);
    request.write(Buffer.alloc(6 * 1024 ** 2), () => {
      setTimeout(() => request.destroy(), 200);
    });
  });
}
