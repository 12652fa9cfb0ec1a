import { ActionError } from "../errors.ts";
import { formatTime } from "../snapshot/location.ts";
import { restoreUrlMaxCharacters, signSnapshot, trySnapshotUrl } from "../snapshot/signed-url.ts";
import type { RecordedSnapshot } from "./recorded-snapshot.ts";
import type { RestoreWorld } from "./world.ts";

interface SnapshotUrl {
  /** Secret. */
  readonly url: string;
  readonly expiresAt: string;
}

/**
 * A signed URL that HyperShift takes as restoreSnapshotURL and that the store answers. It is fetched until the last member has
 * restored, so it must live as long as was asked for. Throws `snapshot-url-expires`, `snapshot-url-not-https`,
 * `snapshot-url-too-long`, `snapshot-url-rejected`.
 */
export async function signRestoreUrl(
  { key, entry }: RecordedSnapshot,
  expiresInSeconds: number,
  world: RestoreWorld,
): Promise<SnapshotUrl> {
  const { store, clock } = world;
  const credentialsEnd = await store.findCredentialsExpiry();
  const expiresAt = new Date(clock.nowMs() + expiresInSeconds * 1000);
  if (credentialsEnd !== undefined && credentialsEnd < expiresAt)
    throw new ActionError(
      "snapshot-url-expires",
      `a URL valid until ${formatTime(expiresAt)} would end with the credentials at ${formatTime(credentialsEnd)}`,
      { hint: "shorten presign-expires-in, or set presign-access-key-id and presign-secret-access-key" },
    );
  const snapshot = { ...entry, key };
  const url = await signSnapshot(snapshot, expiresInSeconds, world);
  if (!url.startsWith("https://"))
    throw new ActionError("snapshot-url-not-https", "the signed URL does not begin with https://", {
      hint: "HyperShift takes no other; set s3-endpoint to an https:// address",
    });
  if (url.length > restoreUrlMaxCharacters)
    throw new ActionError(
      "snapshot-url-too-long",
      `the signed URL has ${String(url.length)} characters; HyperShift takes ${String(restoreUrlMaxCharacters)}`,
      {
        hint: "a session token makes it so: set presign-access-key-id and presign-secret-access-key to a long-lived key that may read",
      },
    );
  await trySnapshotUrl(url, snapshot, store);
  return { url, expiresAt: formatTime(expiresAt) };
}
