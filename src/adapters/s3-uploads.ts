import { createHash } from "node:crypto";
import {
  AbortMultipartUploadCommand,
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  UploadPartCommand,
} from "@aws-sdk/client-s3";
import { ActionError, describeError, hasCode } from "../errors.ts";
import type { StoredObject, Upload, UploadedPart } from "../ports.ts";
import { failureOf, sendCall, target, type StoreContext } from "./s3-calls.ts";
import {
  crc32Base64,
  damagedCodes,
  decideByLook,
  incomplete,
  hasMetadata,
  withRetries,
  type Metadata,
} from "./s3-writing.ts";

export async function startUpload(context: StoreContext, key: string, metadata: Metadata): Promise<Upload> {
  const { client, sendsChecksums } = context.connection;
  const answer = await sendCall(context, "CreateMultipartUpload", key, (options) =>
    client.send(
      new CreateMultipartUploadCommand({
        ...target(context, key),
        ContentType: "application/octet-stream",
        Metadata: { ...metadata },
        // Part checksums at completion are refused (400 InvalidPart) by some stores unless the algorithm was named here.
        ...(sendsChecksums ? { ChecksumAlgorithm: "CRC32" as const } : {}),
      }),
      options,
    ),
  );
  if (!answer.UploadId) throw incomplete(context, key, "the store named no upload");
  return { key, id: answer.UploadId };
}

export async function uploadPart(
  context: StoreContext,
  upload: Upload,
  number: number,
  body: Buffer,
): Promise<UploadedPart> {
  const { client, sendsChecksums } = context.connection;
  const checksum = sendsChecksums ? crc32Base64(body) : undefined;
  const command = {
    ...target(context, upload.key),
    UploadId: upload.id,
    PartNumber: number,
    // A Buffer, never a stream: streams go out as aws-chunked, which RADOS gateway answers with 411.
    Body: body,
    ContentLength: body.byteLength,
    ...(checksum === undefined
      ? { ContentMD5: createHash("md5").update(body).digest("base64") }
      : { ChecksumCRC32: checksum }),
  };
  const answer = await withRetries(context, damagedCodes, () =>
    sendCall(context, "UploadPart", upload.key, (options) => client.send(new UploadPartCommand(command), options)),
  );
  if (!answer.ETag) throw incomplete(context, upload.key, `the store gave no ETag for part ${number}`);
  return { number, etag: answer.ETag, ...(checksum === undefined ? {} : { checksum }) };
}

/** See SnapshotStore; the look is not left out after a success, since some stores ignore `If-None-Match` here. */
export async function completeUpload(
  context: StoreContext,
  upload: Upload,
  parts: readonly UploadedPart[],
  expected: { readonly sizeBytes: number; readonly metadata: Metadata },
): Promise<StoredObject> {
  const { client } = context.connection;
  let failure: ActionError | undefined;
  try {
    await sendCall(context, "CompleteMultipartUpload", upload.key, (options) =>
      client.send(
        new CompleteMultipartUploadCommand({
          ...target(context, upload.key),
          UploadId: upload.id,
          IfNoneMatch: "*",
          MultipartUpload: {
            Parts: parts
              .toSorted((left, right) => left.number - right.number)
              .map((part) => ({
                PartNumber: part.number,
                ETag: part.etag,
                ...(part.checksum === undefined ? {} : { ChecksumCRC32: part.checksum }),
              })),
          },
        }),
        options,
      ),
    );
  } catch (error) {
    failure = describeError(error);
  }
  try {
    const { stored } = await decideByLook(context, upload.key, failure, (found) =>
      hasMetadata(found.stored, expected.metadata),
    );
    if (stored.sizeBytes === expected.sizeBytes) return stored;
    throw new ActionError(
      "proof-failed",
      `s3://${context.settings.bucket}/${upload.key} has ${String(stored.sizeBytes)} bytes, not the ${String(expected.sizeBytes)} that were sent`,
      { hint: "do not trust this store before its operator has found out why; the object is deleted" },
    );
  } catch (error) {
    // After a 412 the upload stays open on some stores, and would be paid for.
    if (failure !== undefined && hasCode(error, "object-exists")) await abortQuietly(context, upload);
    throw error;
  }
}

/** True also where there is no such upload any more. */
export async function abortUpload(context: StoreContext, upload: Upload): Promise<void> {
  try {
    await sendCall(context, "AbortMultipartUpload", upload.key, (options) =>
      context.connection.client.send(
        new AbortMultipartUploadCommand({ ...target(context, upload.key), UploadId: upload.id }),
        options,
      ),
    );
  } catch (error) {
    if (failureOf(error)?.status !== 404) throw error;
  }
}

async function abortQuietly(context: StoreContext, upload: Upload): Promise<void> {
  try {
    await abortUpload(context, upload);
  } catch (error) {
    context.log?.warning(`${describeError(error).message}; its parts are stored until then`);
  }
}
