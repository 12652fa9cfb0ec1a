import { findHeld, isSettled, markSettled, saveHeld } from "../../../src/action/state.ts";
import { summarizeBackup } from "../../../src/action/summary/backup.ts";
import { backUp } from "../../../src/backup/backup.ts";
import { createReport, type BackupReport, type BackupRequest } from "../../../src/backup/world.ts";
import { describeError, type ActionError } from "../../../src/errors.ts";
import type { Log } from "../../../src/ports.ts";
import { finishMain } from "../../../src/recover/after-main.ts";
import type { RunInfo } from "../../../src/snapshots/record.ts";
import { createMemoryCluster } from "./cluster-port.ts";
import { Machine } from "./machine.ts";
import { openMemorySpool } from "./spool.ts";
import { createMemoryStore } from "./store-port.ts";
import type { MemoryWorld } from "./world.ts";

/** What the runner does with a signal that was sent: SIGTERM changes nothing more, SIGKILL comes at last. */
const killedAfterCancelMs = 10_000;
/** From the cancel of a job to the end of its post steps. */
const postLimitMs = 270_000;

/** One run of the action in a workflow: main, and the post step that the runner starts after it. */
export interface Step {
  readonly machine: Machine;
  readonly run: RunInfo;
  readonly request: BackupRequest;
  readonly report: BackupReport;
  readonly state: Map<string, string>;
  /** All that somebody can read of it, a line each. */
  readonly lines: string[];
  /** What it asked to be masked. */
  readonly secrets: (string | Buffer)[];
}

/** `green` and `red` are exit codes 0 and 1. */
export type StageEnd =
  { readonly kind: "green" } | { readonly kind: "red"; readonly failure: ActionError } | { readonly kind: "killed" };

let runs = 0;

export function createStep(
  world: MemoryWorld,
  request: Partial<BackupRequest> = {},
  options: { readonly clockSkewMs?: number } = {},
): Step {
  runs += 1;
  const runId = String(runs);
  return {
    machine: new Machine(world.timeline, options.clockSkewMs),
    run: {
      repository: "octo/backups",
      workflow: "nightly",
      runId,
      runAttempt: "1",
      url: `https://github.example/octo/backups/actions/runs/${runId}/attempts/1`,
    },
    request: { ...world.request, ...request },
    report: createReport(),
    state: new Map(),
    lines: [],
    secrets: [],
  };
}

/** SIGINT, and SIGKILL when the process does not end by itself. */
export function cancelProcess(world: MemoryWorld, machine: Machine): void {
  machine.cancel();
  world.timeline.after(killedAfterCancelMs, () => {
    machine.kill();
  });
}

/** Main, as src/run.ts puts it together. Resolves also when it is killed. */
export function runMain(world: MemoryWorld, step: Step): Promise<StageEnd> {
  return runProcess(step.machine, () => main(world, step));
}

/** What `work` comes to, unless its process is killed before. What it still waits for then is nobody's any more. */
export async function runProcess(machine: Machine, work: () => Promise<StageEnd>): Promise<StageEnd> {
  const end = await Promise.race([work(), machine.killed.then((): StageEnd => ({ kind: "killed" }))]);
  machine.kill();
  return end;
}

async function main(world: MemoryWorld, step: Step): Promise<StageEnd> {
  const { machine, report, request, lines } = step;
  const { signal, clock } = machine;
  const saveState = createSaveState(world, step);
  let failure: ActionError | undefined;
  try {
    await backUp(
      request,
      {
        cluster: createMemoryCluster(world.backend, world.wire, machine).withSignal(signal),
        store: createMemoryStore(world.bucket, world.wire, machine).withSignal(signal),
        clock,
        log: createMemoryLog(step),
        signal,
        run: step.run,
        version: "0.0.0",
        openSpool: openMemorySpool,
        saveJournal: (journal, hostedCluster) => {
          const store = { bucket: world.bucket.name, prefix: request.prefix };
          const { readyBefore: ready = {}, recordUri } = step.report;
          const isRecorded = recordUri !== undefined;
          saveHeld({ saveState }, { hostedCluster, journal, ready, isRecorded, server: "memory", store, proxies: {} });
        },
        onSecret: (secret) => {
          step.secrets.push(secret);
        },
      },
      report,
    );
    markSettled({ saveState });
  } catch (error) {
    failure = describeError(error);
  }
  const summary = summarizeBackup({ request, report, failure, findDocs: () => undefined });
  lines.push(...summary.rows.map((row) => row.join(": ")));
  if (failure === undefined) return { kind: "green" };
  lines.push(`${failure.code}: ${failure.message}`, failure.hint ?? "");
  return { kind: "red", failure };
}

/** The post step on the same runner. */
export function runPost(world: MemoryWorld, step: Step): Promise<StageEnd> {
  return runAsPost(world, (machine) => post(world, step, machine));
}

/** Work of a post step, in a process of its own that a runner ends after some time. */
export async function runAsPost(world: MemoryWorld, work: (machine: Machine) => Promise<StageEnd>): Promise<StageEnd> {
  const machine = new Machine(world.timeline);
  const callOff = world.timeline.after(postLimitMs, () => {
    machine.kill();
  });
  const end = await runProcess(machine, () => work(machine));
  callOff();
  return end;
}

async function post(world: MemoryWorld, step: Step, machine: Machine): Promise<StageEnd> {
  const getState = (name: string): string => step.state.get(name) ?? "";
  const held = findHeld(getState);
  if (isSettled(getState) || held === undefined) return { kind: "green" };
  const recoverWorld = {
    cluster: createMemoryCluster(world.backend, world.wire, machine),
    store: createMemoryStore(world.bucket, world.wire, machine),
    clock: machine.clock,
    log: createMemoryLog({ machine, lines: step.lines }),
  };
  try {
    await finishMain(held, recoverWorld, { prefix: held.store.prefix, report: { apiServers: "down" } });
    return { kind: "green" };
  } catch (error) {
    const failure = describeError(error);
    step.lines.push(`${failure.code}: ${failure.message}`, failure.hint ?? "");
    return { kind: "red", failure };
  }
}

function createSaveState(world: MemoryWorld, { machine, state }: Step): (name: string, value: string) => void {
  return (name, value) => {
    world.wire.write({ operation: `save ${name}`, machine }, () => {
      state.set(name, value);
    });
  };
}

/** What a process that was killed still says is heard by nobody. */
export function createMemoryLog({ machine, lines }: Pick<Step, "machine" | "lines">): Log {
  const say = (message: string): void => {
    if (machine.alive) lines.push(message);
  };
  return {
    info: say,
    warning: say,
    debug: (message) => {
      say(`debug: ${message}`);
    },
    group: (title, run) => {
      say(title);
      return run();
    },
  };
}
