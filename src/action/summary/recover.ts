import type { ActionError } from "../../errors.ts";
import type { ObjectRef } from "../../ports.ts";
import type { RecoverReport } from "../../recover/recover.ts";
import { codeRow, escapeHtml, failureRows, hostedClusterRow, othersText, type Row } from "./cells.ts";
import { outcomeOf, type FindDocs, type Summary } from "./summary.ts";

/** The outcome of one recovery; `hostedCluster` is absent where its inputs could not be read. */
export interface RecoverEnd {
  readonly hostedCluster: ObjectRef | undefined;
  readonly report: RecoverReport;
  readonly failure: ActionError | undefined;
  readonly findDocs: FindDocs;
}

export function summarizeRecovery({ hostedCluster, report, failure, findDocs }: RecoverEnd): Summary {
  const { holder } = report;
  const end = holder === undefined ? "done" : "held, nothing was put back";
  return {
    outcome: outcomeOf(failure, holder !== undefined),
    heading: `etcd recovery: ${failure === undefined ? end : "failed"}`,
    rows: [
      ["API servers", apiServersText(report)],
      ...(failure === undefined ? [["Result", resultText(report)] as const] : failureRows(failure, findDocs)),
      ...hostedClusterRow(hostedCluster),
      ...codeRow("Held by", holder?.run),
      ...codeRow("Phase", holder?.phase),
      ...codeRow("Until", holder?.deadline),
      ...listRow("Removed", report.removed),
      ...listRow("Left", report.left),
    ],
  };
}

function apiServersText({ apiServers, holder }: RecoverReport): string {
  if (apiServers === "back") return "back";
  if (apiServers === "others") return othersText;
  if (apiServers === "down") return "<strong>NOT back</strong>: not seen to be ready";
  if (holder === undefined) return "not touched";
  if (holder.down.length === 0) return "ready; left to the run that holds the hosted cluster";
  return (
    `<strong>down</strong>: <code>${escapeHtml(holder.down.join(", "))}</code>; where the run that stopped them is gone, ` +
    `HyperShift starts them at <code>${escapeHtml(holder.deadline)}</code>`
  );
}

function resultText({ recovered, holder }: RecoverReport): string {
  if (holder !== undefined) return "a run that is not known to be dead holds the hosted cluster, and was left alone";
  return recovered ? "what dead runs left was put back and removed" : "there was nothing to do";
}

function listRow(label: string, entries: readonly string[]): readonly Row[] {
  return entries.length === 0 ? [] : [[label, entries.map(escapeHtml).join("<br>")]];
}
