import { ActionError } from "../errors.ts";
import { formatTime } from "../snapshot/location.ts";
import type { BackupPlan } from "./preflight.ts";
import type { Transferred } from "./transfer.ts";
import type { BackupReport, BackupRequest, BackupWorld } from "./world.ts";

/** Longest restoreSnapshotURL that HyperShift's CRD takes. */
const restoreUrlMaxLength = 1024;

/** Signs a URL of the snapshot, tries it, and notes it in `report`. It ends with the credentials at the latest. */
export async function signSnapshotUrl(
  request: BackupRequest,
  plan: BackupPlan,
  { object, digests }: Transferred,
  world: BackupWorld,
  report: BackupReport,
): Promise<void> {
  const { store, log, clock } = world;
  const credentialsEnd = await store.findCredentialsExpiry();
  const nowMs = clock.nowMs();
  const wantedMs = nowMs + request.presignExpiresInSeconds * 1000;
  const endMs = Math.min(wantedMs, credentialsEnd?.getTime() ?? Infinity);
  if (endMs < wantedMs)
    log.warning(
      `the signed URL ends with the credentials at ${formatTime(new Date(endMs))}, before presign-expires-in is over`,
    );
  const expiresInSeconds = Math.floor((endMs - nowMs) / 1000);
  const url = await store.signUrl(plan.key, {
    expiresInSeconds,
    ...(object.versionId === undefined ? {} : { versionId: object.versionId }),
  });
  world.onSecret(url);
  const sizeBytes = await store.tryUrl(url);
  if (sizeBytes !== digests.sizeBytes)
    throw new ActionError(
      "snapshot-url-rejected",
      `the signed URL gives ${String(sizeBytes)} bytes, not ${String(digests.sizeBytes)}`,
      {
        hint: "the object was replaced after its proof; find out by whom",
      },
    );
  if (url.length > restoreUrlMaxLength)
    log.warning(
      `the signed URL has ${String(url.length)} characters; HyperShift takes ${String(restoreUrlMaxLength)}. ` +
        "Session tokens make it so: set presign-access-key-id and presign-secret-access-key for a URL to restore from",
    );
  report.presignedUrl = url;
  report.presignedUrlExpiresAt = formatTime(new Date(endMs));
}
