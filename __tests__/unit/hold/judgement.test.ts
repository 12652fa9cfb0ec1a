import { describe, expect, test } from "vitest";
import { journalAnnotation, renderJournal, type Journal } from "../../../src/hold/journal.ts";
import { judgeHold, lostToClocks, lostToTime } from "../../../src/hold/judgement.ts";
import { parseHostedCluster } from "../../../src/hypershift/hosted-cluster.ts";

const deadline = "2026-11-24T12:03:00Z";
const nonce = "0123456789abcdef".repeat(2);
const journal: Journal = {
  v: 1,
  nonce,
  run: { repository: "", runId: "", runAttempt: "", url: "" },
  acquired: "2026-11-24T11:58:00Z",
  deadline,
  phase: "hold",
  original: { pausedUntil: null, replicas: { "kube-apiserver": 3 } },
  members: ["etcd-0"],
};
const own = { nonce, deadlines: new Set([deadline]), paused: true, apart: undefined };

/** The hosted cluster as an answer carries it; `at` is the time of the answer. */
function answer(by: Journal | undefined, pausedUntil: string | undefined, at = "2026-11-24T12:00:00Z") {
  const annotations = by === undefined ? {} : { [journalAnnotation]: renderJournal(by) };
  const metadata = { namespace: "clusters", name: "example", annotations };
  return { ...parseHostedCluster({ metadata, spec: { pausedUntil } }), answeredAt: new Date(at) };
}

test.each([
  ["a pause until the millisecond before its deadline", true, deadline, "2026-11-24T12:02:59.999Z"],
  ["a lock alone while somebody pauses", false, "true", "2026-11-24T12:00:00Z"],
  // A lock that is late is renewed; what it held is back already.
  ["a lock alone after its deadline", false, undefined, "2026-11-24T12:03:01Z"],
])("The hold is the run's own: %s", (_, paused, pausedUntil, at) => {
  expect(judgeHold(answer(journal, pausedUntil, at), { ...own, paused })).toBe(deadline);
});

const others = { ...journal, nonce: "fedcba9876543210".repeat(2) };
const later = { ...journal, deadline: "2026-11-24T12:04:00Z" };
test.each([
  ["no journal", answer(undefined, deadline), own, /its journal is gone/],
  ["the journal of another run", answer(others, deadline), own, /replaced by another run's/],
  ["its nonce with a deadline that it never wrote", answer(later, later.deadline), own, /a recovery took this run/],
  ["another pause", answer(journal, "true"), own, /spec\.pausedUntil was changed to "true"/],
  ["no pause", answer(journal, undefined), own, /spec\.pausedUntil was changed to null/],
])("The hold is lost to others: %s", (_, current, of, message) => {
  expect(() => judgeHold(current, of)).toThrow(
    expect.objectContaining({
      code: "hold-lost",
      message: expect.stringMatching(message) as string,
      hint: expect.stringContaining("who changes the hosted cluster") as string,
    }),
  );
});

describe("The hold is lost to time", () => {
  test("at its deadline", () => {
    expect(() => judgeHold(answer(journal, deadline, deadline), own)).toThrow(
      expect.objectContaining({ code: "hold-lost", hint: lostToTime }),
    );
  });

  test("where API servers differ in their clocks, which is told before a deadline that passed", () => {
    const apart = { ...own, apart: "one is 300 s ahead" };
    expect(() => judgeHold(answer(journal, deadline, deadline), apart)).toThrow(
      expect.objectContaining({
        code: "hold-lost",
        hint: lostToClocks,
        message: expect.stringContaining("one is 300 s ahead") as string,
      }),
    );
  });
});
