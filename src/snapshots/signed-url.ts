import { ActionError } from "../errors.ts";
import type { Log, SnapshotStore } from "../ports.ts";
import type { StoredSnapshot } from "./location.ts";

/** Longest restoreSnapshotURL that HyperShift's CRD takes (api/hypershift/v1beta1/hostedcluster_types.go). */
export const restoreUrlMaxCharacters = 1024;

/** A signed URL of `snapshot`, masked before anything could print it. The store is asked nothing. */
export async function signSnapshot(
  snapshot: StoredSnapshot,
  expiresInSeconds: number,
  world: {
    readonly store: Pick<SnapshotStore, "signUrl" | "findCredentialsExpiry">;
    readonly log: Log;
    readonly onSecret: (value: string) => void;
  },
): Promise<string> {
  const { store, log } = world;
  const url = await store.signUrl(snapshot.key, {
    expiresInSeconds,
    ...(snapshot.versionId === undefined ? {} : { versionId: snapshot.versionId }),
  });
  world.onSecret(url);
  if (new URL(url).searchParams.has("X-Amz-Security-Token") && (await store.findCredentialsExpiry()) === undefined)
    log.warning("the signed URL ends with the session that signed it, and the credentials do not say when that is");
  return url;
}

/** When a signed URL ends, by the store's clock; undefined where it does not say. */
export function findUrlExpiry(url: string): Date | undefined {
  const query = new URL(url).searchParams;
  const signed = query.get("X-Amz-Date")?.replace(/^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/, "$1-$2-$3T$4:$5:$6Z");
  const time = new Date(signed ?? "").getTime() + Number(query.get("X-Amz-Expires")) * 1000;
  return Number.isNaN(time) ? undefined : new Date(time);
}

/** Asks for the first byte of `url`; throws `snapshot-url-rejected` unless the store gives the snapshot. */
export async function trySnapshotUrl(
  url: string,
  snapshot: StoredSnapshot,
  store: Pick<SnapshotStore, "tryUrl">,
): Promise<void> {
  const sizeBytes = await store.tryUrl(url);
  if (sizeBytes === snapshot.sizeBytes) return;
  throw new ActionError(
    "snapshot-url-rejected",
    `the signed URL gives ${String(sizeBytes)} bytes, not ${String(snapshot.sizeBytes)}`,
    { hint: "the object was replaced after its proof; find out by whom" },
  );
}
