import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { planRetention, renderPolicy, type Candidate, type RetentionPolicy } from "../../../src/snapshots/retention.ts";
import { seed } from "../../seed.ts";

function at(time: string, more: Partial<Candidate> = {}): Candidate {
  return { name: time, createdAt: new Date(`${time}:00Z`), pinned: false, drilled: false, own: false, ...more };
}

/** One line a snapshot: when, and what keeps it; `-` for what is removed. */
function plan(candidates: readonly Candidate[], policy: RetentionPolicy): readonly string[] {
  return planRetention(candidates, policy).map(
    ({ candidate, reasons }) => `${candidate.name}  ${reasons.length === 0 ? "-" : reasons.join(", ")}`,
  );
}

const nights = ["24", "25", "26", "27", "28", "29", "30"].map((day) => at(`2026-11-${day}T02:17`));

describe("which rule keeps or removes each", () => {
  test.each<[string, readonly Candidate[], RetentionPolicy, readonly string[]]>([
    ["nothing", [], { last: 1 }, []],
    ["one snapshot", [at("2026-11-30T02:17")], { last: 1 }, ["2026-11-30T02:17  newest, last"]],
    [
      "the last two of three",
      nights.slice(4),
      { last: 2 },
      ["2026-11-30T02:17  newest, last", "2026-11-29T02:17  last", "2026-11-28T02:17  -"],
    ],
    [
      "of a day the newest alone",
      [at("2026-11-29T02:17"), at("2026-11-29T14:17"), at("2026-11-30T02:17"), at("2026-11-30T14:17")],
      { daily: 2 },
      ["2026-11-30T14:17  newest, daily", "2026-11-30T02:17  -", "2026-11-29T14:17  daily", "2026-11-29T02:17  -"],
    ],
    [
      "days without a snapshot take no place",
      [at("2026-11-01T02:17"), at("2026-11-12T02:17"), at("2026-11-29T02:17"), at("2026-11-30T02:17")],
      { daily: 3 },
      ["2026-11-30T02:17  newest, daily", "2026-11-29T02:17  daily", "2026-11-12T02:17  daily", "2026-11-01T02:17  -"],
    ],
    [
      "a week from Monday to Sunday, the newest of each",
      nights,
      { weekly: 2 },
      [
        "2026-11-30T02:17  newest, weekly",
        "2026-11-29T02:17  weekly",
        ...["28", "27", "26", "25", "24"].map((day) => `2026-11-${day}T02:17  -`),
      ],
    ],
    [
      "the week of New Year is one, as ISO 8601 counts",
      [at("2026-12-27T02:17"), at("2026-12-28T02:17"), at("2027-01-03T02:17")],
      { weekly: 5 },
      ["2027-01-03T02:17  newest, weekly", "2026-12-28T02:17  -", "2026-12-27T02:17  weekly"],
    ],
    [
      "months",
      [at("2026-09-30T23:59"), at("2026-10-01T00:00"), at("2026-10-31T23:59"), at("2026-11-01T00:00")],
      { monthly: 2 },
      ["2026-11-01T00:00  newest, monthly", "2026-10-31T23:59  monthly", "2026-10-01T00:00  -", "2026-09-30T23:59  -"],
    ],
    [
      "the oldest, where a rule has places left",
      [at("2026-11-03T02:17"), at("2026-11-10T02:17"), at("2026-11-20T02:17")],
      { monthly: 3 },
      ["2026-11-20T02:17  newest, monthly", "2026-11-10T02:17  -", "2026-11-03T02:17  oldest monthly"],
    ],
    [
      "all within a time before the newest",
      nights.slice(4),
      { withinMs: 86_400_000 },
      ["2026-11-30T02:17  newest, within", "2026-11-29T02:17  within", "2026-11-28T02:17  -"],
    ],
    [
      "by any of several rules, all of which are told",
      nights.slice(3),
      { last: 1, daily: 2, weekly: 1, monthly: 1 },
      [
        "2026-11-30T02:17  newest, last, daily, weekly, monthly",
        "2026-11-29T02:17  daily",
        "2026-11-28T02:17  -",
        "2026-11-27T02:17  -",
      ],
    ],
    [
      "the pinned, the newest drilled and the run's own, beside the rules",
      [
        at("2026-11-26T02:17", { drilled: true }),
        at("2026-11-27T02:17", { pinned: true }),
        at("2026-11-28T02:17", { drilled: true }),
        at("2026-11-29T02:17", { own: true }),
        at("2026-11-30T02:17"),
      ],
      { last: 1 },
      [
        "2026-11-30T02:17  newest, last",
        "2026-11-29T02:17  this backup",
        "2026-11-28T02:17  newest that was drilled",
        "2026-11-27T02:17  pinned",
        "2026-11-26T02:17  -",
      ],
    ],
  ])("%s", (_, candidates, policy, expected) => {
    expect(plan(candidates, policy)).toEqual(expected);
    expect(plan(candidates.toReversed(), policy)).toEqual(expected);
  });
});

