import type { HashKv } from "../etcd/hash-kv.ts";
import { at, numberAt } from "../json-path.ts";
import { limits } from "../time-limits.ts";
import { etcdContainer, etcdctl, type Member, type MemberTools } from "./member.ts";
import { execAgain, type ExecWorld } from "./exec-again.ts";

// etcdctl ends with an error where the revision is compacted; what it prints then is not an answer.
const hashing = `revision=$1 limit=$2
shift 2
"$@" endpoint hashkv --rev="$revision" --command-timeout="$limit"s -w json 2>/dev/null
exit 0
`;

/** argv that asks the member in whose container it runs for its HashKV at `revision`; read by `findHashKv`. */
export function hashKvCommand(
  revision: number,
  { tools, limitSeconds }: { readonly tools: MemberTools; readonly limitSeconds: number },
): readonly string[] {
  return ["sh", "-c", hashing, "hash", String(revision), String(limitSeconds), ...etcdctl(tools.authority)];
}

/**
 * Reads what `hashKvCommand` printed for `revision`; undefined where the member did not answer, for instance since it has
 * compacted that revision away.
 */
export function findHashKv(output: string, revision: number): HashKv | undefined {
  let value: unknown;
  try {
    value = JSON.parse(output);
  } catch {
    return undefined;
  }
  const answer = at(value, 0, "HashKV");
  const hash = numberAt(answer, "hash");
  const compactRevision = numberAt(answer, "compact_revision");
  if (hash === undefined || compactRevision === undefined) return undefined;
  return { revision, compactRevision, hash };
}

/** Members that were asked for one revision, and have compacted up to the same one. */
export interface Answers {
  readonly compactRevision: number;
  /** By the ids of the members. */
  readonly hashes: ReadonlyMap<string, number>;
}

/** How often all members are asked, where a compaction comes between them. */
const rounds = 2;

/**
 * Asks one member after the other for its HashKV at `revision`, since a member keeps writes waiting while it hashes. Undefined
 * where a member did not answer, or had compacted further than the one before it, in each round.
 */
export async function askTogether(
  world: ExecWorld,
  members: readonly Member[],
  revision: number,
): Promise<Answers | undefined> {
  for (let round = 1; round <= rounds; round += 1) {
    const hashes = new Map<string, number>();
    const compacted = new Set<number>();
    for (const member of members) {
      const answer = await askMember(world, member, revision);
      if (answer === undefined) continue;
      hashes.set(member.id, answer.hash);
      compacted.add(answer.compactRevision);
    }
    const [compactRevision, ...others] = compacted;
    if (compactRevision !== undefined && others.length === 0 && hashes.size === members.length)
      return { compactRevision, hashes };
  }
  return undefined;
}

async function askMember(world: ExecWorld, member: Member, revision: number): Promise<HashKv | undefined> {
  const { namespace, pod, tools, dbSizeBytes } = member;
  const limitMs = limits.hashBaseMs + Math.ceil((dbSizeBytes / limits.hashBytesPerSecond) * 1000);
  const argv = hashKvCommand(revision, { tools, limitSeconds: Math.ceil(limitMs / 1000) });
  const timeoutMs = limitMs + limits.execTimeoutMs;
  const result = await execAgain(etcdContainer({ namespace, name: pod }), argv, { timeoutMs }, world);
  return findHashKv(result.stdout.toString(), revision);
}

/** True for versions whose HashKV the reader of snapshots computes: server/storage/mvcc/hash.go since 3.5.16, all of 3.6 and 3.7. */
export function hashesAsFile(version: string): boolean {
  const [major = 0, minor = 0, patch = 0] = version.split(/[.-]/).map(Number);
  return major > 3 || (major === 3 && (minor > 5 || (minor === 5 && patch >= 16)));
}
