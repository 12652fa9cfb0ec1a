import type { ObjectRef } from "../ports.ts";
import type { Row } from "./summary/cells.ts";
import { renderHeading, type Summary } from "./summary/summary.ts";

export interface RestoreComment {
  /** The first line, which GitHub does not show: one comment for each hosted cluster. */
  readonly marker: string;
  readonly body: string;
}

/** GitHub takes 65,536; what it makes of some characters is longer. */
const bodyMaxCharacters = 60_000;

/**
 * The summary of a step as a comment on a pull request. Its texts come from a manifest that anybody may propose: outside of
 * code, GitHub makes no mention and no link of them.
 */
export function renderComment(
  summary: Summary,
  { hostedCluster, runUrl }: { readonly hostedCluster: ObjectRef | undefined; readonly runUrl: string },
): RestoreComment {
  const rows = [...summary.rows, ...(summary.details ?? [])];
  const about = hostedCluster === undefined ? "" : ` ${hostedCluster.namespace}/${hostedCluster.name}`;
  const marker = `<!-- hypershift-etcd-backup-action: restore${about} -->`;
  const start = `${marker}\n<h3>${calm(renderHeading(summary))}</h3>\n<table>\n`;
  const end = `</table>\n${runUrl === "" ? "" : `<p><a href="${runUrl}">The run</a></p>\n`}`;
  let text = start;
  for (const [index, row] of rows.entries()) {
    const rendered = renderRow(row);
    const left = renderRow(["…", `${String(rows.length - index)} more rows are in the summary of the run`]);
    if (text.length + rendered.length + left.length + end.length > bodyMaxCharacters) {
      text += left;
      break;
    }
    text += rendered;
  }
  return { marker, body: text + end };
}

function renderRow([label, value]: Row): string {
  return `<tr><th>${calm(label)}</th><td>${calm(value)}</td></tr>\n`;
}

/** HTML whose text names nobody: a space without width follows each `@` and `#` that is neither in code nor in a tag. */
function calm(html: string): string {
  return html
    .split(/(<code>.*?<\/code>|<pre>.*?<\/pre>|<[^>]*>|&#?\w+;)/s)
    .map((part, index) => (index % 2 === 0 ? part.replaceAll(/[@#]/g, "$&\u200b") : part))
    .join("");
}
