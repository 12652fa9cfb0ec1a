import { tamperWith, type Tampering } from "./content.ts";
import type { FaultAction } from "./faults.ts";
import type { S3Request } from "./s3-request.ts";
import { findCurrent, type ObjectVersion } from "./storage.ts";

export function isTampering(fault: FaultAction | undefined): fault is Tampering {
  return fault?.kind === "flip-byte" || fault?.kind === "truncate";
}

/** Damages the part or the object that a request is about; nothing where there is none. */
export async function damageStored(request: S3Request, tampering: Tampering): Promise<void> {
  const { bucket, key, query, operation } = request;
  if (operation === "UploadPart") {
    const part = bucket.uploads.get(query.get("uploadId") ?? "")?.parts.get(Number(query.get("partNumber")));
    const [segment] = part === undefined ? [] : await tamperWith([part.segment], tampering);
    if (part !== undefined) part.segment = segment ?? { path: part.segment.path, sizeBytes: 0 };
    return;
  }
  const object = findCurrent(bucket, key);
  if (object !== undefined) await damageObject(object, tampering);
}

/** Leaves ETag and checksums as they were. */
export async function damageObject(object: ObjectVersion, tampering: Tampering): Promise<void> {
  object.segments = await tamperWith(object.segments, tampering);
}
