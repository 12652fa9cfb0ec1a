import { expect, test } from "vitest";
import { summarizeRecovery } from "../../../src/action/summary/recover.ts";
import { ActionError } from "../../../src/errors.ts";
import type { RecoverReport } from "../../../src/recover/recover.ts";

const cluster = { namespace: "clusters", name: "example" };
const nothing: RecoverReport = { recovered: false, apiServers: "untouched", removed: [], left: [] };

function render(facts: Partial<RecoverReport>, failure?: ActionError): ReturnType<typeof summarizeRecovery> {
  return summarizeRecovery({
    hostedCluster: cluster,
    report: { ...nothing, ...facts },
    failure,
    findDocs: () => undefined,
  });
}

test("nothing to do", () => {
  expect(render({})).toStrictEqual({
    outcome: "done",
    heading: "etcd recovery: done",
    rows: [
      ["API servers", "not touched"],
      ["Result", "there was nothing to do"],
      ["Hosted cluster", "<code>clusters/example</code>"],
    ],
  });
});

test("a dead run's leftovers are listed as text", () => {
  const { rows } = render({ recovered: true, apiServers: "back", removed: ["files", "<b>"], left: ["one key"] });
  expect(rows).toStrictEqual([
    ["API servers", "back"],
    ["Result", "what dead runs left was put back and removed"],
    ["Hosted cluster", "<code>clusters/example</code>"],
    ["Removed", "files<br>&lt;b&gt;"],
    ["Left", "one key"],
  ]);
});

const holder = {
  run: "https://github.com/a/b/actions/runs/1",
  phase: "hold",
  deadline: "2026-11-24T12:03:00Z",
  down: ["kube-apiserver"],
};

test("a holder is named, with what is down and until when, and nothing is called done", () => {
  expect(render({ holder })).toStrictEqual({
    outcome: "attention",
    heading: "etcd recovery: held, nothing was put back",
    rows: [
      [
        "API servers",
        "<strong>down</strong>: <code>kube-apiserver</code>; where the run that stopped them is gone, HyperShift starts them at <code>2026-11-24T12:03:00Z</code>",
      ],
      ["Result", "a run that is not known to be dead holds the hosted cluster, and was left alone"],
      ["Hosted cluster", "<code>clusters/example</code>"],
      ["Held by", "<code>https://github.com/a/b/actions/runs/1</code>"],
      ["Phase", "<code>hold</code>"],
      ["Until", "<code>2026-11-24T12:03:00Z</code>"],
    ],
  });
});

test("a holder that stopped nothing leaves the API servers ready", () => {
  expect(render({ holder: { ...holder, down: [] } }).rows[0]).toStrictEqual([
    "API servers",
    "ready; left to the run that holds the hosted cluster",
  ]);
});

test("API servers that somebody else decides about since are not called back", () => {
  const [first] = render({ recovered: true, apiServers: "others" }).rows;
  expect(first).toStrictEqual(["API servers", expect.stringMatching(/^put back, and not waited for: .* another run/)]);
});

test("a failure says first that the API servers are not back", () => {
  const failure = new ActionError("release-failed", "kube-apiserver did not come back", { hint: "look at its pods" });
  expect(render({ apiServers: "down" }, failure)).toStrictEqual({
    outcome: "failed",
    heading: "etcd recovery: failed",
    rows: [
      ["API servers", "<strong>NOT back</strong>: not seen to be ready"],
      ["Result", "<code>release-failed</code>"],
      ["What happened", "kube-apiserver did not come back"],
      ["What to do", "look at its pods"],
      ["Hosted cluster", "<code>clusters/example</code>"],
    ],
  });
});
