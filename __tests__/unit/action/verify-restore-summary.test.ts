import { expect, test } from "vitest";
import { summarizeVerifyRestore } from "../../../src/action/summary/verify-restore.ts";
import { ActionError } from "../../../src/errors.ts";
import type { VerifyRestoreReport } from "../../../src/verify-restore/world.ts";
import { readBytes } from "../../world/snapshot/read.ts";
import { buildSnapshot, writes } from "../../world/snapshot/snapshot.ts";

const findDocs = (): undefined => undefined;
const hostedCluster = { namespace: "clusters", name: "example" };
const request = { hostedCluster, snapshot: { bucket: "backups", key: "clusters/example/a.db" } };
const stored = await readBytes(buildSnapshot({ changes: writes(4) }));
const facts: VerifyRestoreReport = {
  name: "s3://backups/clusters/example/a.db",
  createdAt: "2026-11-24T12:00:30Z",
  sizeBytes: 64,
  sha256: "ab".repeat(32),
  revision: 5,
  contents: stored,
  script: "plain",
  members: ["etcd-0: member 1", "etcd-1: <b>"],
  hashKv: "42 at revision 5 on the one member, as the snapshot predicts",
  livingRevision: 9,
  survivors: { untouched: 3, foreign: 0, newestRevision: 5, resources: { configmaps: { untouched: 3, foreign: 0 } } },
  apiServerReady: true,
  conditions: [],
  left: ["one", "two"],
};

test("a green summary says what was proven, by resource what became of the keys, and at its end what is left", () => {
  expect(summarizeVerifyRestore({ request, report: facts, failure: undefined, findDocs })).toStrictEqual({
    outcome: "done",
    heading: "etcd restore: the cluster is the old one",
    rows: [
      ["Result", "every member started from the snapshot, and every key that nobody changed since is the same"],
      ["Hosted cluster", "<code>clusters/example</code>"],
      [
        "Snapshot",
        "<code>s3://backups/clusters/example/a.db</code><br>made at <code>2026-11-24T12:00:30Z</code>, 64 bytes, revision 5",
      ],
      ["Init script", "plain"],
      ["HashKV", "42 at revision 5 on the one member, as the snapshot predicts"],
      ["Untouched keys", "3 of 4, at revision 9"],
      ["API server", "ready"],
      ["What is left", "one<br>two"],
    ],
    details: [
      ["Members", "etcd-0: member 1<br>etcd-1: &lt;b&gt;"],
      ["Size", "64 bytes"],
      ["SHA-256", `<code>${"ab".repeat(32)}</code>`],
    ],
    tables: [
      {
        heading: "Keys of the snapshot in the cluster",
        head: ["Resource", "In the snapshot", "Untouched", "Changed or deleted since"],
        rows: [["<code>configmaps</code>", "4", "3", "1"]],
        notes: [],
      },
    ],
  });
});

test("a red one says first what is wrong, and then what was proven before", () => {
  const failure = new ActionError("etcd-split", "the members are not one cluster", { hint: "delete it" });
  const { sha256 = "", members = [] } = facts;
  const {
    outcome,
    heading,
    rows,
    details = [],
    tables,
  } = summarizeVerifyRestore({
    ...{ request, failure, findDocs },
    report: { sha256, members },
  });
  expect([outcome, heading, tables]).toEqual(["failed", "etcd restore: not proven", []]);
  expect(details.map(([label]) => label)).toEqual(["Members", "SHA-256"]);
  expect(rows.map(([label]) => label)).toEqual(["Result", "What happened", "What to do", "Hosted cluster", "Snapshot"]);
});

test("a condition that is not as it should be asks for attention in a green run", () => {
  const report = { ...facts, conditions: ["HostedCluster: Degraded is True (Because)"] };
  const { outcome, rows } = summarizeVerifyRestore({ request, report, failure: undefined, findDocs });
  expect(outcome).toBe("attention");
  expect(rows).toContainEqual(["Conditions to look at", "HostedCluster: Degraded is True (Because)"]);
});

test("without inputs there is nothing but the failure", () => {
  const failure = new ActionError("input-missing", "the input hosted-cluster is not set");
  const { rows } = summarizeVerifyRestore({ request: undefined, report: {}, failure, findDocs });
  expect(rows.map(([label]) => label)).toEqual(["Result", "What happened"]);
});
