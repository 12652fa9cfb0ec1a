import {
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  ListMultipartUploadsCommand,
  UploadPartCommand,
  type CompletedPart,
  type CompleteMultipartUploadCommandInput,
  type CompleteMultipartUploadCommandOutput,
  type CreateMultipartUploadCommandInput,
} from "@aws-sdk/client-s3";
import { buckets, type ProbeWorld, type Result } from "./probe.ts";

/** An upload that a probe has begun, and the parts that were taken. */
export interface StartedUpload {
  readonly Bucket: string;
  readonly Key: string;
  readonly UploadId: string;
  readonly parts: readonly CompletedPart[];
}

export async function start(
  { owner }: ProbeWorld,
  key: string,
  more: Partial<CreateMultipartUploadCommandInput> = {},
): Promise<StartedUpload> {
  const at = { ...more, Bucket: more.Bucket ?? buckets.plain, Key: key };
  const { value, status } = await owner.send(new CreateMultipartUploadCommand(at));
  if (value?.UploadId === undefined) throw new Error(`an upload was not started: ${status}`);
  return { Bucket: at.Bucket, Key: key, UploadId: value.UploadId, parts: [] };
}

/** The upload with one more part; throws when the server does not take it. */
export async function addPart(
  { owner }: ProbeWorld,
  upload: StartedUpload,
  number: number,
  body: Buffer,
): Promise<StartedUpload> {
  const { parts, ...at } = upload;
  const { value, status } = await owner.send(new UploadPartCommand({ ...at, PartNumber: number, Body: body }));
  if (value?.ETag === undefined) throw new Error(`part ${number} was not taken: ${status}`);
  return { ...upload, parts: [...parts, { PartNumber: number, ETag: value.ETag }] };
}

/** An upload with one small part. */
export async function startWithPart(
  world: ProbeWorld,
  key: string,
  more: Partial<CreateMultipartUploadCommandInput> = {},
): Promise<StartedUpload> {
  return addPart(world, await start(world, key, more), 1, Buffer.from("part"));
}

export function complete(
  { owner }: ProbeWorld,
  { Bucket: bucket, Key, UploadId, parts }: StartedUpload,
  more: Partial<CompleteMultipartUploadCommandInput> = {},
): Promise<Result<CompleteMultipartUploadCommandOutput>> {
  return owner.send(
    new CompleteMultipartUploadCommand({
      Bucket: bucket,
      Key,
      UploadId,
      MultipartUpload: { Parts: [...parts] },
      ...more,
    }),
  );
}

export async function isOpen(
  { owner }: ProbeWorld,
  { Bucket: bucket, Key, UploadId }: StartedUpload,
): Promise<boolean> {
  const { value } = await owner.send(new ListMultipartUploadsCommand({ Bucket: bucket, Prefix: Key }));
  return value?.Uploads?.some((upload) => upload.UploadId === UploadId) === true;
}
