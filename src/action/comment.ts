import type { ObjectRef } from "../ports.ts";
import { escapeHtml, type Row } from "./summary/cells.ts";
import { renderHeading, type Summary } from "./summary/summary.ts";

export interface RestoreComment {
  /** The first line, which GitHub does not show: one comment for each hosted cluster. */
  readonly marker: string;
  readonly body: string;
}

/** GitHub takes 65,536; what it makes of some characters is longer. */
const bodyMaxCharacters = 60_000;

interface CommentTerms {
  readonly hostedCluster: ObjectRef | undefined;
  readonly runUrl: string;
  /** Secrets, which no runner hides here. */
  readonly masks: ReadonlySet<string>;
}

/**
 * The summary of a step as a comment on a pull request. Its texts come from a manifest that anybody may propose: outside of
 * code, GitHub makes no mention and no link of them. Each of `masks` is `***` in it.
 */
export function renderComment(summary: Summary, { hostedCluster, runUrl, masks }: CommentTerms): RestoreComment {
  const hide = createHider(masks);
  const renderRow = ([label, value]: Row): string =>
    `<tr><th>${calm(hide(label))}</th><td>${calm(hide(value))}</td></tr>\n`;
  const rows = [...summary.rows, ...(summary.details ?? [])];
  const about = hostedCluster === undefined ? "" : ` ${hostedCluster.namespace}/${hostedCluster.name}`;
  const marker = `<!-- hypershift-etcd-backup-action: restore${hide(about)} -->`;
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

/** Puts `***` in the place of each mask, as HTML has it, and as a quoted text has it in HTML; the longest first. */
function createHider(masks: ReadonlySet<string>): (html: string) => string {
  const forms = [...masks].flatMap((mask) => [escapeHtml(mask), escapeHtml(JSON.stringify(mask).slice(1, -1))]);
  const longestFirst = [...new Set(forms)].sort((one, other) => other.length - one.length);
  return (html) => longestFirst.reduce((text, form) => text.replaceAll(form, "***"), html);
}

/** HTML whose text names nobody: a space without width follows each `@` and `#` that is neither in code nor in a tag. */
function calm(html: string): string {
  return html
    .split(/(<code>.*?<\/code>|<pre>.*?<\/pre>|<[^>]*>|&#?\w+;)/s)
    .map((part, index) => (index % 2 === 0 ? part.replaceAll(/[@#]/g, "$&\u200b") : part))
    .join("");
}
