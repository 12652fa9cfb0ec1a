import { ListMultipartUploadsCommand, ListObjectsV2Command } from "@aws-sdk/client-s3";
import type { ListedObject, OpenUpload } from "../ports.ts";
import { describeCall, failureOf, sendCall, target, type StoreContext } from "./s3-calls.ts";
import { foreignAnswer, type StoreOperation } from "./s3-errors.ts";

/** Objects whose key begins with `prefix`, in the order of their keys. */
export async function listObjects(context: StoreContext, prefix: string): Promise<readonly ListedObject[]> {
  const objects: ListedObject[] = [];
  let token: string | undefined;
  do {
    const page = await sendCall(context, "ListObjects", checkedPart(prefix), (options) =>
      context.connection.client.send(
        new ListObjectsV2Command({
          ...bucketOf(context),
          Prefix: prefix,
          ...(token === undefined ? {} : { ContinuationToken: token }),
        }),
        options,
      ),
    );
    checkPage(context, "ListObjects", prefix, page.Name ?? page.IsTruncated);
    for (const { Key: key, LastModified: modifiedAt } of page.Contents ?? [])
      if (key?.startsWith(prefix) === true) objects.push({ key, modifiedAt });
    // A page that leads to itself would never end.
    const next = page.IsTruncated === true ? page.NextContinuationToken : undefined;
    token = next === token ? undefined : next;
  } while (token !== undefined);
  return objects;
}

/** Open uploads of keys that begin with `prefix`; none from a store that cannot list. */
export async function listUploads(context: StoreContext, prefix: string): Promise<readonly OpenUpload[]> {
  const uploads: OpenUpload[] = [];
  let marker: UploadMarker | undefined = {};
  try {
    while (marker !== undefined) {
      const page: UploadPage = await readUploads(context, prefix, marker);
      uploads.push(...page.uploads);
      marker = page.next;
    }
  } catch (error) {
    const status = failureOf(error)?.status;
    if (status !== 501 && status !== 405) throw error;
    context.log?.debug("the store cannot list open uploads");
  }
  return uploads;
}

interface UploadMarker {
  readonly KeyMarker?: string;
  readonly UploadIdMarker?: string;
}

interface UploadPage {
  readonly uploads: readonly OpenUpload[];
  readonly next: UploadMarker | undefined;
}

async function readUploads(context: StoreContext, prefix: string, marker: UploadMarker): Promise<UploadPage> {
  const answer = await sendCall(context, "ListMultipartUploads", checkedPart(prefix), (options) =>
    context.connection.client.send(
      new ListMultipartUploadsCommand({ ...bucketOf(context), ...marker, Prefix: prefix }),
      options,
    ),
  );
  const { IsTruncated, NextKeyMarker, NextUploadIdMarker } = answer;
  checkPage(context, "ListMultipartUploads", prefix, answer.Bucket ?? IsTruncated);
  const moves = NextKeyMarker !== marker.KeyMarker || NextUploadIdMarker !== marker.UploadIdMarker;
  return {
    uploads: (answer.Uploads ?? []).flatMap(({ Key: key, UploadId: id, Initiated: startedAt }) =>
      key?.startsWith(prefix) === true && id !== undefined ? [{ key, id, startedAt }] : [],
    ),
    // A page without a marker would begin anew.
    next:
      IsTruncated === true && NextKeyMarker !== undefined && NextUploadIdMarker !== undefined && moves
        ? { KeyMarker: NextKeyMarker, UploadIdMarker: NextUploadIdMarker }
        : undefined,
  };
}

/** A page of a store repeats the bucket's name, and says whether it is the last. */
function checkPage(context: StoreContext, operation: StoreOperation, prefix: string, said: unknown): void {
  if (said === undefined) throw foreignAnswer(describeCall(context, operation, prefix));
}

/** What of a prefix must be a safe key: a folder ends with a slash, which no key may. */
function checkedPart(prefix: string): string {
  return prefix.replace(/\/$/, "");
}

function bucketOf(context: StoreContext): Omit<ReturnType<typeof target>, "Key"> {
  const { Key: _key, ...bucket } = target(context, "");
  return bucket;
}
