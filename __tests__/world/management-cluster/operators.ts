import { isDeepStrictEqual } from "node:util";
import { listAt, numberAt, stringAt } from "../../../src/json-path.ts";
import type { WorldClock } from "./clock.ts";
import type { JsonObject } from "./json.ts";
import {
  conditionsFor,
  copyToControlPlane,
  defaultReplicas,
  isBlocked,
  isRolledOut,
  readPause,
  type Pause,
} from "./operator-rules.ts";
import type { Switches } from "./switches.ts";
import { startWorker, type Worker } from "./worker.ts";

/** The objects as the operators reach them: those of this process, or an API server. */
export interface OperatorWorld {
  readonly clock: Pick<WorldClock, "now" | "after" | "sleep">;
  /** Undefined where it is not there. */
  read(
    resource: "hostedclusters" | "hostedcontrolplanes" | "deployments",
    namespace: string,
    name: string,
  ): Promise<JsonObject | undefined>;
  /** A merge patch without resourceVersion; `status` patches the status subresource. */
  patch(
    resource: "hostedclusters" | "hostedcontrolplanes" | "deployments",
    namespace: string,
    name: string,
    patch: JsonObject,
    subresource?: "status",
  ): Promise<void>;
}

export type OperatorSwitches = Pick<
  Switches,
  | "hypershiftOperator"
  | "controlPlaneOperator"
  | "copyDelayMs"
  | "reconcileDelayMs"
  | "updateUnderWay"
  | "rescalesWhilePaused"
>;

export interface OperatorOptions {
  readonly hostedCluster: { readonly namespace: string; readonly name: string };
  readonly controlPlaneNamespace: string;
  /** In the order of their dependencies. */
  readonly writers: readonly string[];
  readonly switches: () => OperatorSwitches;
}

export interface Operators {
  /** To be called after each change of an object, of the clock, and of a switch. */
  wake(): void;
  stop(): void;
}

/** Observed on the HostedCluster: its own condition changes 26 ms after the write, before anything is copied. */
const ownConditionMs = 10;

/** hypershift-operator and control-plane-operator, as far as a pause goes; each is one worker, as theirs are. */
export function startOperators(world: OperatorWorld, options: OperatorOptions): Operators {
  const hypershiftOperator = whileAlive(world, () => options.switches().hypershiftOperator);
  const controlPlaneOperator = whileAlive(world, () => options.switches().controlPlaneOperator);
  const workers = [
    startWorker(() => reconcileHostedCluster(hypershiftOperator, options), world.clock),
    startControlPlaneOperator(controlPlaneOperator, options),
  ];
  return {
    wake: () => {
      for (const worker of workers) worker.wake();
    },
    stop: () => {
      for (const worker of workers) worker.stop();
    },
  };
}

/** A process that dies in the middle of a reconcile writes nothing any more. */
function whileAlive(world: OperatorWorld, life: () => "alive" | "dead"): OperatorWorld {
  return {
    clock: world.clock,
    read: (...object) => world.read(...object),
    patch: async (...write) => {
      if (life() === "dead") throw new Error("the operator is dead");
      await world.patch(...write);
    },
  };
}

/** First the condition of the HostedCluster, then the copy: whoever waits for the first alone is too early. */
async function reconcileHostedCluster(world: OperatorWorld, options: OperatorOptions): Promise<Date | undefined> {
  const { hostedCluster: ref, controlPlaneNamespace, switches } = options;
  if (switches().hypershiftOperator === "dead") return undefined;
  const hostedCluster = await world.read("hostedclusters", ref.namespace, ref.name);
  if (!hostedCluster) return undefined;
  const pause = readPause(stringAt(hostedCluster, "spec", "pausedUntil"), world.clock.now());
  await writeConditions(world, "hostedclusters", hostedCluster, pause, ownConditionMs);
  const controlPlane = await world.read("hostedcontrolplanes", controlPlaneNamespace, ref.name);
  const copy = controlPlane && copyToControlPlane(hostedCluster, controlPlane);
  if (copy) {
    await world.clock.sleep(Math.max(0, switches().copyDelayMs - ownConditionMs));
    await world.patch("hostedcontrolplanes", controlPlaneNamespace, ref.name, copy);
  }
  return pause.kind === "paused" ? pause.until : undefined;
}

function startControlPlaneOperator(world: OperatorWorld, options: OperatorOptions): Worker {
  const { hostedCluster: ref, controlPlaneNamespace: namespace, switches } = options;
  let seenPaused: boolean | undefined;
  let rescaled = false;
  const reconcile = async (): Promise<Date | undefined> => {
    if (switches().controlPlaneOperator === "dead") return undefined;
    const controlPlane = await world.read("hostedcontrolplanes", namespace, ref.name);
    if (!controlPlane) return undefined;
    const pause = readPause(stringAt(controlPlane, "spec", "pausedUntil"), world.clock.now());
    const paused = pause.kind === "paused";
    if (paused && seenPaused === false && switches().updateUnderWay) {
      await world.clock.sleep(5 * switches().reconcileDelayMs);
      await putBack(world, options, controlPlane, { inOrder: false });
    }
    seenPaused = paused;
    await writeConditions(world, "hostedcontrolplanes", controlPlane, pause, switches().reconcileDelayMs);
    if (!paused) {
      if (!isBlocked(controlPlane)) await putBack(world, options, controlPlane, { inOrder: true });
      return undefined;
    }
    const rescales = switches().rescalesWhilePaused;
    if (rescales === "always" || (rescales === "once" && !rescaled)) {
      await world.clock.sleep(switches().reconcileDelayMs);
      if (await putBack(world, options, controlPlane, { inOrder: false })) rescaled = true;
    }
    return pause.until;
  };
  return startWorker(reconcile, world.clock);
}

/** Brings writers to the replicas that HyperShift wants; true when one had others. */
async function putBack(
  world: OperatorWorld,
  options: OperatorOptions,
  controlPlane: JsonObject,
  { inOrder }: { readonly inOrder: boolean },
): Promise<boolean> {
  let changed = false;
  for (const writer of options.writers) {
    const deployment = await world.read("deployments", options.controlPlaneNamespace, writer);
    if (!deployment) continue;
    const replicas = defaultReplicas(controlPlane, writer);
    if (numberAt(deployment, "spec", "replicas") !== replicas) {
      await world.clock.sleep(options.switches().reconcileDelayMs);
      await world.patch("deployments", options.controlPlaneNamespace, writer, { spec: { replicas } });
      changed = true;
      if (inOrder) return true;
    }
    if (inOrder && !isRolledOut(deployment)) return changed;
  }
  return changed;
}

async function writeConditions(
  world: OperatorWorld,
  resource: "hostedclusters" | "hostedcontrolplanes",
  object: JsonObject,
  pause: Pause,
  delayMs: number,
): Promise<void> {
  const conditions = conditionsFor(object, pause, world.clock.now());
  if (isDeepStrictEqual(listAt(object, "status", "conditions"), conditions)) return;
  await world.clock.sleep(delayMs);
  const namespace = stringAt(object, "metadata", "namespace") ?? "";
  await world.patch(
    resource,
    namespace,
    stringAt(object, "metadata", "name") ?? "",
    { status: { conditions } },
    "status",
  );
}
