import type { ActionError } from "../errors.ts";
import { codeRow, escapeHtml, failureRows, type Row } from "./summary-cells.ts";

/** What the summary tells of a recovery, also of one that failed. */
export interface RecoverFacts {
  readonly recovered: boolean;
  /** `untouched`: no dead run had stopped them. */
  readonly apiServers: "untouched" | "down" | "back";
  /** The run that holds the hosted cluster and was left alone. */
  readonly holder?: { readonly run: string; readonly phase: string; readonly deadline: string };
  readonly removed: readonly string[];
  readonly left: readonly string[];
}

export interface RecoverSummary extends RecoverFacts {
  readonly kind: "recover";
  /** `<namespace>/<name>`. */
  readonly hostedCluster: string;
  readonly failure?: ActionError;
}

export function summarizeRecovery(
  cluster: { readonly namespace: string; readonly name: string },
  facts: RecoverFacts,
  failure?: ActionError,
): RecoverSummary {
  const hostedCluster = `${cluster.namespace}/${cluster.name}`;
  return { ...facts, kind: "recover", hostedCluster, ...(failure === undefined ? {} : { failure }) };
}

export function recoverRows(summary: RecoverSummary): readonly Row[] {
  const { failure, holder } = summary;
  return [
    ["API servers", apiServersText(summary)],
    ...(failure === undefined ? [["Result", resultText(summary)] as const] : failureRows(failure)),
    ...codeRow("Hosted cluster", summary.hostedCluster),
    ...codeRow("Held by", holder?.run),
    ...codeRow("Phase", holder?.phase),
    ...codeRow("Until", holder?.deadline),
    ...listRow("Removed", summary.removed),
    ...listRow("Left", summary.left),
  ];
}

function apiServersText({ apiServers, holder }: RecoverFacts): string {
  if (apiServers === "back") return "back";
  if (apiServers === "down") return "<strong>NOT back</strong>: not seen to be ready";
  return holder === undefined ? "not touched" : "left to the run that holds the hosted cluster";
}

function resultText({ recovered, holder }: RecoverFacts): string {
  if (holder !== undefined) return "a live run holds the hosted cluster and was left alone";
  return recovered ? "what dead runs left was put back and removed" : "there was nothing to do";
}

function listRow(label: string, entries: readonly string[]): readonly Row[] {
  return entries.length === 0 ? [] : [[label, entries.map(escapeHtml).join("<br>")]];
}
