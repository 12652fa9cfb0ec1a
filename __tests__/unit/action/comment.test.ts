import { expect, test } from "vitest";
import { renderComment } from "../../../src/action/comment.ts";
import type { Row } from "../../../src/action/summary/cells.ts";

const hostedCluster = { namespace: "clusters", name: "example" };
const runUrl = "https://github.example/acme/fleet/actions/runs/9/attempts/1";
const render = (rows: readonly Row[]) =>
  renderComment({ outcome: "failed", heading: "etcd restore: failed", rows }, { hostedCluster, runUrl });

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

test("a comment stays below what GitHub takes, and says how many rows are missing", () => {
  const rows = Array.from({ length: 100 }, (_, index): Row => [`field ${String(index)}`, "x".repeat(2_000)]);
  const { body } = render(rows);
  expect(body.length).toBeLessThanOrEqual(60_000);
  const shown = body.match(/<th>field/g)?.length ?? 0;
  expect(shown).toBeGreaterThan(20);
  expect(body).toContain(`<td>${String(100 - shown)} more rows are in the summary of the run</td>`);
  expect(body).toMatch(/<\/table>\n<p>.*<\/p>\n$/);
});
