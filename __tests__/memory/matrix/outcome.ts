import type { BackupRequest } from "../../../src/backup/world.ts";
import { journalAnnotation } from "../../../src/hold/journal.ts";
import { recordKeyOf } from "../../../src/snapshots/location.ts";
import { noTrouble } from "../../world/memory-world/etcd-pod.ts";
import { completedRuns, createRecoverStep, runRecover } from "../../world/memory-world/recover-step.ts";
import { createStep, runMain, runPost, type StageEnd, type Step } from "../../world/memory-world/step.ts";
import { MemoryWorld } from "../../world/memory-world/world.ts";
import { ageRecipient } from "../../world/sealing.ts";
import { befall, lastOf, type Fault } from "../fault.ts";
import { findDown, findLeft, findUntruths, findWrong, isUnrecorded, lookBefore, type Before } from "../oracle.ts";
import { allDeadlinesMs, describeEnd, recoverUnrecorded } from "../trial.ts";
import type { Phase } from "./phase.ts";

/** What became of a run. */
export interface Outcome {
  /**
   * `<end> <API servers> <snapshot>[; post <its end>[: <what main left>]][; recover: <what is left>]`. The end is `green`, a
   * code, or `killed`. API servers: `up` all the time, `back`, or `down` when the runner is done, and brought back by a
   * deadline or by whoever holds them then; `gone` with the hosted cluster. Snapshot: `kept` with its record, `bare`, `none`.
   */
  readonly words: string;
  /** What must not be, whatever was expected. */
  readonly problems: readonly string[];
  readonly outageMs: number;
}

/** A run in its world. */
export interface Scene {
  readonly world: MemoryWorld;
  readonly before: Before;
  readonly step: Step;
}

/** Longer than an API server needs that was told to start. */
const startMs = 2_000;

export async function setScene(clockSkewMs = 0, request: Partial<BackupRequest> = {}): Promise<Scene> {
  const world = new MemoryWorld({ request });
  await world.timeline.pass(1000);
  return { world, before: lookBefore(world), step: createStep(world, {}, { clockSkewMs }) };
}

/** The process is gone while etcd saves, with the API servers down. */
export async function dieInCapture({ world, step }: Scene): Promise<void> {
  world.weather = ({ operation, machine }) =>
    operation === "exec save"
      ? {
          fate: "answered",
          onEffect: () => {
            machine.kill();
          },
        }
      : undefined;
  await world.timeline.play(runMain(world, step));
  world.weather = () => undefined;
}

/** Plays `phase` with `fault`. */
export async function playFault(phase: Phase, fault: Fault, clockSkewMs = 0): Promise<Outcome> {
  const scene = await setScene(clockSkewMs, phase.sealed === true ? { recipients: [ageRecipient] } : {});
  const { world } = scene;
  if (phase.of !== "backup") await dieInCapture(scene);
  const befalling = befall(world, fault, lastOf(phase.path));
  world.weather = befalling.weather;
  const outcome = await playToTheEnd(scene, () => playStage(scene, phase), {
    withPost: phase.of === "backup" && fault.runnerGone !== true,
    look: () => befalling.look(),
  });
  return befalling.struck === undefined
    ? { ...outcome, problems: [...outcome.problems, "it has no such request"] }
    : outcome;
}

function playStage({ world, step }: Scene, { of }: Phase): Promise<StageEnd> {
  switch (of) {
    case "backup":
      return runMain(world, step);
    case "post":
      return runPost(world, step);
    case "recover":
      return runRecover(world, createRecoverStep(world, completedRuns));
  }
}

