import { ListMultipartUploadsCommand, ListObjectsV2Command, ListObjectVersionsCommand } from "@aws-sdk/client-s3";
import { ActionError } from "../../errors.ts";
import type { ListedObject, OpenUpload } from "../../ports.ts";
import { describeCall, failureOf, sendCall, target, type StoreContext } from "./calls.ts";
import { foreignAnswer, type StoreOperation } from "./errors.ts";

/**
 * Objects whose key begins with `prefix`, in the order of their keys. Throws `store-refused` for a page that is not the last
 * and does not lead on: whoever takes a part of a listing for all of it misses records, and removes what they protect.
 */
export async function listObjects(context: StoreContext, prefix: string): Promise<readonly ListedObject[]> {
  const objects: ListedObject[] = [];
  let token: string | undefined;
  const pages = new Pages(context, "ListObjects", prefix);
  do {
    pages.next(token);
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
    for (const { Key: key, Size: sizeBytes, LastModified: modifiedAt } of page.Contents ?? [])
      if (key?.startsWith(prefix) === true) objects.push({ key, sizeBytes, modifiedAt });
    token = page.IsTruncated === true ? page.NextContinuationToken : undefined;
    if (page.IsTruncated === true && token === undefined) throw pages.brokenOff();
  } while (token !== undefined);
  return objects;
}

/**
 * How many versions and delete markers an object has. They are listed in the order of their keys, so that a key's own are
 * the first with it as prefix: one page tells. None from a store that has no versions.
 */
export async function countVersions(context: StoreContext, key: string): Promise<number> {
  try {
    const page = await sendCall(context, "ListObjectVersions", key, (options) =>
      context.connection.client.send(new ListObjectVersionsCommand({ ...bucketOf(context), Prefix: key }), options),
    );
    checkPage(context, "ListObjectVersions", key, page.Name ?? page.IsTruncated);
    return [...(page.Versions ?? []), ...(page.DeleteMarkers ?? [])].filter(({ Key }) => Key === key).length;
  } catch (error) {
    const status = failureOf(error)?.status;
    if (status !== 501 && status !== 405) throw error;
    context.log?.debug("the store cannot list versions");
    return 0;
  }
}

/**
 * Open uploads of keys that begin with `prefix`; none from a store that cannot list. Throws as listObjects does for a part of a
 * listing: an upload that it hides would count as aborted.
 */
export async function listUploads(context: StoreContext, prefix: string): Promise<readonly OpenUpload[]> {
  const uploads: OpenUpload[] = [];
  let marker: UploadMarker | undefined = {};
  const pages = new Pages(context, "ListMultipartUploads", prefix);
  try {
    while (marker !== undefined) {
      pages.next(JSON.stringify(marker));
      const page: UploadPage = await readUploads(context, prefix, marker);
      uploads.push(...page.uploads);
      marker = page.next;
      if (page.isTruncated && marker === undefined) throw pages.brokenOff();
    }
  } catch (error) {
    const status = failureOf(error)?.status;
    if (status !== 501 && status !== 405) throw error;
    context.log?.debug("the store cannot list open uploads");
  }
  return uploads;
}

/** The pages of one listing. Throws `store-refused` when one was there before, or when there are too many: it would not end. */
class Pages {
  readonly #seen = new Set<string>();
  readonly #context: StoreContext;
  readonly #operation: StoreOperation;
  readonly #prefix: string;

  constructor(context: StoreContext, operation: StoreOperation, prefix: string) {
    this.#context = context;
    this.#operation = operation;
    this.#prefix = prefix;
  }

  next(token: string | undefined): void {
    const { limits } = this.#context.connection;
    const again = this.#seen.has(token ?? "");
    this.#seen.add(token ?? "");
    if (!again && this.#seen.size <= limits.storePages) return;
    const { bucket } = this.#context.settings;
    throw new ActionError(
      "store-refused",
      `${this.#operation} of s3://${bucket}/${this.#prefix} does not end: ` +
        (again ? "a page leads to one that was read before" : `it has more than ${limits.storePages} pages`),
      { hint: "look at what else is stored below s3-prefix, and at the store" },
    );
  }

  /** A page says that there are more, and not where. */
  brokenOff(): ActionError {
    return new ActionError(
      "store-refused",
      `${this.#operation} of s3://${this.#context.settings.bucket}/${this.#prefix} breaks off: a page is not the last, and leads to no other`,
      { hint: "look at the store, and at what stands between it and the runner" },
    );
  }
}

interface UploadMarker {
  readonly KeyMarker?: string;
  readonly UploadIdMarker?: string;
}

interface UploadPage {
  readonly uploads: readonly OpenUpload[];
  readonly isTruncated: boolean;
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
  return {
    uploads: (answer.Uploads ?? []).flatMap(({ Key: key, UploadId: id, Initiated: startedAt }) =>
      key?.startsWith(prefix) === true && id !== undefined ? [{ key, id, startedAt }] : [],
    ),
    isTruncated: IsTruncated === true,
    // A page without a marker would begin anew.
    next:
      IsTruncated === true && NextKeyMarker !== undefined && NextUploadIdMarker !== undefined
        ? { KeyMarker: NextKeyMarker, UploadIdMarker: NextUploadIdMarker }
        : undefined,
  };
}

/** A page of a store repeats the bucket's name, and says whether it is the last. */
function checkPage(context: StoreContext, operation: StoreOperation, prefix: string, said: unknown): void {
  if (said === undefined) throw foreignAnswer(describeCall(context, operation, prefix));
}

/** The part of a prefix that must be a safe key: a folder ends with a slash, which no key may. */
function checkedPart(prefix: string): string {
  return prefix.replace(/\/$/, "");
}

function bucketOf(context: StoreContext): Omit<ReturnType<typeof target>, "Key"> {
  const { Key: _key, ...bucket } = target(context, "");
  return bucket;
}
