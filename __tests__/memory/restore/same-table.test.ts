import { expect, test } from "vitest";
import { renderComment } from "../../../src/action/comment.ts";
import { escapeHtml } from "../../../src/action/summary/cells.ts";
import { summarizeRestore } from "../../../src/action/summary/restore-render.ts";
import { ActionError } from "../../../src/errors.ts";
import { buildManifest, oldKey } from "../../unit/restore/manifest-builder.ts";
import { signature } from "../../unit/restore/memory-store.ts";
import { buildRecord, snapshot } from "../../unit/restore/record-builder.ts";
import { prepare, type Case } from "./rendering.ts";

const docs = (path: string): string => `https://github.example/action/blob/v1/${path}`;

/** One rendering as its three readers see it. */
async function show(given: Case) {
  const { run, report, log } = prepare(given);
  const failure = await run().then(
    (result) => {
      Object.assign(report, result);
      return undefined;
    },
    (error: unknown) => {
      if (error instanceof ActionError) return error;
      throw error;
    },
  );
  const request = { snapshot, manifest: "cluster.yaml" };
  const summary = summarizeRestore({ request, report, failure, findDocs: docs });
  const { body } = renderComment(summary, { hostedCluster: report.hostedCluster, runUrl: "", masks: new Set() });
  return {
    report,
    failure,
    log: log.lines,
    rows: [...summary.rows, ...(summary.details ?? [])],
    body: body.replaceAll("\u200b", ""),
  };
}

const old = { hostedCluster: { baseDomain: "old.example", clusterID: "one" } };

test.each<[string, Case]>([
  ["succeeds", { manifest: buildManifest({ infraID: "" }), store: { record: buildRecord(old) } }],
  [
    "is refused for several reasons",
    {
      manifest: buildManifest({ infraID: "other", policy: "HighlyAvailable", spec: ['  pausedUntil: "true"'] }),
      store: { record: buildRecord({ ...old, proofs: { membersAgree: false } }) },
    },
  ],
  [
    "is accepted",
    { manifest: buildManifest({ policy: "HighlyAvailable" }), request: { allowUnsafeRestore: ["etcd-would-split"] } },
  ],
])("a restore that %s has one table in log, summary and comment", async (_, given) => {
  const { report, log, rows, body } = await show(given);
  expect(report.findings.length).toBeGreaterThan(10);
  for (const { guard, verdict, code, text } of report.findings) {
    const told = log.filter((line) => line.includes(guard) && line.includes(text));
    expect(told.length, guard).toBeGreaterThan(0);
    const row = rows.find(([label, value]) => label === escapeHtml(guard) && value.includes(escapeHtml(text)));
    expect(row?.[1], guard).toContain(`<strong>${verdict}</strong>`);
    if (code !== undefined)
      expect(row?.[1]).toContain(`<a href="${docs("docs/errors.md")}#${code}"><code>${code}</code></a>`);
    expect(body, guard).toContain(row?.join("</th><td>"));
  }
  for (const secret of [signature, oldKey.toString("base64")]) expect(body).not.toContain(secret);
});

test("a restore that nothing is wrong with says what is next, and one that is refused does not", async () => {
  const right = await show({});
  expect(right.rows.map(([label]) => label)).toContain("Next");
  const wrong = await show({ manifest: buildManifest({ infraID: "other" }) });
  expect(wrong.failure?.code).toBe("hosted-cluster-differs");
  expect(wrong.rows.map(([label]) => label)).not.toContain("Next");
});