/** Plays a stage, and the post step; then lets every deadline pass, and recovers. */
export async function playToTheEnd(
  scene: Scene,
  play: () => Promise<StageEnd>,
  { withPost, look }: { readonly withPost: boolean; readonly look: () => readonly string[] },
): Promise<Outcome> {
  const { world, step } = scene;
  const end = await world.timeline.play(play());
  const problems = findProblems(scene, end, withPost);
  await world.timeline.pass(startMs);
  const leftByMain = findRemains(scene);
  const postEnd = withPost ? await world.timeline.play(runPost(world, step)) : undefined;
  if (postEnd?.kind === "killed") problems.push("post did not end in its time");
  await world.timeline.pass(startMs);
  problems.push(...look());
  const left = findRemains(scene);
  const words = [
    `${nameEnd(end)} ${describeServers(scene, left)} ${describeSnapshot(world)}`,
    ...(postEnd === undefined || (leftByMain.length === 0 && postEnd.kind === "green")
      ? []
      : [[`post ${nameEnd(postEnd)}`, ...(leftByMain.length === 0 ? [] : [leftByMain.join(" ")])].join(": ")]),
    ...(left.length === 0 ? [] : [`recover: ${left.join(" ")}`]),
  ].join("; ");
  const outageMs = world.watch.longestOutageMs;
  problems.push(...(await settle(scene)));
  return { words, problems, outageMs };
}

function findProblems({ world, step }: Scene, end: StageEnd, isBackup: boolean): string[] {
  if (isBackup && world.hostedCluster !== undefined) return findUntruths(world, step, end);
  return end.kind === "red" && end.failure.code === "internal" ? [describeEnd(end)] : [];
}

/** All is well again, and every deadline passes; what is left then is a recovery's to remove. */
async function settle({ world, before, step }: Scene): Promise<readonly string[]> {
  world.weather = () => undefined;
  world.set({
    hypershiftOperator: "alive",
    controlPlaneOperator: "alive",
    stuckWriters: [],
    rescalesWhilePaused: "never",
    drainMs: 600,
  });
  for (const pod of world.pods.values()) pod.trouble = noTrouble;
  await world.timeline.pass(allDeadlinesMs);
  if (world.hostedCluster === undefined) return [];
  const down = findDown(world, before).map((what) => `after the deadline: ${what}`);
  const recovery = createRecoverStep(world);
  const end = await world.timeline.play(runRecover(world, recovery));
  return [
    ...down,
    ...(end.kind === "green" ? [] : [`recover: ${describeEnd(end)}`]),
    ...findDown(world, before),
    ...findLeft(world, before).filter((what) => !isUnrecorded(what)),
    ...(await recoverUnrecorded(world, before)),
    ...findWrong(world, before, [...step.lines, ...step.state.values(), ...recovery.lines]),
  ];
}

/** What is not as it was, a word each; what others have there now is not the run's. */
function findRemains({ world, before }: Scene): readonly string[] {
  const isOthers = world.journal?.includes("octo/others") === true;
  const isGone = world.hostedCluster === undefined;
  const { bucket } = world;
  const others = bucket.keys.filter((key) => bucket.find(key)?.metadata["nonce"] === "somebody else's");
  const found = [...findDown(world, before), ...findLeft(world, before)].flatMap((what) => {
    if (what.startsWith("pod: a save")) return "save";
    if (what.startsWith("pod:")) return "file";
    if (what.startsWith("store: an upload")) return "upload";
    if (what.startsWith("store:")) return others.some((key) => what.includes(key)) ? [] : "object";
    if (isGone || (isOthers && /paused|journal/.test(what))) return [];
    return what.includes(journalAnnotation) ? "journal" : what.includes("paused") ? "pause" : "writers";
  });
  return [...new Set(found)];
}

function nameEnd(end: StageEnd): string {
  return end.kind === "red" ? end.failure.code : end.kind;
}

function describeServers({ world }: Scene, left: readonly string[]): string {
  if (world.hostedCluster === undefined) return "gone";
  if (world.watch.longestOutageMs === 0) return "up";
  return left.includes("writers") ? "down" : "back";
}

function describeSnapshot({ bucket }: MemoryWorld): string {
  const key = bucket.keys.find((found) => found.endsWith(".db"));
  if (key === undefined) return "none";
  return bucket.keys.includes(recordKeyOf(key)) ? "kept" : "bare";
}
