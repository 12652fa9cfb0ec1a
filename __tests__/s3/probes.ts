import type { Probe } from "./probe.ts";
import { checksumProbes } from "./probes/checksums.ts";
import { conditionProbes } from "./probes/conditions.ts";
import { credentialProbes } from "./probes/credentials.ts";
import { encryptionProbes } from "./probes/encryption.ts";
import { objectProbes } from "./probes/objects.ts";
import { signedUrlProbes } from "./probes/signed-urls.ts";
import { uploadProbes } from "./probes/uploads.ts";
import { versionProbes } from "./probes/versions.ts";

/** Every question that each server is asked, under the heading that it has in the table. */
export const probes: ReadonlyMap<string, readonly Probe[]> = new Map([
  ["Who asks", credentialProbes],
  ["Objects", objectProbes],
  ["Conditions", conditionProbes],
  ["Checksums", checksumProbes],
  ["Uploads", uploadProbes],
  ["Encryption", encryptionProbes],
  ["Versions", versionProbes],
  ["Signed URLs", signedUrlProbes],
]);
