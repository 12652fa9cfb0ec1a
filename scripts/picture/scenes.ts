import { ageRecipient } from "../../__tests__/world/sealing.ts";
import { startWorld, type World } from "../../__tests__/world/world.ts";
import { shortLimits } from "../demo/failure.ts";
import { bundleWithLimits } from "../bundle.ts";

/** The summary of the last step of a scene, that of its post step below it. */
type Scene = (world: World) => Promise<string>;

const online = (world: World) => world.run(world.backupInputs({ quiesce: "false", "key-recipients": ageRecipient }));

/** Each kind of summary that the action writes, by its name. */
const scenes: Readonly<Record<string, Scene>> = {
  green: async (world) => (await world.run(world.backupInputs({ "key-recipients": ageRecipient }))).summary,
  "key-to-save": async (world) => (await world.run(world.backupInputs())).summary,
  online: async (world) => (await online(world)).summary,
  "dry-run": async (world) => (await world.run(world.backupInputs({ "dry-run": "true", "keep-last": "3" }))).summary,
  refused: async (world) => (await world.run(world.backupInputs({ dry_run: "true", "max-pause": "900" }))).summary,
  failed: async (world) => {
    world.cluster.set({ stuckWriters: ["kube-apiserver"] });
    const { summary, post } = await world.run(world.backupInputs());
    return summary + (post?.summary ?? "");
  },
  cancelled: async (world) => {
    const step = await world.start(world.backupInputs());
    await step.waitForLog("Capture", 60_000);
    step.cancel("user");
    const { summary, post } = await step.result;
    return summary + (post?.summary ?? "");
  },
  recovered: async (world) => {
    await loseRunner(world);
    world.cluster.clock.advance(600_000);
    return (await world.run(world.recoverInputs({ kubeconfig: await world.cluster.kubeconfig() }))).summary;
  },
  held: async (world) => {
    await loseRunner(world);
    return (await world.run(world.recoverInputs(), { github: { runId: "7002" } })).summary;
  },
  rendered: async (world) => {
    const { outputs } = await online(world);
    return (await world.run(world.restoreInputs(outputs["snapshot-uri"] ?? ""))).summary;
  },
  verified: async (world) => {
    const { outputs } = await online(world);
    const { mode: _, manifest: __, ...inputs } = world.restoreInputs(outputs["snapshot-uri"] ?? "");
    return (await world.run({ ...inputs, mode: "verify" })).summary;
  },
};

async function loseRunner(world: World): Promise<void> {
  const step = await world.start(world.backupInputs());
  await step.waitForLog("stop the API servers", 60_000);
  step.killRunner();
  await step.result;
}

/** Plays every scene in a world of its own; `folder` must not exist. */
export async function playScenes(folder: string): Promise<ReadonlyMap<string, string>> {
  const entry = await bundleWithLimits(folder, shortLimits);
  const summaries = new Map<string, string>();
  for (const [name, play] of Object.entries(scenes)) {
    const world = await startWorld({ entry });
    try {
      summaries.set(name, await play(world));
    } finally {
      await world.close();
    }
  }
  return summaries;
}
