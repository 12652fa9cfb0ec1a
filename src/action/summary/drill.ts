import type { DrillReport, DrillRequest } from "../../drill/world.ts";
import type { ActionError } from "../../errors.ts";
import type { DrillPhase, DrillRecord } from "../../snapshots/drill-record.ts";
import { renderBlocks } from "../../snapshots/history.ts";
import { describeWanted } from "../../snapshots/latest.ts";
import { codeRow, detailRows, escapeHtml, failureRows, hostedClusterRow, snapshotRow, type Row } from "./cells.ts";
import { contentsDetails, contentsRows } from "./contents.ts";
import { outcomeOf, type FindDocs, type Summary, type Table } from "./summary.ts";

/** The outcome of one drill; when it failed, the report has what was known by then. */
export interface DrillEnd {
  /** Undefined where the inputs could not be read. */
  readonly request: Pick<DrillRequest, "snapshot" | "hostedCluster" | "namespace"> | undefined;
  readonly report: DrillReport;
  readonly failure: ActionError | undefined;
  readonly findDocs: FindDocs;
}

/** Never a signed URL, nor what the restored etcd holds. */
export function summarizeDrill({ request, report, failure, findDocs }: DrillEnd): Summary {
  return {
    outcome: outcomeOf(failure, report.secrets?.shown === false || report.podGone === false),
    heading: `etcd restore drill: ${failure === undefined ? "restored and started" : "failed"}`,
    rows: [
      ...(failure === undefined ? [["Result", renderResult(report)] as const] : failureRows(failure, findDocs)),
      ...(report.rtoSeconds === undefined ? [] : [["Measured RTO of the data", renderRto(report.rtoSeconds)] as const]),
      ...secretsRows(report),
      ["Living cluster", "not touched: nothing paused, nothing stopped, no hold"],
      ...podRows(report, request),
      ...hostedClusterRow(report.hostedCluster ?? request?.hostedCluster),
      ...snapshotRow({ ...report, snapshotUri: report.name ?? (request && describeWanted(request.snapshot)) }),
      ...codeRow("Drill", report.drillUri),
      ...(report.contents === undefined ? [] : contentsRows(report.contents)),
    ],
    details: [
      ...detailRows(report),
      ...codeRow("etcd image", report.image),
      ...(report.contents === undefined ? [] : contentsDetails(report.contents)),
    ],
    tables: [...phaseTables(report.phases), ...trendTables(report)],
  };
}

function renderResult({ scripts = [] }: DrillReport): string {
  return `a pod fetched the snapshot by a signed URL, restored it (${scripts.join(", then ")}), and etcd answered what was predicted from the stored bytes`;
}

function renderRto(seconds: number): string {
  return `<strong>${seconds.toFixed(1)} s</strong>, without nodes, operators and DNS of a new cluster`;
}

function secretsRows({ secrets }: DrillReport): readonly Row[] {
  if (secrets === undefined) return [];
  if (!secrets.shown)
    return [["Secrets through an API server", `<strong>not shown</strong>: ${escapeHtml(secrets.reason)}`]];
  const what = secrets.read === 0 ? "there is none" : `${String(secrets.read)} read (${secrets.resources.join(", ")})`;
  return [["Secrets through an API server", `${escapeHtml(what)}; ${String(secrets.namespaces)} namespaces listed`]];
}

function podRows({ podGone }: DrillReport, request: DrillEnd["request"]): readonly Row[] {
  if (podGone === undefined) return [];
  const where = request === undefined ? "" : ` in <code>${escapeHtml(request.namespace)}</code>`;
  return [["Pod of the drill", podGone ? "removed" : `<strong>not removed</strong>${where}; it ends by itself`]];
}

const barWidth = 30;

/** A bar for each phase, as long as its share of them all. */
function phaseTables(phases: readonly DrillPhase[]): readonly Table[] {
  const total = phases.reduce((sum, { seconds }) => sum + seconds, 0);
  if (phases.length === 0 || total === 0) return [];
  return [
    {
      heading: "Phases",
      head: ["Phase", "Seconds", ""],
      rows: phases.map(({ name, script, seconds }) => [
        script === undefined ? name : `${name} (${script})`,
        seconds.toFixed(1),
        `<code>${"█".repeat(Math.max(1, Math.round((seconds / total) * barWidth)))}</code>`,
      ]),
      notes: [],
    },
  ];
}

function trendTables({ earlier, rtoSeconds }: DrillReport): readonly Table[] {
  if (earlier.length === 0) return [];
  const oldestFirst = [
    ...earlier.toReversed().map((drill) => drill.rtoSeconds),
    ...(rtoSeconds === undefined ? [] : [rtoSeconds]),
  ];
  return [
    {
      heading: "Drills of this cluster before this one",
      head: ["Drilled at", "RTO", "Snapshot", "Restored", "Secrets"],
      rows: earlier.map((drill) => [
        escapeHtml(drill.drilledAt),
        `${drill.rtoSeconds.toFixed(1)} s`,
        `<code>${escapeHtml(nameOf(drill))}</code>`,
        drill.scripts.join(", "),
        drill.secrets.shown ? `${String(drill.secrets.read)} read` : "not shown",
      ]),
      notes: [`RTO <code>${renderBlocks(oldestFirst)}</code>, the oldest first`],
    },
  ];
}

function nameOf({ snapshot }: DrillRecord): string {
  return snapshot.uri.slice(snapshot.uri.lastIndexOf("/") + 1);
}
