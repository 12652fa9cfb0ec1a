import { createHash } from "node:crypto";
import {
  AbortMultipartUploadCommand,
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  DeleteObjectCommand,
  UploadPartCommand,
  type UploadPartCommandOutput,
} from "@aws-sdk/client-s3";
import { hasCode, type ActionError } from "../../errors.ts";
import type { StoredObject, Upload, UploadedPart } from "../../ports.ts";
import { failureOf, isAbsent, lookAtObject, sendCall, target, type StoreContext } from "./calls.ts";
import {
  crc32Base64,
  damagedCodes,
  encryptionOf,
  incomplete,
  isUnknown,
  sendingMs,
  withRetries,
  writeNew,
  writeUnconditionally,
  type Metadata,
} from "./writing.ts";

export async function startUpload(context: StoreContext, key: string, metadata: Metadata): Promise<Upload> {
  const { client, sendsChecksums } = context.connection;
  const answer = await sendCall(context, "CreateMultipartUpload", key, (options) =>
    client.send(
      new CreateMultipartUploadCommand({
        ...target(context, key),
        ContentType: "application/octet-stream",
        Metadata: { ...metadata },
        ...encryptionOf(context),
        // Part checksums at completion are refused (400 InvalidPart) by some stores unless the algorithm was named here.
        ...(sendsChecksums ? { ChecksumAlgorithm: "CRC32" as const } : {}),
      }),
      options,
    ),
  );
  if (answer.ServerSideEncryption !== context.settings.serverSideEncryption) warnUnconfirmed(context);
  if (!answer.UploadId) throw incomplete(context, key, "the store named no upload");
  return { key, id: answer.UploadId };
}

/** RADOS gateway (AES256), versitygw and Garage take the header and encrypt nothing. Once: preflight starts an upload, too. */
function warnUnconfirmed({ connection: { learnt }, settings: { serverSideEncryption }, log }: StoreContext): void {
  if (serverSideEncryption === undefined || !learnt.confirmsEncryption) return;
  learnt.confirmsEncryption = false;
  log?.warning(
    `the store does not confirm s3-server-side-encryption: ${serverSideEncryption}; it may not encrypt at all`,
  );
}

/**
 * A part's SHA-256 is signed, which tells whatever Content-MD5 would, at half the cost; only a bucket with Object Lock does not
 * take a part without it (the words differ, and say no more than that something is wrong with the request).
 */
function asksForMd5(error: unknown): boolean {
  return ["InvalidRequest", "MissingContentMD5"].includes(failureOf(error)?.name ?? "");
}

export async function uploadPart(
  context: StoreContext,
  upload: Upload,
  number: number,
  body: Buffer,
): Promise<UploadedPart> {
  const { client, sendsChecksums, learnt } = context.connection;
  const checksum = sendsChecksums ? crc32Base64(body) : undefined;
  const command = {
    ...target(context, upload.key),
    UploadId: upload.id,
    PartNumber: number,
    // A Buffer, never a stream: streams go out as aws-chunked, which RADOS gateway answers with 411.
    Body: body,
    ContentLength: body.byteLength,
    ...(checksum === undefined ? {} : { ChecksumCRC32: checksum }),
  };
  const send = (md5: { readonly ContentMD5?: string }): Promise<UploadPartCommandOutput> =>
    withRetries(context, damagedCodes, () =>
      sendCall(context, "UploadPart", upload.key, (options) =>
        client.send(new UploadPartCommand({ ...command, ...md5 }), {
          ...options,
          requestTimeout: sendingMs(context, body),
        }),
      ),
    );
  const sendWithMd5 = (): Promise<UploadPartCommandOutput> =>
    send({ ContentMD5: createHash("md5").update(body).digest("base64") });
  const answer = await (learnt.asksForMd5
    ? sendWithMd5()
    : send({}).catch((error: unknown) => {
        if (sendsChecksums || !asksForMd5(error)) throw error;
        learnt.asksForMd5 = true;
        return sendWithMd5();
      }));
  if (!answer.ETag) throw incomplete(context, upload.key, `the store gave no ETag for part ${number}`);
  return { number, etag: answer.ETag, ...(checksum === undefined ? {} : { checksum }) };
}

/** The object as a look shows it: some stores ignore `If-None-Match` here, so it may be another's. */
export async function completeUpload(
  context: StoreContext,
  upload: Upload,
  parts: readonly UploadedPart[],
): Promise<StoredObject> {
  const { client } = context.connection;
  const completed = parts
    .toSorted((left, right) => left.number - right.number)
    .map((part) => ({
      PartNumber: part.number,
      ETag: part.etag,
      ...(part.checksum === undefined ? {} : { ChecksumCRC32: part.checksum }),
    }));
  await writeNew(context, upload.key, (condition) =>
    sendCall(context, "CompleteMultipartUpload", upload.key, (options) =>
      client.send(
        new CompleteMultipartUploadCommand({
          ...target(context, upload.key),
          UploadId: upload.id,
          ...condition,
          MultipartUpload: { Parts: completed },
        }),
        options,
      ),
    ),
  );
  const stored = await lookAtObject(context, upload.key);
  if (stored !== undefined) return stored;
  throw incomplete(context, upload.key, "the store confirmed the object, but does not have it");
}

/** No upload has it. */
const neverSent = { PartNumber: 1, ETag: `"${"0".repeat(32)}"` };

/**
 * Learns whether the store knows `If-None-Match` from a completion that it has to refuse: of a part that was never sent.
 * Throws the answer where the store may not be asked, or knows no completion at all.
 */
export async function rehearseCompletion(context: StoreContext, upload: Upload): Promise<void> {
  const conditional = await tryCompletion(context, upload, { IfNoneMatch: "*" });
  if (!isUnknown(conditional)) return;
  const unconditional = await tryCompletion(context, upload, {});
  if (isUnknown(unconditional)) throw conditional;
  writeUnconditionally(context);
}

/** The refusal. Where there is none, an object of nothing is there, which goes, with a warning. */
async function tryCompletion(
  context: StoreContext,
  { key, id }: Upload,
  condition: { readonly IfNoneMatch?: "*" },
): Promise<ActionError | undefined> {
  const { client } = context.connection;
  const command = { ...target(context, key), UploadId: id, ...condition, MultipartUpload: { Parts: [neverSent] } };
  try {
    await sendCall(context, "CompleteMultipartUpload", key, (options) =>
      client.send(new CompleteMultipartUploadCommand(command), options),
    );
  } catch (error) {
    // Whatever is wrong with the part is right, and some stores answer it with an error of their own; the other codes would
    // end the real one as well.
    const isAnswered = failureOf(error)?.status !== undefined;
    if (isAnswered && hasCode(error, "store-refused", "store-unreachable", "object-exists", "object-not-found"))
      return error;
    throw error;
  }
  context.log?.warning("the store completes an upload of a part that it never got: only the proof tells what it keeps");
  await sendCall(context, "DeleteObject", key, (options) =>
    client.send(new DeleteObjectCommand(target(context, key)), options),
  );
  return undefined;
}

/** Throws nothing where the store says that there is no such upload any more. */
export async function abortUpload(context: StoreContext, upload: Upload): Promise<void> {
  try {
    await sendCall(context, "AbortMultipartUpload", upload.key, (options) =>
      context.connection.client.send(
        new AbortMultipartUploadCommand({ ...target(context, upload.key), UploadId: upload.id }),
        options,
      ),
    );
  } catch (error) {
    if (!isAbsent(error)) throw error;
  }
}
