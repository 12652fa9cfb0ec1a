import { hasCode, type ErrorCode } from "../errors.ts";
import type { HostedCluster } from "../hypershift/hosted-cluster.ts";
import type { Answered, Clock, HostedClusterPatch, ManagementCluster, ObjectRef } from "../ports.ts";
import { limits } from "../time-limits.ts";

/** The parts of the world that a change of the HostedCluster needs; `signal` ends the pause between two tries. */
export interface ChangeWorld {
  readonly cluster: Pick<ManagementCluster, "findHostedCluster" | "patchHostedCluster">;
  readonly clock: Clock;
  readonly signal?: AbortSignal;
}

const tries = 5;

/**
 * Changes a HostedCluster as it is: reads it, asks `decide`, and patches with the resource version that was read. After a
 * conflict, or another error of `again`, everything is read and decided anew. Nothing is written where `decide` returns
 * undefined; what it throws is thrown.
 */
export async function changeHostedCluster(
  world: ChangeWorld,
  ref: ObjectRef,
  options: {
    readonly decide: (current: Answered<HostedCluster> | undefined) => HostedClusterPatch | undefined;
    readonly again?: readonly ErrorCode[];
    /** Called with what a write that was answered made of it. */
    readonly onWritten?: (written: Answered<HostedCluster>) => void;
    /** In place of the world's own reading. */
    readonly read?: () => Promise<Answered<HostedCluster> | undefined>;
  },
): Promise<void> {
  const { cluster, clock, signal } = world;
  const { decide, again = [], onWritten = () => undefined, read = () => cluster.findHostedCluster(ref) } = options;
  for (let attempt = 1; ; attempt += 1) {
    const current = await read();
    const patch = decide(current);
    if (current === undefined || patch === undefined) return;
    try {
      onWritten(await cluster.patchHostedCluster(ref, patch, { resourceVersion: current.resourceVersion }));
      return;
    } catch (error) {
      if (!hasCode(error, "hold-conflict", ...again) || attempt >= tries) throw error;
    }
    await clock.sleep(limits.pollMs, signal);
  }
}
