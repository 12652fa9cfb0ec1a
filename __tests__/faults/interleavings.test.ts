import fc from "fast-check";
import { test } from "vitest";
import { createRecoverStep, runRecover } from "../world/memory-world/recover-step.ts";
import { cancelProcess, createStep, runMain, runPost, type Step } from "../world/memory-world/step.ts";
import { MemoryWorld } from "../world/memory-world/world.ts";
import { happen, happenings, type Happening } from "../memory/happening.ts";
import { findDown, findFalseWords, findLeft, findWrong, isUnrecorded, lookBefore } from "../memory/oracle.ts";
import { allDeadlinesMs, describeEnd, recoverUnrecorded } from "../memory/trial.ts";
import { parseTime } from "../../src/time.ts";
import { seed } from "../seed.ts";

const runs = Number(process.env["RUNS"] ?? 5000);

const fates = ["reset", "lost", "silent", "busy"] as const;

/** Values of spec.pausedUntil that pause nothing. */
const originals = fc.constantFrom(undefined, "2020-01-01T00:00:00Z", "false", "2030-01-01T00:00:00");

const plays = fc.record({
  original: originals,
  quiesce: fc.boolean(),
  latenciesMs: fc.array(fc.integer({ min: 2, max: 150 }), { minLength: 1, maxLength: 6 }),
  /** What becomes of single requests, by their number. */
  fates: fc.dictionary(fc.integer({ min: 1, max: 140 }).map(String), fc.constantFrom(...fates), { maxKeys: 2 }),
  happenings,
});

type Play = typeof plays extends fc.Arbitrary<infer T> ? T : never;

/** Lets a backup, and all that happens meanwhile, take its course; returns what is not as it must be in the end. */
async function play({
  original,
  quiesce,
  latenciesMs,
  fates: struck,
  happenings: all,
}: Play): Promise<readonly string[]> {
  const world = createWorld(original, latenciesMs);
  const { timeline } = world;
  await timeline.pass(500);
  const before = lookBefore(world);
  const problems: string[] = [];
  const said: string[] = [];
  const ends: Promise<unknown>[] = [];
  const first = createStep(world, { quiesce });
  let isLost = false;
  const runStep = async (step: Step): Promise<void> => {
    const end = await runMain(world, step);
    problems.push(...findFalseWords(end, step.machine.signal));
    if (!isLost || step !== first) await runPost(world, step);
    said.push(...step.lines, ...step.state.values());
  };
  let awayUntilMs = 0;
  world.weather = ({ service, number }) => {
    if (service === "state") return undefined;
    if (service !== "store" && timeline.nowMs() < awayUntilMs) return { fate: "reset" };
    return { fate: struck[String(number)] ?? "answered" };
  };
  ends.push(runStep(first));
  for (const happening of all)
    ends.push(
      timeline.sleep(happening.atMs).then(async () => {
        switch (happening.kind) {
          case "cancel":
            cancelProcess(world, first.machine);
            return;
          case "lose":
            isLost = true;
            first.machine.kill();
            return;
          case "kill":
            first.machine.kill();
            return;
          case "outage":
            awayUntilMs = timeline.nowMs() + happening.forMs;
            return;
          case "second run":
            await runStep(createStep(world, { quiesce: happening.quiesce }));
            return;
          case "recover":
            await runRecover(world, createRecoverStep(world));
            return;
          default:
            happen(world, happening);
            return;
        }
      }),
    );
  await timeline.play(Promise.all(ends));
  world.weather = () => undefined;
  await timeline.pass(allDeadlinesMs);
  const last = createRecoverStep(world);
  const end = await timeline.play(runRecover(world, last));
  if (end.kind !== "green") problems.push(`the last recovery is ${describeEnd(end)}`);
  const wanted = expectedPause(original, all);
  if (world.pausedUntil !== wanted && !(isOver(world) && all.some(({ kind }) => kind === "strip" || kind === "revert")))
    problems.push(`pausedUntil is ${String(world.pausedUntil)}, not ${String(wanted)}`);
  const paused = { ...before, pausedUntil: world.pausedUntil };
  const left = findLeft(world, paused).filter((what) => !isUnrecorded(what));
  return [
    ...problems,
    ...left,
    ...findDown(world, { ...before, pausedUntil: world.pausedUntil }).filter(
      (what) => !isHigher(world, what) && !isTold(last.lines, all),
    ),
    ...(await recoverUnrecorded(world, paused)),
    ...findWrong(world, before, said),
  ];
}

function createWorld(original: string | undefined, latenciesMs: readonly number[]): MemoryWorld {
  return new MemoryWorld({
    etcdMembers: 1,
    replicas: { "kube-apiserver": 1, "openshift-apiserver": 1, "openshift-oauth-apiserver": 1 },
    availabilityPolicy: "SingleReplica",
    switches: { drainMs: 300, startMs: 300 },
    latencyMs: ({ number, service }) => (service === "state" ? 0 : (latenciesMs[number % latenciesMs.length] ?? 0)),
    hostedClusterPatch: original === undefined ? {} : { spec: { pausedUntil: original } },
  });
}

/** What somebody else wrote last, or what was there before. */
function expectedPause(original: string | undefined, all: readonly Happening[]): string | undefined {
  const written = all
    .filter(({ kind }) => ["revert", "resume", "pause"].includes(kind))
    .toSorted((a, b) => a.atMs - b.atMs)
    .at(-1);
  if (written === undefined) return original;
  return written.kind === "pause" ? written.until : undefined;
}

/** A deadline that is over pauses nothing; whose it was, nobody knows where somebody took the journal away. */
function isOver(world: MemoryWorld): boolean {
  const until = parseTime(world.pausedUntil ?? "");
  return until !== undefined && until.getTime() < world.timeline.nowMs();
}

/**
 * Where somebody paused in the stead of a run, took its journal away, and its runner is gone too, nothing says that the API
 * servers are to be started again: a recovery can only tell.
 */
function isTold(lines: readonly string[], all: readonly Happening[]): boolean {
  const kinds = new Set(all.map(({ kind }) => kind));
  const isUnknown = kinds.has("lose") && kinds.has("pause") && (kinds.has("strip") || kinds.has("revert"));
  return isUnknown && lines.some((line) => line.includes("no journal says by whom"));
}

/** Somebody wanted more of it while the cluster was paused. */
function isHigher(world: MemoryWorld, what: string): boolean {
  const [, writer = "", replicas] = /^cluster: (\S+) wants (\d+)$/.exec(what) ?? [];
  return Number(replicas) > 1 && world.readyReplicas[writer] === Number(replicas);
}

test(
  `${String(runs)} interleavings with operators, GitOps, people, other runs and failures (SEED=${String(seed)})`,
  { timeout: 1_500_000 },
  async () => {
    const startedMs = performance.now();
    await fc.assert(
      fc.asyncProperty(plays, async (one) => {
        const problems = await play(one);
        if (problems.length > 0) throw new Error(problems.join("\n"));
      }),
      { numRuns: runs, seed, includeErrorInReport: true },
    );
    console.log(
      `Interleavings: ${String(runs)} runs in ${((performance.now() - startedMs) / 1000).toFixed(1)} s, SEED=${String(seed)}`,
    );
  },
);
