import { startWorld } from "../../__tests__/world/world.ts";
import { DemoError, isGreen, type Stage } from "./stage.ts";

/** The limits that this part of the demo shortens, so that nobody waits for minutes. */
export const shortLimits = { writersReadyMs: 4_000, undoMs: 4_000, postMs: 6_000 };

/**
 * A backup whose API server does not come back: what the run, the post step and the summary say, and how `recover` ends it when
 * somebody has mended the API server. Returns the exit code: 0 when the failure was told and mended.
 */
export async function showFailure(stage: Stage, entry: string): Promise<number> {
  stage.heading("1. Start a hosted cluster whose API server will not come back");
  const world = await stage.own(startWorld({ entry }));
  world.cluster.set({ stuckWriters: ["kube-apiserver"] });
  stage.say("The action waits for 5 minutes, and its post step for 4; here both give up after a few seconds.");

  stage.heading("2. Back up: the action with `mode: backup`");
  const kubeconfig = Buffer.from(await world.cluster.kubeconfig()).toString("base64");
  const inputs = world.backupInputs({ kubeconfig });
  const backup = await stage.runStep(world, inputs);
  if (backup.outputs["error-code"] !== "release-failed" || isGreen(backup))
    throw new DemoError("the backup should have failed with release-failed");
  stage.say("");
  stage.say("Red, and it says first what is down. The snapshot is whole all the same:");
  stage.say(backup.outputs["snapshot-uri"] ?? "NO snapshot");
  stage.say("The pause and the lock are gone already; what is left to mend is the API server itself.");

  stage.heading("3. Somebody mends the API server, and runs the action with `mode: recover`");
  world.cluster.set({ stuckWriters: [] });
  const recovery = await stage.runStep(world, world.recoverInputs({ kubeconfig }));
  stage.say("");
  stage.say("Recover found nothing of the action that was left, and the API server is ready again.");
  return isGreen(recovery) && backup.outputs["record-uri"] !== undefined ? 0 : 1;
}
