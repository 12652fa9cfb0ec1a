import type { ExecOptions, ExecResult } from "../ports/exec.ts";
import type { Clock, Log, ManagementCluster, ObjectRef } from "../ports.ts";
import { persistInPod } from "./patience.ts";

/** The parts of the world that a command in a pod needs; `signal` ends it. */
export interface ExecWorld {
  readonly cluster: Pick<ManagementCluster, "exec">;
  readonly clock: Clock;
  readonly log: Log;
  readonly signal: AbortSignal;
}

/** Runs a command that may run twice, as `persistInPod` does. */
export function execAgain(
  pod: ObjectRef & { readonly container: string },
  argv: readonly string[],
  options: ExecOptions,
  world: ExecWorld,
): Promise<ExecResult> {
  return persistInPod(world, { pod: pod.name }, () => world.cluster.exec(pod, argv, options));
}