test("a policy is told by the names of its inputs", () => {
  expect(renderPolicy({ last: 7, weekly: 4, withinMs: 36 * 3_600_000 })).toBe(
    "keep-last: 7, keep-weekly: 4, keep-within: 36h",
  );
});

const count = fc.option(fc.integer({ min: 1, max: 6 }), { nil: undefined });
const policies = fc
  .record({
    last: count,
    daily: count,
    weekly: count,
    monthly: count,
    withinMs: fc.option(fc.integer({ min: 3_600_000, max: 40 * 86_400_000 }), { nil: undefined }),
  })
  .map((rules) => Object.fromEntries(Object.entries(rules).filter(([, value]) => value !== undefined)))
  .filter((rules) => Object.keys(rules).length > 0) as fc.Arbitrary<RetentionPolicy>;

const histories = fc.uniqueArray(
  fc.record({
    minute: fc.integer({ min: 0, max: 200 * 1440 }),
    pinned: fc.boolean(),
    drilled: fc.boolean(),
  }),
  { minLength: 1, maxLength: 40, selector: ({ minute }) => minute },
);

test("whatever the history and the policy, each rule has its full number, and nothing that protects a snapshot is passed over", () => {
  fc.assert(
    fc.property(histories, policies, (history, policy) => {
      const candidates = history.map(({ minute, ...more }) => {
        const createdAt = new Date(Date.UTC(2026, 4, 1) + minute * 60_000);
        return { name: createdAt.toISOString(), createdAt, own: false, ...more };
      });
      const decisions = planRetention(candidates, policy);
      const kept = decisions.filter(({ reasons }) => reasons.length > 0).map(({ candidate }) => candidate);
      const places = (of: readonly Candidate[], length: number): number =>
        new Set(of.map(({ createdAt }) => createdAt.toISOString().slice(0, length))).size;
      expect(decisions.map(({ candidate }) => candidate)).toEqual(
        candidates.toSorted((a, b) => b.createdAt.getTime() - a.createdAt.getTime()),
      );
      expect(kept[0]).toBe(decisions[0]?.candidate);
      expect(kept.length).toBeGreaterThanOrEqual(Math.min(policy.last ?? 0, candidates.length));
      expect(places(kept, 10)).toBeGreaterThanOrEqual(Math.min(policy.daily ?? 0, places(candidates, 10)));
      expect(places(kept, 7)).toBeGreaterThanOrEqual(Math.min(policy.monthly ?? 0, places(candidates, 7)));
      expect(candidates.filter(({ pinned }) => pinned).every((each) => kept.includes(each))).toBe(true);
      // What is removed now would have been removed by a later look as well: kept ones alone are judged alike.
      const again = planRetention(kept, policy).filter(({ reasons }) => reasons.length === 0);
      expect(again).toEqual([]);
    }),
    { numRuns: 500, seed },
  );
});
