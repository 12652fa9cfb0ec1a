import { describeError } from "../../../src/errors.ts";
import type { WorkflowRuns } from "../../../src/ports.ts";
import { createRecoverReport, recover, type RecoverReport } from "../../../src/recover/recover.ts";
import { createMemoryCluster } from "./cluster-port.ts";
import { Machine } from "./machine.ts";
import { createMemoryLog, runProcess, type StageEnd } from "./step.ts";
import { createMemoryStore } from "./store-port.ts";
import type { MemoryWorld } from "./world.ts";

/** One run of `mode: recover`. */
export interface RecoverStep {
  readonly machine: Machine;
  readonly report: RecoverReport;
  readonly lines: string[];
  /** Undefined: without a token. */
  readonly runs: WorkflowRuns | undefined;
}

/** What GitHub says when every run is over. */
export const completedRuns: WorkflowRuns = { findRunState: () => Promise.resolve("completed") };

export function createRecoverStep(world: MemoryWorld, runs?: WorkflowRuns): RecoverStep {
  return { machine: new Machine(world.timeline), report: createRecoverReport(), lines: [], runs };
}

export function runRecover(world: MemoryWorld, step: RecoverStep): Promise<StageEnd> {
  const { machine, report, lines, runs } = step;
  const { clock, signal } = machine;
  const cluster = createMemoryCluster(world.backend, world.wire, machine).withSignal(signal);
  const store = createMemoryStore(world.bucket, world.wire, machine).withSignal(signal);
  return runProcess(machine, async () => {
    try {
      await recover(world.request, { cluster, store, clock, log: createMemoryLog(step), signal, runs }, report);
      return { kind: "green" };
    } catch (error) {
      const failure = describeError(error);
      lines.push(`${failure.code}: ${failure.message}`, failure.hint ?? "");
      return { kind: "red", failure };
    }
  });
}
