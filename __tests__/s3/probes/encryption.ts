import {
  AbortMultipartUploadCommand,
  CreateMultipartUploadCommand,
  HeadObjectCommand,
  PutObjectCommand,
  type ServerSideEncryption,
} from "@aws-sdk/client-s3";
import { buckets, describeAnswer, type Answer, type Probe, type ProbeWorld } from "../probe.ts";
import { addPart, complete } from "../probe-upload.ts";

const Bucket = buckets.plain;

interface Asked {
  readonly ServerSideEncryption: ServerSideEncryption;
  readonly SSEKMSKeyId?: string;
}

/** The answer to a write, and whether it repeats what was asked for. */
function describeEncryption(answer: Answer): string {
  const said = answer.headers["x-amz-server-side-encryption"];
  const confirmed = answer.status === 200 ? `, ${said === undefined ? "not confirmed" : `confirmed as ${said}`}` : "";
  return `${describeAnswer(answer)}${confirmed}`;
}

async function put(world: ProbeWorld, asked: Asked): Promise<string> {
  const at = { Bucket, Key: world.createKey() };
  const written = await world.owner.send(new PutObjectCommand({ ...at, Body: "0123456789", ...asked }));
  if (written.status !== 200) return describeEncryption(written);
  const found = await world.owner.send(new HeadObjectCommand(at));
  return `${describeEncryption(written)}; HEAD ${describeEncryption(found)}`;
}

async function upload(world: ProbeWorld, asked: Asked): Promise<string> {
  const at = { Bucket, Key: world.createKey() };
  const { value, ...started } = await world.owner.send(new CreateMultipartUploadCommand({ ...at, ...asked }));
  if (value?.UploadId === undefined) return describeEncryption(started);
  const sent = await addPart(world, { ...at, UploadId: value.UploadId, parts: [] }, 1, Buffer.from("part"));
  const completed = await complete(world, sent);
  if (completed.status !== 200)
    await world.owner.send(new AbortMultipartUploadCommand({ ...at, UploadId: value.UploadId }));
  return `${describeEncryption(started)}; then ${describeEncryption(completed)}`;
}

export const encryptionProbes: readonly Probe[] = [
  {
    question: "PUT with `AES256`, and a HEAD after it",
    ask: (world) => put(world, { ServerSideEncryption: "AES256" }),
  },
  {
    question: "PUT with `aws:kms`, and a HEAD after it",
    ask: (world) => put(world, { ServerSideEncryption: "aws:kms" }),
  },
  {
    question: "PUT with `aws:kms` and a key that is not there",
    ask: (world) => put(world, { ServerSideEncryption: "aws:kms", SSEKMSKeyId: "no-such-key" }),
  },
  {
    question: "PUT with `aws:kms:dsse`",
    ask: (world) => put(world, { ServerSideEncryption: "aws:kms:dsse" }),
  },
  {
    question: "upload that was started with `AES256`",
    ask: (world) => upload(world, { ServerSideEncryption: "AES256" }),
  },
  {
    question: "upload that was started with `aws:kms`",
    ask: (world) => upload(world, { ServerSideEncryption: "aws:kms" }),
  },
];
