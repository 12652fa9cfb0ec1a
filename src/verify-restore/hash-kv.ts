import { ActionError } from "../errors.ts";
import type { HashKv } from "../etcd/hash-kv.ts";
import type { Snapshot } from "../etcd/snapshot.ts";
import type { RestoreScript } from "../hypershift/restore-script.ts";
import type { ExecWorld } from "../pod/exec-again.ts";
import { askTogether, hashesAsFile } from "../pod/hash-kv.ts";
import type { Member } from "../pod/member.ts";

/** What the HashKV of the members shows. */
export interface HashVerdict {
  /** Each member answered as it was predicted from the stored snapshot. */
  readonly shown: boolean;
  /** In words. */
  readonly text: string;
}

/**
 * Holds each member's HashKV against what the stored snapshot predicts for this kind of restore. Not shown where a compaction
 * was faster, as kube-apiserver's first is after 5 to 10 minutes. Throws `members-diverged` for members that differ from each
 * other, `restore-differs` for all of them from the snapshot.
 */
export async function compareHashes(
  world: ExecWorld,
  members: readonly Member[],
  { stored, script }: { readonly stored: Snapshot; readonly script: RestoreScript },
): Promise<HashVerdict> {
  const expected = expectedAnswer(stored, script);
  const answers = await askTogether(world, members, expected.revision);
  if (answers === undefined)
    return {
      shown: false,
      text: `not shown: revision ${String(expected.revision)} has been compacted away since, as kube-apiserver does it after 5 to 10 minutes`,
    };
  refuseDiverged(members, answers.hashes);
  const hash = [...answers.hashes.values()][0] ?? 0;
  if (answers.compactRevision !== expected.compactRevision)
    return {
      shown: false,
      text: `not shown: the members have compacted up to revision ${String(answers.compactRevision)} since; they agree with each other`,
    };
  if (members.some(({ version }) => !hashesAsFile(version)))
    return { shown: false, text: "not shown: etcd before 3.5.16 hashes otherwise; the members agree with each other" };
  if (hash === expected.hash)
    return {
      shown: true,
      text: `${String(hash)} at revision ${String(expected.revision)} on ${renderCount(members)}, as the snapshot predicts`,
    };
  throw new ActionError(
    "restore-differs",
    `the etcd holds something else than the snapshot: its HashKV at revision ${String(expected.revision)} is ${String(hash)}, and the snapshot predicts ${String(expected.hash)}`,
    {
      hint: "compare snapshot-uri with the one that was rendered: another snapshot of this cluster was most likely restored",
    },
  );
}

/** Throws `members-diverged` where not all hashes are equal. */
export function refuseDiverged(members: readonly Member[], hashes: ReadonlyMap<string, number>): void {
  if (new Set(hashes.values()).size <= 1) return;
  const each = members.map(({ id, pod }) => `${pod} ${String(hashes.get(id) ?? "unknown")}`).join(", ");
  throw new ActionError("members-diverged", `the etcd members do not have the same data: HashKV of ${each}`, {
    hint: "do not use this cluster: delete it with its volume claims data-etcd-*, and restore again",
  });
}

export function renderCount(members: readonly Member[]): string {
  return members.length === 1 ? "the one member" : `all ${String(members.length)} members`;
}

function expectedAnswer({ prediction, hashKv }: Snapshot, script: RestoreScript): HashKv {
  const { revision, hashKV: hash } = prediction[script];
  // A bumped restore marks everything up to its revision as compacted.
  return { revision, hash, compactRevision: script === "bumped" ? revision : hashKv.compactRevision };
}
