import fc from "fast-check";
import { expect, test } from "vitest";
import { readCatalogue } from "../../src/snapshots/catalogue.ts";
import { planRetention, type RetentionPolicy } from "../../src/snapshots/retention.ts";
import { befall, faults, type SweptFault } from "../memory/fault.ts";
import { afterNights, backUp, day, folder, wholeRuns } from "../memory/nights.ts";
import { findLeft, findWrong } from "../memory/oracle.ts";
import { describeEnd } from "../memory/trial.ts";
import { seed } from "../seed.ts";
import { Machine } from "../world/memory-world/machine.ts";
import { createMemoryStore } from "../world/memory-world/store-port.ts";
import type { WireRequest } from "../world/memory-world/wire.ts";
import { hostedClusterRef, MemoryWorld } from "../world/memory-world/world.ts";

const nothingBefore = { replicas: {}, pausedUntil: undefined, keys: [] };

/** The requests of the backup that removes, from its record on. */
function afterRecord(requests: readonly WireRequest[]): readonly WireRequest[] {
  const record = requests.findIndex(({ operation }) => operation === "put object");
  return requests.slice(record + 1);
}

async function listStruck(nights: number, retention: RetentionPolicy): Promise<readonly number[]> {
  const world = await afterNights(nights);
  const from = world.wire.requests.length;
  expect(describeEnd((await backUp(world, retention)).end)).toBe("green");
  return afterRecord(world.wire.requests.slice(from)).map(({ number }) => number - from);
}

test.each<[string, SweptFault]>(
  faults.filter(({ services }) => services.includes("store")).map((fault) => [fault.name, fault]),
)(
  "a fault at each request of a retention leaves the promised snapshots, and the next backup the rest in order: %s",
  async (_, fault) => {
    const retention: RetentionPolicy = { last: 2 };
    const problems: string[] = [];
    for (const number of await listStruck(3, retention)) {
      const world = await afterNights(3);
      const newest = wholeRuns(world).at(-1) ?? "";
      const struck = world.wire.requests.length + number;
      world.weather = befall(world, fault, (request) => request.number === struck).weather;
      const { end } = await backUp(world, retention);
      const whole = wholeRuns(world);
      if (whole.length < 2 || !whole.includes(newest))
        problems.push(`${String(number)}: only ${whole.join(", ")} is left`);
      if (end.kind === "red" && end.failure.code === "internal") problems.push(`${String(number)}: internal`);
      world.weather = () => undefined;
      await world.timeline.pass(day);
      const next = await backUp(world, retention);
      if (next.end.kind !== "green") problems.push(`${String(number)}: the next is ${describeEnd(next.end)}`);
      if (wholeRuns(world).length !== 2 || world.bucket.keys.length !== 4)
        problems.push(`${String(number)}: in the end there is ${world.bucket.keys.join(", ")}`);
      if (findLeft(world, nothingBefore).length > 0)
        problems.push(`${String(number)}: ${findLeft(world, nothingBefore).join(", ")}`);
    }
    expect(problems).toEqual([]);
  },
  400_000,
);

interface Night {
  readonly passMs: number;
  readonly fault: SweptFault | undefined;
  readonly at: number;
  readonly skewMs: number;
  readonly policy: RetentionPolicy;
  readonly pin: boolean;
}

const policies = fc
  .record({
    last: fc.option(fc.integer({ min: 1, max: 3 }), { nil: undefined }),
    daily: fc.option(fc.integer({ min: 1, max: 3 }), { nil: undefined }),
    weekly: fc.option(fc.integer({ min: 1, max: 2 }), { nil: undefined }),
  })
  .map(({ last = 1, ...rules }) => ({ last, ...rules }))
  .map((rules) =>
    Object.fromEntries(Object.entries(rules).filter(([, count]) => count !== undefined)),
  ) as fc.Arbitrary<RetentionPolicy>;

const nights: fc.Arbitrary<readonly Night[]> = fc.array(
  fc.record({
    passMs: fc.constantFrom(3_600_000, day, 3 * day, 8 * day),
    fault: fc.option(fc.constantFrom(...faults.filter(({ runnerGone }) => runnerGone !== true)), { nil: undefined }),
    at: fc.integer({ min: 1, max: 80 }),
    skewMs: fc.constantFrom(0, 0, -3 * day, 2 * day, 1_800_000),
    policy: policies,
    pin: fc.boolean(),
  }),
  { minLength: 2, maxLength: 7 },
);

test(
  "whatever befalls a series of backups, the promised number is left, with the newest, and every pinned one",
  { timeout: 400_000 },
  async () => {
    await fc.assert(
      fc.asyncProperty(nights, async (series) => {
        const world = new MemoryWorld();
        await world.timeline.pass(1_000);
        const pinned: string[] = [];
        for (const night of series) {
          const runs = wholeRuns(world);
          const [first] = runs;
          if (night.pin && first !== undefined && !pinned.includes(first)) {
            pinned.push(first);
            world.bucket.put(`${folder}${first}.keep`, Buffer.from(""), {});
          }
          const before = await readWhole(world);
          const struck = world.wire.requests.length + night.at;
          if (night.fault !== undefined)
            world.weather = befall(world, night.fault, (request) => request.number === struck).weather;
          world.serverSkewMs = () => night.skewMs;
          await backUp(world, night.policy);
          world.weather = () => undefined;
          world.serverSkewMs = () => 0;
          const after = wholeRuns(world);
          const made = (await readWhole(world)).filter(({ name }) => !runs.includes(name));
          const decisions = planRetention([...before, ...made], night.policy);
          // Without a backup of its own that counts, a run removes nothing.
          const mustStay = decisions.filter(({ reasons }) => made.length === 0 || reasons.length > 0);
          for (const { candidate } of mustStay) expect(after).toContain(candidate.name);
          const promised = Math.min(night.policy.last ?? 0, before.length + made.length);
          expect(after.length).toBeGreaterThanOrEqual(promised);
          for (const name of pinned) expect(after).toContain(name);
          await world.timeline.pass(night.passMs);
        }
        expect(
          findWrong(world, nothingBefore, []).filter((problem) => !problem.includes("belongs to no snapshot")),
        ).toEqual([]);
      }),
      { numRuns: 60, seed },
    );
  },
);

/** What counts now, as retention sees it. */
async function readWhole(world: MemoryWorld) {
  const store = createMemoryStore(world.bucket, world.wire, new Machine(world.timeline));
  const reading = readCatalogue(store, { prefix: "etcd/nightly", ...hostedClusterRef });
  const { proven } = await world.timeline.play(reading);
  return proven.map(({ run: { name, pinned, drilled }, createdAt }) => ({
    name,
    pinned,
    drilled,
    createdAt,
    own: false,
  }));
}
