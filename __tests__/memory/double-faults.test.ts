import { expect, test } from "vitest";
import { createStep, runMain, runPost } from "../world/memory-world/step.ts";
import type { Fate, WireRequest } from "../world/memory-world/wire.ts";
import { MemoryWorld } from "../world/memory-world/world.ts";
import type { Fault } from "./fault.ts";
import { columns } from "./matrix/column.ts";
import { dieInCapture, playFault, setScene } from "./matrix/outcome.ts";
import { phaseOf } from "./matrix/phase.ts";
import { findDown, findLeft } from "./oracle.ts";
import { describeEnd } from "./trial.ts";

const { deed: takeOver } = columns.taken();
const cancel = { what: "cancel", when: "sent" } as const;
const kill = { what: "kill", when: "applied" } as const;

/** The struck request takes effect, and nothing else of its kind does, for as long as `machine` lives. */
function firstOnly(request: WireRequest, struck: WireRequest): Fate {
  const isOther = request !== struck && request.machine === struck.machine;
  return isOther && request.operation === struck.operation && request.number <= struck.number + 2
    ? "silent"
    : "answered";
}

function cutTimes(times: number): NonNullable<Fault["fateOf"]> {
  let cut = 0;
  return ({ operation }, struck) => {
    if (operation !== struck.operation || cut >= times) return "answered";
    cut += 1;
    return "reset";
  };
}

/** Which phase, what befalls it, and what becomes of the run; see Outcome for the words. */
const doubles: Readonly<Record<string, readonly [phase: string, fault: Fault, words: string]>> = {
  "a release that is cut three times": ["release: start the writers", { fateOf: cutTimes(3) }, "green back kept"],
  "a cancel at the release, and the API server is a black hole": [
    "release: start the writers",
    { ...columns.silent(), strike: cancel },
    "release-failed down none; post release-failed: writers pause journal file; recover: writers pause journal file",
  ],
  "a cancel when one of three writers is stopped": [
    "hold: stop the writers",
    { fateOf: firstOnly, strike: { ...cancel, when: "applied" } },
    "cancelled back none",
  ],
  "SIGKILL when one of three writers is stopped": [
    "hold: stop the writers",
    { fateOf: firstOnly, strike: kill },
    "killed back none; post green: writers pause journal",
  ],
  "a runner that is gone when one of three writers is stopped": [
    "hold: stop the writers",
    { fateOf: firstOnly, strike: kill, runnerGone: true },
    "killed down none; recover: writers pause journal",
  ],
  "SIGKILL in the capture, and the API server is away": [
    "capture: open",
    { ...columns.away(), strike: { ...kill, when: "sent" } },
    "killed down none; post release-failed: writers pause journal; recover: writers pause journal",
  ],
  "a cancel while another run takes over": [
    "capture: still held",
    { deed: takeOver, strike: cancel },
    "cancelled down none; post green: writers; recover: writers",
  ],
  "SIGKILL in the transfer, and the store is away": [
    "transfer: send a part",
    { ...columns.away(), strike: { ...kill, when: "sent" } },
    "killed back none; post green: journal file upload; recover: upload",
  ],
  "a cancel in the proof, and the store is a black hole": [
    "proof",
    { ...columns.silent(), strike: cancel },
    "cancelled back bare; post green: journal object; recover: object",
  ],
};

test.each(Object.entries(doubles))("%s", async (_, [name, fault, words]) => {
  expect(await playFault(phaseOf(name), fault)).toMatchObject({ words, problems: [] });
});

test.each([
  ["before", -1000, /^red with .*hosted-cluster-held/s],
  ["after", 1000, /^green/],
])("a backup %s the deadline of a runner that is gone", async (_, pastMs, expected) => {
  const scene = await setScene();
  const { world, before } = scene;
  await dieInCapture(scene);
  await world.timeline.pass(Date.parse(world.pausedUntil ?? "") + pastMs - world.timeline.nowMs());
  const next = createStep(world);
  expect(describeEnd(await world.timeline.play(runMain(world, next)))).toMatch(expected);
  if (pastMs > 0) expect([...findDown(world, before), ...findLeft(world, before)]).toEqual([]);
});

test("of two backups that begin at the same moment exactly one holds the cluster", async () => {
  const world = new MemoryWorld();
  const ends = await world.timeline.play(
    Promise.all([createStep(world), createStep(world)].map((step) => runMain(world, step))),
  );
  expect(ends.map(describeEnd).toSorted()).toEqual([
    "green",
    expect.stringMatching(/^red with (hold-conflict|hosted-cluster-held)/),
  ]);
  expect(world.watch.problems).toEqual([]);
});

test("a main that is still alive while its post step undoes takes no snapshot for quiesced", async () => {
  const scene = await setScene();
  const { world, before, step } = scene;
  let post: Promise<unknown> | undefined;
  world.weather = ({ operation, machine }) => {
    if (operation === "exec save" && machine === step.machine) post ??= runPost(world, step);
    return undefined;
  };
  const end = await world.timeline.play(runMain(world, step));
  expect(describeEnd(end)).toMatch(/^red with hold-lost/);
  await world.timeline.play(Promise.resolve(post));
  await world.timeline.pass(2000);
  expect(world.bucket.keys).toEqual([]);
  expect([...findDown(world, before), ...findLeft(world, before)]).toEqual([]);
});

test("a post step that is killed leaves what the next backup puts back", async () => {
  const scene = await setScene();
  const { world, before, step } = scene;
  await dieInCapture(scene);
  world.weather = ({ operation, machine }) => {
    if (operation === "get hostedclusters") machine.kill();
    return undefined;
  };
  expect(await world.timeline.play(runPost(world, step))).toEqual({ kind: "killed" });
  world.weather = () => undefined;
  await world.timeline.pass(16 * 60_000);
  expect(describeEnd(await world.timeline.play(runMain(world, createStep(world))))).toBe("green");
  expect([...findDown(world, before), ...findLeft(world, before)]).toEqual([]);
});
