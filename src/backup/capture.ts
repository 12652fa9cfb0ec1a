import { type ActionError, describeError, hasCode } from "../errors.ts";
import { openSnapshot, type OpenedSnapshot } from "../pod/capture.ts";
import type { Member } from "../pod/member.ts";
import type { ExecWorld } from "../pod/exec-again.ts";

/** A snapshot under way, and the key under which it is to be stored. */
export type Opened = OpenedSnapshot & { readonly member: Member; readonly key: string };

/** The snapshots under way, at least one, and the failures of members of which there will be none. */
export interface OpenedSnapshots {
  readonly opened: readonly Opened[];
  readonly lost: readonly ActionError[];
}

/**
 * Does `openSnapshot` for each member that is to be captured, all at once. A member that fails does not keep the others from
 * being saved; a lost hold, and a run that was cancelled, do.
 */
export async function openSnapshots(
  world: ExecWorld,
  {
    captures,
    run,
  }: { readonly captures: readonly Pick<Opened, "member" | "key">[]; readonly run: { readonly nonce: string } },
  assertHeld: () => Promise<unknown>,
): Promise<OpenedSnapshots> {
  const results = await Promise.allSettled(
    captures.map(async ({ member, key }) => ({
      member,
      key,
      ...(await openSnapshot(world, { member, nonce: run.nonce }, assertHeld)),
    })),
  );
  const failures = results.flatMap((result) => (result.status === "rejected" ? [result.reason as unknown] : []));
  const opened = results.flatMap((result) => (result.status === "fulfilled" ? [result.value] : []));
  const [first] = failures;
  if (opened.length === 0 || failures.some((failure) => hasCode(failure, "hold-lost", "cancelled"))) throw first;
  const lost = failures.map(describeError);
  for (const { code, message } of lost)
    world.log.info(`a member falls out, the others are saved (${code}: ${message})`);
  return { opened, lost };
}
