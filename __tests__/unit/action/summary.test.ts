import { expect, test } from "vitest";
import {
  renderSummary,
  summarizeBackup,
  summarizeFailure,
  summarizeRestore,
  writeSummary,
  type BackupFacts,
} from "../../../src/action/summary.ts";
import { escapeHtml, renderSize } from "../../../src/action/summary-cells.ts";
import { ActionError } from "../../../src/errors.ts";

const cluster = { namespace: "clusters", name: "example" };

const facts: BackupFacts = {
  apiServers: "back",
  downWriters: [],
  snapshotUri: "s3://backups/clusters/example/a.db",
  sizeBytes: 67_108_864,
  sha256: "ab".repeat(32),
  revision: 4711,
  etcdVersion: "3.5.21",
  apiDowntimeSeconds: 12.34,
  recordUri: "s3://backups/clusters/example/a.json",
  encryptionKeySecretName: "example-etcd-encryption-key",
  presignedUrlExpiresAt: "2026-11-24T13:00:00Z",
  recovered: false,
};

const failure = new ActionError("release-failed", "the API servers of <b>clusters/example</b> are down", {
  hint: "run: oc scale\nthen look again",
});

test("a backup's summary says first that the API servers are back", () => {
  expect(renderSummary(summarizeBackup(cluster, facts))).toStrictEqual({
    heading: "etcd backup: done",
    rows: [
      ["API servers", "back"],
      ["Result", "snapshot stored, read back and recorded"],
      ["Hosted cluster", "<code>clusters/example</code>"],
      ["Snapshot", "<code>s3://backups/clusters/example/a.db</code>"],
      ["Size", "64.0 MiB (67108864 bytes)"],
      ["SHA-256", `<code>${"ab".repeat(32)}</code>`],
      ["Revision", "4711"],
      ["etcd", "<code>3.5.21</code>"],
      ["API downtime", "12.3 s"],
      ["Encryption key Secret", "<code>example-etcd-encryption-key</code>"],
      ["Signed URL valid until", "<code>2026-11-24T13:00:00Z</code>"],
      ["Record", "<code>s3://backups/clusters/example/a.json</code>"],
    ],
  });
});

test("a signed URL that comes along is not shown", () => {
  const report = { ...facts, presignedUrl: "https://s3.example.com/?X-Amz-Signature=canary" };
  expect(JSON.stringify(renderSummary(summarizeBackup(cluster, report)))).not.toContain("canary");
  expect(JSON.stringify(renderSummary(summarizeFailure("backup", failure, cluster, report)))).not.toContain("canary");
});

test("a failure says first that the API servers are not back, then code, message and hint, all escaped", () => {
  const down: BackupFacts = { apiServers: "down", downWriters: ["kube-apiserver"], recovered: false };
  expect(renderSummary(summarizeFailure("backup", failure, cluster, down))).toStrictEqual({
    heading: "etcd backup: failed",
    rows: [
      ["API servers", "<strong>NOT back</strong>: stopped"],
      ["Not ready", "<code>kube-apiserver</code>"],
      ["Result", "<code>release-failed</code>"],
      ["What happened", "the API servers of &lt;b&gt;clusters/example&lt;/b&gt; are down"],
      ["What to do", "run: oc scale<br>then look again"],
      ["Hosted cluster", "<code>clusters/example</code>"],
    ],
  });
});

test("a failure of a restore says nothing about API servers", () => {
  const summary = renderSummary(summarizeFailure("restore-render", new ActionError("record-missing", "no record")));
  expect(summary).toStrictEqual({
    heading: "etcd restore: failed",
    rows: [
      ["Result", "<code>record-missing</code>"],
      ["What happened", "no record"],
    ],
  });
});

test("a dry run shows its plan", () => {
  const plan: BackupFacts["plan"] = [
    ["Pause", "until 12:05"],
    ["Scale", "kube-apiserver 3 -> 0"],
  ];
  expect(
    renderSummary(summarizeBackup(cluster, { apiServers: "never-stopped", recovered: false, plan })).rows,
  ).toStrictEqual([
    ["API servers", "never stopped"],
    ["Result", "nothing was changed; without dry-run this would be done"],
    ["Hosted cluster", "<code>clusters/example</code>"],
    ["Pause", "until 12:05"],
    ["Scale", "kube-apiserver 3 -&gt; 0"],
  ]);
});

test("a rendered restore names the snapshot and until when it can be applied", () => {
  const { rows } = renderSummary(
    summarizeRestore(cluster, { ...facts, createdAt: "2026-11-24T12:00:00Z", renderedManifest: "/tmp/rendered.yaml" }),
  );
  expect(rows.map(([label]) => label)).not.toContain("API servers");
  expect(rows).toContainEqual(["Apply before (signed URL valid until)", "<code>2026-11-24T13:00:00Z</code>"]);
  expect(rows).toContainEqual(["Manifest", "<code>/tmp/rendered.yaml</code>"]);
});

test("hostile text stays text on one line", () => {
  expect(escapeHtml(`<img src=x onerror='a("b")'>&amp;\n\n| --- |\u202e`)).toBe(
    "&lt;img src=x onerror=&#39;a(&quot;b&quot;)&#39;&gt;&amp;amp; | --- | ",
  );
  expect(escapeHtml("x".repeat(5_000))).toHaveLength(2_001);
});

test.each([
  [0, "0 bytes"],
  [1023, "1023 bytes"],
  [1024, "1.0 KiB (1024 bytes)"],
  [3 * 1024 ** 3, "3.0 GiB (3221225472 bytes)"],
])("%i bytes are shown as %s", (sizeBytes, text) => {
  expect(renderSize(sizeBytes)).toBe(text);
});

test("the summary is one HTML table, and a file that cannot be written fails nothing", async () => {
  const calls: unknown[] = [];
  const core = {
    addHeading: (text: string, level: number) => calls.push([text, level]),
    addTable: (rows: unknown) => calls.push(rows),
    write: () => Promise.reject(new Error("no file")),
  };
  expect(await writeSummary(core, summarizeBackup(cluster, facts))).toBe(false);
  expect(calls[0]).toStrictEqual(["etcd backup: done", 2]);
  expect(calls[1]).toMatchObject({ 0: [{ data: "API servers", header: true }, "back"] });
});
