import { expect, test } from "vitest";
import { renderComment } from "../../../src/action/comment.ts";
import { escapeHtml, type Row } from "../../../src/action/summary/cells.ts";
import { summarizeRestore, withoutRefused } from "../../../src/action/summary/restore-render.ts";
import { ActionError } from "../../../src/errors.ts";
import { createRestoreReport } from "../../../src/restore/world.ts";

const hostedCluster = { namespace: "clusters", name: "example" };
const runUrl = "https://github.example/acme/fleet/actions/runs/9/attempts/1";
const render = (rows: readonly Row[], ...masks: readonly string[]) =>
  renderComment(
    { outcome: "failed", heading: "etcd restore: failed", rows },
    { hostedCluster, runUrl, masks: new Set(masks) },
  );

test("a comment begins with a line that GitHub does not show, which names the cluster", () => {
  const { marker, body } = render([["Result", "<code>record-missing</code>"]]);
  expect(marker).toBe("<!-- hypershift-etcd-backup-action: restore clusters/example -->");
  expect(body).toBe(`${marker}
<h3>❌ etcd restore: failed</h3>
<table>
<tr><th>Result</th><td><code>record-missing</code></td></tr>
</table>
<p><a href="${runUrl}">The run</a></p>
`);
});

test("text from a manifest mentions nobody and links to nothing, and code can be copied as it is", () => {
  const { body } = render([["spec.dns", "@octo/admins &#39;#17&#39; in <code>image@sha256:ab#1</code><pre>a@b</pre>"]]);
  expect(body).toContain("@\u200bocto/admins &#39;#\u200b17&#39; in <code>image@sha256:ab#1</code><pre>a@b</pre>");
});

test("no mask is in a comment, however a text was written into it", () => {
  const secret = 'a<"\\@b#c';
  const rows: readonly Row[] = [
    ["Result", `<code>${escapeHtml(secret)}</code> ${escapeHtml(JSON.stringify(secret))}`],
    [escapeHtml(`${secret}, which is long`), escapeHtml(secret)],
  ];
  const { body } = render(rows, secret, `${secret}, which is long`);
  expect(body).toContain("<td><code>***</code> &quot;***&quot;</td>");
  expect(body).toContain("<th>***</th><td>***</td>");
});

test("of inputs that were refused nothing is in a comment, and of a path that is none the path is not", () => {
  const end = { report: createRestoreReport(), findDocs: (): undefined => undefined };
  const request = { snapshot: { bucket: "b", key: "a.db" }, manifest: 's3c"ret' };
  const refused = new ActionError("inputs-invalid", 'the input s3-region is "s3cret"', {
    hint: "did you mean s3cret?",
  });
  const invalid = new ActionError("manifest-invalid", String.raw`the manifest "s3c\"ret" does not exist`, {
    hint: "look",
  });
  const shown = [
    withoutRefused({ ...end, request: undefined, failure: refused }),
    withoutRefused({ ...end, request, failure: invalid }),
  ].map((each) => JSON.stringify(summarizeRestore(each).rows));
  expect(shown[0]).toMatch(/inputs-invalid.*the summary of the run says which/);
  expect(shown[1]).toMatch(/manifest-invalid.*the manifest does not exist.*look/);
  expect(shown.join("")).not.toContain("s3c");
  const differs = { ...end, request, failure: new ActionError("release-older", 'the image "a" is older') };
  expect(withoutRefused(differs)).toBe(differs);
});

test("a comment stays below what GitHub takes, and says how many rows are missing", () => {
  const rows = Array.from({ length: 100 }, (_, index): Row => [`field ${String(index)}`, "x".repeat(2_000)]);
  const { body } = render(rows);
  expect(body.length).toBeLessThanOrEqual(60_000);
  const shown = body.match(/<th>field/g)?.length ?? 0;
  expect(shown).toBeGreaterThan(20);
  expect(body).toContain(`<td>${String(100 - shown)} more rows are in the summary of the run</td>`);
  expect(body).toMatch(/<\/table>\n<p>.*<\/p>\n$/);
});
