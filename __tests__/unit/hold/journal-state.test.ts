import { expect, test } from "vitest";
import { parseHostedCluster, type HostedCluster } from "../../../src/hypershift/hosted-cluster.ts";
import { journalAnnotation, renderJournal, type Journal } from "../../../src/hold/journal.ts";
import type { WorkflowRuns } from "../../../src/ports.ts";
import { describeRun, readJournalState, renderJournalState } from "../../../src/hold/journal-state.ts";

const ref = { namespace: "clusters", name: "example" };
const journal: Journal = {
  v: 1,
  nonce: "0123456789abcdef".repeat(2),
  run: {
    repository: "acme/fleet",
    runId: "17",
    runAttempt: "1",
    url: "https://github.example/acme/fleet/actions/runs/17/attempts/1",
  },
  acquired: "2026-11-24T11:58:00Z",
  deadline: "2026-11-24T12:03:00Z",
  phase: "capture",
  original: { pausedUntil: "it's", replicas: { "kube-apiserver": 3 } },
  members: ["etcd-0"],
};
const before = new Date("2026-11-24T12:02:59Z");
const after = new Date("2026-11-24T12:03:00Z");

function held(by: Journal | undefined): HostedCluster {
  const annotations = by === undefined ? {} : { [journalAnnotation]: renderJournal(by) };
  return parseHostedCluster({ metadata: { ...ref, annotations } });
}

function telling(state: Awaited<ReturnType<WorkflowRuns["findRunState"]>>): WorkflowRuns {
  return { findRunState: () => Promise.resolve(state) };
}

test.each([
  ["no journal", undefined, before, undefined, "none"],
  ["before its deadline", journal, before, undefined, "alive"],
  ["at its deadline", journal, after, undefined, "dead"],
  ["a run that goes on", journal, before, telling("running"), "alive"],
  ["a run that nobody can tell of", journal, before, telling(undefined), "alive"],
  ["a run that is over", journal, before, telling("completed"), "dead"],
  ["a run that goes on after its deadline", journal, after, telling("running"), "dead"],
] as const)("%s", async (_title, by, now, runs, state) => {
  expect(await readJournalState(held(by), now, runs)).toMatchObject({ state });
});

test("the commands for a human survive a quote in what is put back", async () => {
  const lines = renderJournalState(await readJournalState(held(journal), before, undefined), ref);
  expect(lines).toContain("  oc scale deployment/kube-apiserver -n clusters-example --replicas=3");
  expect(lines.at(-1)).toContain(String.raw`"pausedUntil":"it'\''s"`);
});

test.each([
  ["nobody holds it", undefined, before, undefined, /^no run holds clusters\/example$/],
  [
    "a run lives",
    journal,
    before,
    undefined,
    /^https:\S+ holds clusters\/example since 2026-11-24T11:58:00Z, at phase capture, until 2026-11-24T12:03:00Z\nit is left alone: .*\nwhere its run is known to be gone, .*:\n {2}oc scale .*\n {2}oc patch /,
  ],
  [
    "its deadline has passed",
    journal,
    after,
    undefined,
    /^https:\S+ died at phase capture: its deadline 2026-11-24T12:03:00Z has passed\nwhat is done now .* by hand as well:\n {2}oc scale .*\n {2}oc patch /,
  ],
  [
    "its run is over",
    journal,
    before,
    telling("completed"),
    /^https:\S+ died at phase capture: its workflow run is over\n/,
  ],
] as const)("who holds a hosted cluster is told where %s", async (_, by, now, runs, expected) => {
  const lines = renderJournalState(await readJournalState(held(by), now, runs), ref);
  expect(lines.join("\n")).toMatch(expected);
});

test("a run is told by what its journal has of it", () => {
  const run = { repository: "", runId: "", runAttempt: "", url: "" };
  expect(describeRun(journal)).toBe(journal.run.url);
  expect(describeRun({ ...journal, run: { ...journal.run, url: "" } })).toBe("run 17 of acme/fleet");
  expect(describeRun({ ...journal, run })).toContain(journal.nonce);
});
