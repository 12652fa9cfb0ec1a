import { findMade, saveMade } from "../../../src/action/state.ts";
import { summarizeDrill } from "../../../src/action/summary/drill.ts";
import { drill } from "../../../src/drill/drill.ts";
import { tryRemove } from "../../../src/drill/pod.ts";
import { createDrillReport, type DrillReport, type DrillRequest } from "../../../src/drill/world.ts";
import { ActionError, describeError } from "../../../src/errors.ts";
import { createMemoryCluster } from "./cluster-port.ts";
import { Machine } from "./machine.ts";
import { openMemorySpool } from "./spool.ts";
import { createMemoryLog, runAsPost, runProcess, type StageEnd } from "./step.ts";
import { createMemoryStore } from "./store-port.ts";
import type { MemoryWorld } from "./world.ts";

/** One run of `mode: drill`: main, and the post step after it. */
export interface DrillStep {
  readonly machine: Machine;
  readonly request: DrillRequest;
  readonly report: DrillReport;
  readonly state: Map<string, string>;
  /** All that somebody can read of it, a line each. */
  readonly lines: string[];
  /** What it asked to be masked. */
  readonly secrets: (string | Buffer)[];
}

export const drillNamespace = "etcd-restore-drill";

export function createDrillStep(world: MemoryWorld, request: Partial<DrillRequest> = {}): DrillStep {
  const { hostedCluster, prefix } = world.request;
  return {
    machine: new Machine(world.timeline),
    request: {
      hostedCluster,
      snapshot: { latestOf: { prefix, ...hostedCluster } },
      encryptionKeys: [world.aesKey],
      identities: [],
      pins: { hostedCluster, prefix },
      namespace: drillNamespace,
      timeoutMs: 15 * 60_000,
      scripts: "release",
      ...request,
    },
    report: createDrillReport(),
    state: new Map(),
    lines: [],
    secrets: [],
  };
}

export function runDrill(world: MemoryWorld, step: DrillStep): Promise<StageEnd> {
  const { machine, report, request, lines, secrets } = step;
  const { clock, signal } = machine;
  const run = { repository: "", workflow: "", runId: "", runAttempt: "", url: "" };
  const saveState = (name: string, value: string): void => {
    world.wire.write({ operation: `save ${name}`, machine }, () => {
      step.state.set(name, value);
    });
  };
  return runProcess(machine, async () => {
    let failure: ActionError | undefined;
    try {
      await drill(
        request,
        {
          cluster: createMemoryCluster(world.backend, world.wire, machine).withSignal(signal),
          store: createMemoryStore(world.bucket, world.wire, machine).withSignal(signal),
          log: createMemoryLog(step),
          openSpool: openMemorySpool,
          ...{ clock, signal, run, version: "0.0.0" },
          onSecret: (secret) => {
            secrets.push(secret);
          },
          remember: ({ namespace, name, nonce }) => {
            saveMade({ saveState }, { what: "drill", pod: { namespace, name }, nonce, server: "memory" });
          },
        },
        report,
      );
    } catch (error) {
      failure = describeError(error);
    }
    const summary = summarizeDrill({ request, report, failure, findDocs: () => undefined });
    lines.push(
      ...summary.rows.map((row) => row.join(": ")),
      ...(summary.tables ?? []).flatMap(({ rows }) => rows.map((row) => row.join(" "))),
    );
    if (failure === undefined) return { kind: "green" };
    lines.push(`${failure.code}: ${failure.message}`, failure.hint ?? "");
    return { kind: "red", failure };
  });
}

/** The post step on the same runner. */
export function runDrillPost(world: MemoryWorld, step: DrillStep): Promise<StageEnd> {
  return runAsPost(world, async (machine) => {
    const saved = findMade((name) => step.state.get(name) ?? "");
    if (saved === undefined) return { kind: "green" };
    const cluster = createMemoryCluster(world.backend, world.wire, machine);
    const log = createMemoryLog({ machine, lines: step.lines });
    const gone = await tryRemove({ cluster, clock: machine.clock, log }, { ...saved.pod, nonce: saved.nonce });
    return gone ? { kind: "green" } : { kind: "red", failure: new ActionError("leftovers-remain", "its pod") };
  });
}
