import { randomBytes } from "node:crypto";
import { refuseRotation } from "../encryption/rotation.ts";
import { readEncryption } from "../encryption/secret.ts";
import type { HashKvPoint } from "../etcd/hash-kv.ts";
import type { Snapshot } from "../etcd/snapshot.ts";
import { askTogether, hashesAsFile } from "../pod/hash-kv.ts";
import { Findings } from "../preflight/findings.ts";
import { chooseMembers } from "../preflight/members.ts";
import { refuseDiverged, renderCount, type HashVerdict } from "./hash-kv.ts";
import { compareKeys, refuseOtherKey } from "./keys.ts";
import { readLiving } from "./living.ts";
import { beganAnew, type MembersVerdict } from "./members.ts";
import type { RestoredEtcd } from "./wait.ts";
import type { VerifyRestoreReport, VerifyRestoreWorld } from "./world.ts";

interface LivingTerms {
  readonly restored: RestoredEtcd;
  readonly stored: Snapshot;
  readonly verdict: MembersVerdict;
  readonly hashes: HashVerdict;
}

/**
 * Reads what one living member has, and compares each key with the stored snapshot; where the prediction is gone, all members
 * with each other, too. Throws `etcd-not-restored`, `restore-differs`, `members-diverged`, `encryption-key-mismatch`, and as
 * readLiving does.
 */
export async function compareLiving(
  world: VerifyRestoreWorld,
  { restored, stored, verdict, hashes }: LivingTerms,
  report: VerifyRestoreReport,
): Promise<void> {
  const { log } = world;
  const { members, hostedCluster } = restored;
  const encryption = await readEncryption(hostedCluster, world);
  const { keys } = encryption;
  const findings = new Findings(log, { allowUnhealthy: false, quiesce: false });
  const [member] = chooseMembers(members, "one", findings);
  if (member === undefined) throw findings.error();
  // Where the prediction is gone, the members are compared with each other, and with what is read.
  const mustCompare = !hashes.shown && members.length > 1;
  let answers: Awaited<ReturnType<typeof askTogether>>;
  const findHashKvAt = async (revision: number): Promise<HashKvPoint | undefined> => {
    answers = mustCompare ? await askTogether(world, members, revision) : undefined;
    if (answers !== undefined) refuseDiverged(members, answers.hashes);
    return answers && { revision, compactRevision: answers.compactRevision };
  };
  const living = await readLiving(world, {
    ...{ member, keys, findHashKvAt },
    nonce: randomBytes(16).toString("hex"),
    earlier: stored.liveIndex,
  });
  report.livingRevision = living.revision;
  if (!verdict.idsAreNew && verdict.script === "plain" && !beganAnew(stored, living))
    log.warning(
      "whether etcd started from the snapshot, or is the one that was backed up, is not known: its ids and its young raft log fit both",
    );
  const { survivors, share } = compareKeys(stored, living, verdict.script);
  report.survivors = survivors;
  log.info(
    `${share} of the snapshot are untouched at revision ${String(living.revision)}, the newest of them from revision ${String(survivors.newestRevision)}; every other was changed or deleted since`,
  );
  refuseRotation(hostedCluster, encryption);
  refuseOtherKey(living, encryption);
  log.info(
    `${String(living.encrypted.values)} values are encrypted, ${String(living.encrypted.checked)} were opened with the cluster's key`,
  );
  if (!mustCompare) return;
  const text = tellAgreement(members, answers?.hashes, living);
  report.hashKv = `${hashes.text}; ${text}`;
  log.info(`HashKV: ${text}`);
}

/** In words, whether all members have what was read of one. Throws `members-diverged`. */
function tellAgreement(
  members: RestoredEtcd["members"],
  hashes: ReadonlyMap<string, number> | undefined,
  { hashKvAt, revision }: Snapshot,
): string {
  if (hashes === undefined || hashKvAt === undefined || members.some(({ version }) => !hashesAsFile(version)))
    return "whether all members have what was read of one is not known";
  const all = new Map([...hashes, ["the file", hashKvAt.hash]]);
  refuseDiverged(members, all);
  return `${renderCount(members)} have at revision ${String(revision)} what was read of one`;
}
