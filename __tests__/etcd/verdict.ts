import { describeError } from "../../src/errors.ts";
import { readSnapshot, type Snapshot } from "../../src/etcd/snapshot.ts";
import { createMemorySource } from "../world/snapshot/read.ts";

/** How a damaged file is judged, beside the whole one. */
export type Verdict =
  | { readonly verdict: "refused"; readonly code: string; readonly message: string }
  /** Read, and its figures are not those of the whole file. */
  | { readonly verdict: "told by hash"; readonly snapshot: Snapshot }
  /** Nothing that the file says has changed. */
  | { readonly verdict: "harmless"; readonly snapshot: Snapshot }
  | { readonly verdict: "missed"; readonly snapshot: Snapshot };

const limitMs = 10_000;

/** Throws for an error that has no code, which also is what happens after 10 s. */
export async function judge(whole: Snapshot, bytes: Buffer): Promise<Verdict> {
  let snapshot: Snapshot;
  try {
    snapshot = await readSnapshot(createMemorySource(bytes), { signal: AbortSignal.timeout(limitMs) });
  } catch (error) {
    const { code, message } = describeError(error);
    if (code === "internal") throw error;
    return { verdict: "refused", code, message };
  }
  if (snapshot.hash !== whole.hash || snapshot.hashKv.hash !== whole.hashKv.hash)
    return { verdict: "told by hash", snapshot };
  return { verdict: isSame(whole, snapshot) ? "harmless" : "missed", snapshot };
}

function isSame(whole: Snapshot, other: Snapshot): boolean {
  const sayings = (snapshot: Snapshot): string => JSON.stringify({ ...snapshot, sha256: "", trailer: "" });
  return sayings(whole) === sayings(other);
}
