import { ActionError } from "../errors.ts";
import type { Log, SnapshotStore } from "../ports.ts";
import type { StoredSnapshot } from "./location.ts";
import { findUrlExpiry, restoreUrlMaxCharacters, signSnapshot, trySnapshotUrl } from "./signed-url.ts";
import { formatTime } from "../time.ts";

/**
 * Signs a URL of a snapshot, and tries it. It ends with the credentials at the latest, by the store's clock. Throws
 * `store-credentials-expired` where these have ended, and as trySnapshotUrl does.
 */
export async function signSnapshotUrl(
  world: {
    readonly store: Pick<SnapshotStore, "now" | "signUrl" | "tryUrl" | "findCredentialsExpiry">;
    readonly log: Log;
    readonly onSecret: (value: string) => void;
  },
  snapshot: StoredSnapshot,
  expiresInSeconds: number,
): Promise<{ readonly presignedUrl: string; readonly presignedUrlExpiresAt: string }> {
  const { store, log } = world;
  const credentialsEnd = await store.findCredentialsExpiry();
  const nowMs = store.now().getTime();
  const wantedMs = nowMs + expiresInSeconds * 1000;
  const endMs = Math.min(wantedMs, credentialsEnd?.getTime() ?? Infinity);
  if (endMs - nowMs < 1000)
    throw new ActionError(
      "store-credentials-expired",
      `no URL can be signed: the credentials ended at ${formatTime(new Date(endMs))}`,
      { hint: "let them live as long as the run does, or set presign-access-key-id and presign-secret-access-key" },
    );
  if (endMs < wantedMs)
    log.warning(
      `the signed URL ends with the credentials at ${formatTime(new Date(endMs))}, before presign-expires-in is over`,
    );
  const url = await signSnapshot(snapshot, Math.floor((endMs - nowMs) / 1000), world);
  await trySnapshotUrl(url, snapshot, store);
  if (url.length > restoreUrlMaxCharacters)
    log.warning(
      `the signed URL has ${String(url.length)} characters; HyperShift takes ${String(restoreUrlMaxCharacters)}. ` +
        "Session tokens make it so: set presign-access-key-id and presign-secret-access-key for a URL to restore from",
    );
  return { presignedUrl: url, presignedUrlExpiresAt: formatTime(findUrlExpiry(url) ?? new Date(endMs)) };
}
