import { ActionError, describeError, hasCode } from "../errors.ts";
import type { HashKv } from "../etcd/hash-kv.ts";
import { askTogether, hashesAsFile } from "../pod/hash-kv.ts";
import type { Member } from "../pod/member.ts";
import { proveStored } from "../snapshots/proof.ts";
import { storedAs, type ProvenSnapshot } from "./record.ts";
import type { BackupWorld } from "./world.ts";

/** The verdict on whether all members have the keys and values of the files. */
export interface MembersVerdict {
  /** Absent where it could not be compared. */
  readonly membersAgree?: boolean;
  /** Why they do not agree. */
  readonly failure?: ActionError;
  /** HashKV of each member that answered, by its id, at the revision of the newest file. */
  readonly hashes: ReadonlyMap<string, number>;
  /** HashKV of each file, by its key in the store, for the point at which the members were asked, where it was computed. */
  readonly files: ReadonlyMap<string, HashKv>;
  /** Why a stored file is not what it was when it was proven, by its key. */
  readonly lost: ReadonlyMap<string, ActionError>;
}

/**
 * Asks one member after the other for its HashKV at the revision of each snapshot, since a member keeps writes waiting while it
 * hashes, and compares the answers with each other and with the files. A comparison that could not be made is a warning: the
 * snapshots are whole all the same.
 */
export async function compareMembers(
  world: BackupWorld,
  { snapshots, members }: { readonly snapshots: readonly ProvenSnapshot[]; readonly members: readonly Member[] },
): Promise<MembersVerdict> {
  const revisions = [...new Set(snapshots.map(revisionOf))].toSorted((one, other) => other - one);
  const verdicts: MembersVerdict[] = [];
  for (const revision of revisions) {
    const files = snapshots.filter((snapshot) => revisionOf(snapshot) === revision);
    verdicts.push(await compareAt(world, { revision, files, members }));
  }
  const differing = verdicts.find(({ membersAgree }) => membersAgree === false);
  return {
    ...(differing ?? verdicts.find(({ membersAgree }) => membersAgree === undefined) ?? verdicts[0]),
    hashes: verdicts[0]?.hashes ?? new Map(),
    files: new Map(verdicts.flatMap(({ files }) => [...files])),
    lost: new Map(verdicts.flatMap(({ lost }) => [...lost])),
  };
}

/** The snapshots that are still what they were when they were proven. Throws why one is not, where none is. */
export function listWhole(snapshots: readonly ProvenSnapshot[], { lost }: MembersVerdict): readonly ProvenSnapshot[] {
  const whole = snapshots.filter(({ key }) => !lost.has(key));
  const [failure] = lost.values();
  if (failure !== undefined && whole.length === 0) throw failure;
  return whole;
}

function revisionOf({ snapshot }: ProvenSnapshot): number {
  return snapshot.hashKv.revision;
}

/** Compares the members with the files of one revision. */
async function compareAt(
  world: BackupWorld,
  {
    revision,
    files,
    members,
  }: { readonly revision: number; readonly files: readonly ProvenSnapshot[]; readonly members: readonly Member[] },
): Promise<MembersVerdict> {
  const known = new Map<string, HashKv>();
  const lost = new Map<string, ActionError>();
  const found = { files: known, lost };
  const unknown = (reason: string, hashes: MembersVerdict["hashes"] = new Map()): MembersVerdict => {
    world.log.warning(`whether all etcd members have the same data is not known: ${reason}`);
    return { hashes, ...found };
  };
  try {
    const answers = await askTogether(world, members, revision);
    if (answers === undefined)
      return unknown(`not all of them answered for revision ${String(revision)} before it was compacted away`);
    const { hashes, compactRevision } = answers;
    const different = (file?: HashKv): MembersVerdict => {
      return { membersAgree: false, failure: differ(members, hashes, file), hashes, ...found };
    };
    const [hash, ...others] = new Set(hashes.values());
    if (others.length > 0) return different();
    const missing = Math.max(...members.map(({ memberCount }) => memberCount)) - members.length;
    if (missing > 0) return unknown(`${String(missing)} of them were not seen`, hashes);
    if (members.some(({ version }) => !hashesAsFile(version))) {
      world.log.info(
        "the etcd members have the same HashKV; the file's is not compared: etcd before 3.5.16 hashes otherwise",
      );
      return { hashes, ...found };
    }
    for (const snapshot of files) {
      const file = await hashFile(world, snapshot, compactRevision).catch((error: unknown) => {
        // Bytes that are not there any more are no question of the members.
        if (!hasCode(error, "proof-failed", "object-not-found")) throw error;
        lost.set(snapshot.key, error);
      });
      if (lost.has(snapshot.key)) continue;
      if (file === undefined) return unknown("the file was compacted further than the members", hashes);
      known.set(snapshot.key, file);
      if (file.hash !== hash) return different(file);
    }
    const what = known.size === 1 ? "the file" : `${String(known.size)} files`;
    world.log.info(`${String(members.length)} etcd members and ${what} have the same HashKV ${String(hash)}`);
    return { membersAgree: true, hashes, ...found };
  } catch (error) {
    return unknown(describeError(error).message);
  }
}

/** The file's HashKV for that compaction; the file is read once more where it was compacted since. */
async function hashFile(
  world: BackupWorld,
  proven: ProvenSnapshot,
  compactRevision: number,
): Promise<HashKv | undefined> {
  const { snapshot, digests } = proven;
  const { revision } = snapshot.hashKv;
  if (snapshot.hashKv.compactRevision === compactRevision) return snapshot.hashKv;
  const { openSpool, signal } = world;
  const hashKvAt = { revision, compactRevision };
  return (await proveStored(world.store, storedAs(proven), digests, { keys: [], openSpool, signal, hashKvAt }))
    .hashKvAt;
}

function differ(members: readonly Member[], hashes: MembersVerdict["hashes"], file?: HashKv): ActionError {
  const each = members.map(({ id, pod }) => `${pod} ${String(hashes.get(id) ?? "unknown")}`);
  const all = file === undefined ? each : [...each, `the file ${String(file.hash)}`];
  return new ActionError(
    "members-diverged",
    `the etcd members do not have the same data: HashKV of ${all.join(", ")}`,
    {
      hint: "compare the members before anything is restored: one of them lacks what another has; the snapshot is kept, and says so",
    },
  );
}
