import { expect, test } from "vitest";
import { summarizeRecovery, type RecoverFacts } from "../../../src/action/recover-summary.ts";
import { renderSummary } from "../../../src/action/summary.ts";
import { ActionError } from "../../../src/errors.ts";

const cluster = { namespace: "clusters", name: "example" };
const nothing: RecoverFacts = { recovered: false, apiServers: "untouched", removed: [], left: [] };

function render(facts: Partial<RecoverFacts>, failure?: ActionError): ReturnType<typeof renderSummary> {
  return renderSummary(summarizeRecovery(cluster, { ...nothing, ...facts }, failure));
}

test("nothing to do", () => {
  expect(render({})).toStrictEqual({
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

test("a holder is named, with phase and deadline", () => {
  const holder = { run: "https://github.com/a/b/actions/runs/1", phase: "hold", deadline: "2026-11-24T12:03:00Z" };
  expect(render({ holder }).rows).toStrictEqual([
    ["API servers", "left to the run that holds the hosted cluster"],
    ["Result", "a live run holds the hosted cluster and was left alone"],
    ["Hosted cluster", "<code>clusters/example</code>"],
    ["Held by", "<code>https://github.com/a/b/actions/runs/1</code>"],
    ["Phase", "<code>hold</code>"],
    ["Until", "<code>2026-11-24T12:03:00Z</code>"],
  ]);
});

test("a failure says first that the API servers are not back", () => {
  const failure = new ActionError("release-failed", "kube-apiserver did not come back", { hint: "look at its pods" });
  expect(render({ apiServers: "down" }, failure)).toStrictEqual({
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
