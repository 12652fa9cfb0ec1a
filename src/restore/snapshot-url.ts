import { renderBytes } from "../bytes.ts";
import { ActionError } from "../errors.ts";
import { limits } from "../time-limits.ts";
import type { Finding } from "./findings.ts";
import { findUrlExpiry, restoreUrlMaxCharacters, signSnapshot, trySnapshotUrl } from "../snapshots/signed-url.ts";
import type { KnownSnapshot } from "../snapshots/recorded-snapshot.ts";
import type { RestoreWorld } from "./world.ts";
import { formatTime } from "../time.ts";

interface SnapshotUrl {
  /** Secret. */
  readonly url: string;
  readonly expiresAt: string;
}

/** How the members of a new etcd come to fetch the snapshot. */
interface Fetch {
  readonly sizeBytes: number;
  /** They fetch at once, over one line at worst. */
  readonly members: number;
  readonly expiresInSeconds: number;
}

/** Says how long the URL must live: until the slowest member has fetched the snapshot. A warning where it does not. */
export function checkLife({ sizeBytes, members, expiresInSeconds }: Fetch): Finding {
  const guard = "signed URL";
  const { fetchStartMs, fetchBytesPerSecond } = limits;
  const fetchMs = ((members * sizeBytes) / fetchBytesPerSecond) * 1000;
  const text =
    `it lives ${renderMinutes(expiresInSeconds * 1000)} from the moment it is signed; ${members === 1 ? "the member fetches" : `each of ${String(members)} members fetches`} ` +
    `${renderBytes(sizeBytes)} once, which takes ${renderMinutes(fetchMs)} where all share ${renderBytes(fetchBytesPerSecond)}/s, ` +
    `after some ${renderMinutes(fetchStartMs)} until the last one has its volume and image`;
  return expiresInSeconds * 1000 < fetchMs + fetchStartMs
    ? { guard, verdict: "warning", text: `${text}: lengthen presign-expires-in, or the last member finds it over` }
    : { guard, verdict: "equal", text };
}

/** Rounded up. */
function renderMinutes(ms: number): string {
  return `${String(Math.ceil(ms / 60_000))} min`;
}

/** Throws `snapshot-url-too-long` with the length of each part. */
function refuseLong(url: string): void {
  const tooMany = url.length - restoreUrlMaxCharacters;
  if (tooMany <= 0) return;
  const address = url.split("?", 1).join("").length;
  const token = /&?X-Amz-Security-Token=[^&]*/.exec(url)?.[0].length ?? 0;
  const rest = url.length - address - token;
  const parts = [
    `${String(address)} of host and path`,
    ...(token === 0 ? [] : [`${String(token)} of the session token`]),
    `${String(rest)} of the signature and what belongs to it`,
  ];
  const shorter = "shorten the names of bucket, s3-prefix and s3-endpoint for the next backup";
  throw new ActionError(
    "snapshot-url-too-long",
    `the signed URL has ${String(url.length)} characters, ${String(tooMany)} more than the ${String(restoreUrlMaxCharacters)} that HyperShift takes: ${parts.join(", ")}`,
    {
      hint:
        token === 0
          ? shorter
          : `set presign-access-key-id and presign-secret-access-key to a long-lived key that may read, which has no session token; or ${shorter}`,
    },
  );
}

/**
 * A signed URL that HyperShift takes as restoreSnapshotURL and that the store answers. It is fetched until the last member has
 * restored, so it must live as long as was asked for, by the store's clock. Throws `snapshot-url-expires`, `snapshot-url-not-https`,
 * `snapshot-url-too-long`, `snapshot-url-rejected`.
 */
export async function signRestoreUrl(
  known: KnownSnapshot,
  expiresInSeconds: number,
  world: RestoreWorld,
): Promise<SnapshotUrl> {
  const { store } = world;
  const credentialsEnd = await store.findCredentialsExpiry();
  const expiresAt = new Date(store.now().getTime() + expiresInSeconds * 1000);
  if (credentialsEnd !== undefined && credentialsEnd < expiresAt)
    throw new ActionError(
      "snapshot-url-expires",
      `a URL valid until ${formatTime(expiresAt)} would end with the credentials at ${formatTime(credentialsEnd)}`,
      { hint: "shorten presign-expires-in, or set presign-access-key-id and presign-secret-access-key" },
    );
  const { key } = known.snapshot;
  const { sizeBytes, versionId } = known;
  const snapshot = { key, sizeBytes, ...(versionId === undefined ? {} : { versionId }) };
  const url = await signSnapshot(snapshot, expiresInSeconds, world);
  if (!url.startsWith("https://"))
    throw new ActionError("snapshot-url-not-https", "the signed URL does not begin with https://", {
      hint: "HyperShift takes no other; set s3-endpoint to an https:// address",
    });
  refuseLong(url);
  await trySnapshotUrl(url, snapshot, store);
  return { url, expiresAt: formatTime(findUrlExpiry(url) ?? expiresAt) };
}
