import { describe, expect, test } from "vitest";
import { readDrillInputs } from "../../../src/action/inputs/drill.ts";
import { summarizeDrill } from "../../../src/action/summary/drill.ts";
import { createDrillReport } from "../../../src/drill/world.ts";
import { ActionError } from "../../../src/errors.ts";
import { kubeconfigText } from "../kubeconfig/kubeconfig-text.ts";
import { codeOf } from "../restore/expectations.ts";

const usual: Readonly<Record<string, string>> = {
  kubeconfig: kubeconfigText(),
  "hosted-cluster": "example",
  "snapshot-uri": "latest",
  "s3-bucket": "backups",
  "s3-prefix": "nightly",
  "s3-region": "eu-central-1",
};

function read(given: Readonly<Record<string, string>> = {}) {
  const inputs = { ...usual, ...given };
  return readDrillInputs({ read: (name) => inputs[name] ?? "", unknown: [], environment: {} });
}

describe("inputs of drill", () => {
  test("have defaults, and pin the cluster and its folder", () => {
    expect(read().request).toMatchObject({
      hostedCluster: { namespace: "clusters", name: "example" },
      namespace: "etcd-restore-drill",
      timeoutMs: 900_000,
      scripts: "release",
      pins: { prefix: "nightly", hostedCluster: { name: "example" } },
    });
  });

  test.each([
    ["drill-namespace", "Drills"],
    ["drill-namespace", "a/../b"],
    ["drill-timeout", "1m"],
    ["drill-timeout", "900"],
    ["drill-scripts", "Both"],
    ["dry-run", "true"],
    ["allow-unrecorded", "true"],
    ["hosted-cluster", "../example"],
    ["hosted-cluster", "example; rm -rf /"],
  ])("%s: %s is refused before anything is contacted", (name, value) => {
    expect(codeOf(() => read({ [name]: value }))).toMatch(/^inputs?-invalid$/);
  });
});

describe("the summary of a drill", () => {
  const report = {
    ...createDrillReport(),
    phases: [
      { name: "pod started", seconds: 1 },
      { name: "fetched", seconds: 3 },
    ] as const,
    scripts: ["plain"] as const,
    podGone: true,
  };
  const request = { ...read().request };
  const summarize = (change: object, failure?: ActionError) =>
    summarizeDrill({ request, report: { ...report, ...change }, failure, findDocs: () => undefined });

  test("tells the time of a restore, with a bar for each phase", () => {
    const secrets = { shown: true as const, read: 20, resources: ["secrets"], namespaces: 42 };
    const { heading, rows, tables } = summarize({
      rtoSeconds: 4,
      secrets,
      drillUri: "s3://b/a.drill-20261129T040000Z.json",
    });
    expect(heading).toBe("etcd restore drill: restored and started");
    expect(Object.fromEntries(rows)).toMatchObject({
      "Measured RTO of the data": "<strong>4.0 s</strong>, without nodes, operators and DNS of a new cluster",
      "Secrets through an API server": "20 read (secrets); 42 namespaces listed",
      "Pod of the drill": "removed",
    });
    expect(tables?.[0]?.rows.map(([, , bar]) => bar?.match(/█/g)?.length)).toEqual([8, 23]);
  });

  test("says first what failed, and that the living cluster was not touched", () => {
    const failure = new ActionError("drill-disk-full", "the disk was full", { hint: "give more" });
    const { rows } = summarize({ podGone: false }, failure);
    expect(rows[0]).toEqual(["Result", "<code>drill-disk-full</code>"]);
    expect(Object.fromEntries(rows)).toMatchObject({
      "Living cluster": "not touched: nothing paused, nothing stopped, no hold",
      "Pod of the drill": "<strong>not removed</strong> in <code>etcd-restore-drill</code>; it ends by itself",
    });
  });

  test("shows what is not shown", () => {
    const { rows } = summarize({ secrets: { shown: false, reason: "values of secrets are encrypted by <kms>" } });
    expect(Object.fromEntries(rows)["Secrets through an API server"]).toBe(
      "<strong>not shown</strong>: values of secrets are encrypted by &lt;kms&gt;",
    );
  });
});
