import type { Environment } from "../inputs/names.ts";
import type { Phase } from "../log.ts";
import { escapeHtml, type Row } from "./cells.ts";

/** `attention`: it ended well, and somebody has to do something. */
export type Outcome = "done" | "attention" | "failed";

/** A heading, the rows that fit on one screen, and what is folded below them. */
export interface Summary {
  readonly outcome: Outcome;
  readonly heading: string;
  readonly rows: readonly Row[];
  readonly details?: readonly Row[];
  readonly tables?: readonly Table[];
}

/** A folded table of its own below the facts; all HTML. */
export interface Table {
  readonly heading: string;
  readonly head: readonly string[];
  readonly rows: readonly (readonly string[])[];
  /** Sentences below it. */
  readonly notes: readonly string[];
}

/** The part of core.summary that the writer needs. */
export interface CoreSummary {
  addHeading(text: string, level: number): unknown;
  addTable(rows: ({ data: string; header: boolean } | string)[][]): unknown;
  addRaw(text: string, addEol?: boolean): unknown;
  write(): Promise<unknown>;
}

/** The address of a file of this action's repository in the version that runs; undefined where the runner does not say. */
export type FindDocs = (file: string) => string | undefined;

/** Reads GITHUB_ACTION_REPOSITORY and GITHUB_ACTION_REF, which are empty for an action of the workflow's repository. */
export function bindDocs(environment: Environment): FindDocs {
  const server = environment["GITHUB_SERVER_URL"] ?? "";
  const repository = environment["GITHUB_ACTION_REPOSITORY"] ?? "";
  const ref = environment["GITHUB_ACTION_REF"] ?? "";
  const known = /^https:\/\/[\w.:-]+$/.test(server) && /^[\w.-]+\/[\w.-]+$/.test(repository) && /^[\w./-]+$/.test(ref);
  return (file) => (known ? `${server}/${repository}/blob/${ref}/${file}` : undefined);
}

/** `needed`: where it ended well, somebody has to do something all the same. */
export function outcomeOf(failure: Error | undefined, needed = false): Outcome {
  if (failure !== undefined) return "failed";
  return needed ? "attention" : "done";
}

const marks: Readonly<Record<Outcome, string>> = { done: "✅", attention: "⚠️", failed: "❌" };

/** The heading with the mark of its outcome. */
export function renderHeading({ outcome, heading }: Summary): string {
  return `${marks[outcome]} ${heading}`;
}

/**
 * Adds HTML tables to the step summary: masks such as `---`, which a kubeconfig in a secret makes, break Markdown ones.
 * All but the first is folded. False when there is no summary file or it cannot be written; that fails no run.
 */
export async function writeSummary(
  core: CoreSummary,
  summary: Summary,
  phases: readonly Phase[] = [],
): Promise<boolean> {
  const { rows, details = [], tables = [] } = summary;
  core.addHeading(renderHeading(summary), 2);
  core.addTable(renderRows(fit(rows)));
  if (details.length > 0)
    fold(core, "Details", () => {
      core.addTable(renderRows(fit(details)));
    });
  for (const { heading, head, rows: body, notes } of [...tables, ...phasesTables(phases)])
    fold(core, heading, () => {
      core.addTable([head.map((data) => ({ data, header: true })), ...fit(body).map((row) => [...row])]);
      core.addRaw(notes.map((note) => `<p>${note}</p>`).join("\n"), true);
    });
  try {
    await core.write();
    return true;
  } catch {
    return false;
  }
}

/** Of one table: GitHub shows no summary over 1 MiB, and none has more than five of them. */
const tableMaxBytes = 150_000;

/** As many rows as fit, and a last one that says how many do not. */
function fit<R extends readonly string[]>(rows: readonly R[]): readonly (R | Row)[] {
  let sizeBytes = 0;
  const end = rows.findIndex((row) => {
    sizeBytes += Buffer.byteLength(row.join("</td><td>"));
    return sizeBytes > tableMaxBytes;
  });
  return end < 0 ? rows : [...rows.slice(0, end), ["…", `${String(rows.length - end)} more rows are left out`]];
}

function renderRows(rows: readonly Row[]): ({ data: string; header: boolean } | string)[][] {
  return rows.map(([label, value]) => [{ data: label, header: true }, value]);
}

function fold(core: CoreSummary, heading: string, addContent: () => void): void {
  core.addRaw(`<details><summary>${heading}</summary>`, true);
  addContent();
  core.addRaw("</details>", true);
}

/** What was done when, with the times of each; none where nothing was begun. */
function phasesTables(phases: readonly Phase[]): readonly Table[] {
  if (phases.length === 0) return [];
  const total = phases.reduce((sum, { seconds }) => sum + seconds, 0);
  return [
    {
      heading: `Phases, ${total.toFixed(1)} s`,
      head: ["Phase", "Time", "Result"],
      rows: phases.map(({ title, seconds, result = "" }) => [
        escapeHtml(title),
        `${seconds.toFixed(1)} s`,
        escapeHtml(result),
      ]),
      notes: [],
    },
  ];
}
