import type { ActionError } from "../../errors.ts";
import type { ObjectRef } from "../../ports.ts";
import { describeWanted, type LatestOf } from "../../snapshots/latest.ts";
import type { SnapshotUri } from "../../snapshots/location.ts";
import type { VerifyRestoreReport } from "../../verify-restore/world.ts";
import { detailRows, escapeHtml, failureRows, hostedClusterRow, renderLines, snapshotRow, type Row } from "./cells.ts";
import { outcomeOf, type FindDocs, type Summary, type Table } from "./summary.ts";

/** The outcome of one look at a restored cluster. */
export interface VerifyRestoreEnd {
  /** Absent where the inputs could not be read. */
  readonly request: { readonly hostedCluster: ObjectRef; readonly snapshot: SnapshotUri | LatestOf } | undefined;
  readonly report: VerifyRestoreReport;
  readonly failure: ActionError | undefined;
  readonly findDocs: FindDocs;
}

/** A cluster has some hundred resources. */
const mostResources = 30;

export function summarizeVerifyRestore({ request, report, failure, findDocs }: VerifyRestoreEnd): Summary {
  const { script, members, hashKv, conditions, left, contents, survivors } = report;
  return {
    outcome: outcomeOf(failure, conditions !== undefined && conditions.length > 0),
    heading: `etcd restore: ${failure === undefined ? "the cluster is the old one" : "not proven"}`,
    rows: [
      ...(failure === undefined
        ? [
            [
              "Result",
              "every member started from the snapshot, and every key that nobody changed since is the same",
            ] as const,
          ]
        : failureRows(failure, findDocs)),
      ...hostedClusterRow(request?.hostedCluster),
      ...snapshotRow({ ...report, snapshotUri: report.name ?? (request && describeWanted(request.snapshot)) }),
      ...(script === undefined ? [] : [["Init script", script] as const]),
      ...(hashKv === undefined ? [] : [["HashKV", escapeHtml(hashKv)] as const]),
      ...(survivors === undefined || contents === undefined
        ? []
        : [
            [
              "Untouched keys",
              `${String(survivors.untouched)} of ${String(contents.liveSet.keys)}, at revision ${String(report.livingRevision ?? 0)}`,
            ] as const,
          ]),
      ...(report.apiServerReady === true ? [["API server", "ready"] as const] : []),
      ...listRow("Conditions to look at", conditions),
      ...listRow("What is left", left),
    ],
    details: [...listRow("Members", members), ...detailRows(report)],
    tables: survivors === undefined || contents === undefined ? [] : [survivorTable({ contents, survivors })],
  };
}

function listRow(label: string, lines: readonly string[] | undefined): readonly Row[] {
  return lines === undefined || lines.length === 0 ? [] : [[label, renderLines(lines)]];
}

function survivorTable({ contents, survivors }: Required<Pick<VerifyRestoreReport, "contents" | "survivors">>): Table {
  const counted = Object.entries(contents.resources).toSorted(([, one], [, other]) => other.keys - one.keys);
  return {
    heading: "Keys of the snapshot in the cluster",
    head: ["Resource", "In the snapshot", "Untouched", "Changed or deleted since"],
    rows: counted.slice(0, mostResources).map(([name, { keys }]) => {
      const untouched = survivors.resources[name]?.untouched ?? 0;
      return [`<code>${escapeHtml(name)}</code>`, String(keys), String(untouched), String(keys - untouched)];
    }),
    notes: counted.length > mostResources ? [`and ${String(counted.length - mostResources)} more resources`] : [],
  };
}
