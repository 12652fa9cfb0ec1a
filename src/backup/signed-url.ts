import { formatTime } from "../snapshot/location.ts";
import { restoreUrlMaxCharacters, signSnapshot, trySnapshotUrl } from "../snapshot/signed-url.ts";
import type { BackupPlan } from "./preflight.ts";
import type { Transferred } from "./transfer.ts";
import type { BackupReport, BackupRequest, BackupWorld } from "./world.ts";

/** Signs a URL of the snapshot, tries it, and notes it in `report`. It ends with the credentials at the latest. */
export async function signSnapshotUrl(
  request: BackupRequest,
  plan: BackupPlan,
  { object }: Transferred,
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
  const snapshot = { key: plan.key, ...object };
  const url = await signSnapshot(snapshot, Math.floor((endMs - nowMs) / 1000), world);
  await trySnapshotUrl(url, snapshot, store);
  if (url.length > restoreUrlMaxCharacters)
    log.warning(
      `the signed URL has ${String(url.length)} characters; HyperShift takes ${String(restoreUrlMaxCharacters)}. ` +
        "Session tokens make it so: set presign-access-key-id and presign-secret-access-key for a URL to restore from",
    );
  report.presignedUrl = url;
  report.presignedUrlExpiresAt = formatTime(new Date(endMs));
}
