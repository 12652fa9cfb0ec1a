import type { Fault } from "../world/object-store/faults.ts";
import type { StepResult } from "../world/runner/step.ts";
import type { World } from "../world/world.ts";
import { isSave, isScaleDown } from "./requests.ts";

/** When the runner of a backup is lost: with it main is gone at once, and no post step comes. */
export const moments = {
  /** The writers are told to stop, and their pods still end. */
  hold: {
    switches: { drainMs: 3_000 },
    isReached: (world: World) => world.cluster.requests.filter(isScaleDown).length === 3,
  },
  /** `snapshot save` has begun, and its file is not whole. */
  capture: {
    switches: { saveBytesPerSecond: 128 * 1024 },
    isReached: (world: World) =>
      world.cluster.requests.some(isSave) && world.cluster.container().newestSnapshotBytes() > 0,
  },
  /** The file is on its way to the store. */
  transfer: {
    switches: {},
    // Preflight opens an upload as well, and aborts it.
    isReached: (world: World) =>
      world.cluster.requests.some(isSave) && world.store.openUploads(world.bucket).length > 0,
  },
  /** The object is whole, and nothing says so yet. */
  record: {
    switches: {},
    isReached: (world: World) => world.objectKeys().some((key) => key.endsWith(".db")),
  },
  /** The snapshot is a backup, and the journal is still there. */
  cleanup: {
    switches: {},
    isReached: (world: World) => world.objectKeys().some((key) => key.endsWith(".json")),
  },
} as const;

/** What is not answered, so that nothing comes after the moment. */
const unanswered: Readonly<Record<Moment, Omit<Fault, "times" | "action">>> = {
  hold: { on: "UploadPart" },
  capture: { on: "UploadPart" },
  transfer: { on: "UploadPart" },
  record: { on: "PutObject" },
  cleanup: { on: "GetObject", key: /\.json$/ },
};

export type Moment = keyof typeof moments;

/** Starts a backup, and loses its runner at that moment. What it left is in the world. */
export async function loseBackup(world: World, moment: Moment): Promise<StepResult> {
  const { switches, isReached } = moments[moment];
  world.cluster.set(switches);
  world.store.faults.add({ ...unanswered[moment], times: "always", action: { kind: "hang", when: "before" } });
  const step = await world.start(world.backupInputs());
  const giveUpMs = performance.now() + 40_000;
  while (!isReached(world)) {
    if (performance.now() > giveUpMs) throw new Error(`the backup never came to its ${moment}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  step.killRunner();
  const result = await step.result;
  world.store.faults.clear();
  return result;
}
