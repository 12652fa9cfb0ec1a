import type { ActionError } from "../../errors.ts";
import { describeWanted, type LatestOf } from "../../snapshots/latest.ts";
import type { SnapshotUri } from "../../snapshots/location.ts";
import type { VerifyReport } from "../../verify/world.ts";
import { codeRow, detailRows, failureRows, hostedClusterRow, snapshotRow } from "./cells.ts";
import { contentsDetails, contentsRows } from "./contents.ts";
import { outcomeOf, type FindDocs, type Summary } from "./summary.ts";

type AskedSource =
  | { readonly kind: "stored"; readonly snapshot: SnapshotUri | LatestOf }
  | { readonly kind: "file"; readonly path: string };

/** The outcome of one proof. */
export interface VerifyEnd {
  /** Absent where the inputs could not be read. */
  readonly source: AskedSource | undefined;
  readonly report: VerifyReport;
  readonly failure: ActionError | undefined;
  readonly findDocs: FindDocs;
}

export function summarizeVerification({ source, report, failure, findDocs }: VerifyEnd): Summary {
  return {
    outcome: outcomeOf(failure),
    heading: `etcd snapshot: ${failure === undefined ? "proven" : "not proven"}`,
    rows: [
      ...(failure === undefined ? [["Result", renderResult(report)] as const] : failureRows(failure, findDocs)),
      ...hostedClusterRow(report.hostedCluster),
      ...snapshotRow({ ...report, snapshotUri: report.name ?? (source && nameOf(source)) }),
      ...(report.contents === undefined ? [] : contentsRows(report.contents)),
    ],
    details: [
      ...detailRows(report),
      ...codeRow("Encryption key Secret", report.encryptionKeySecretName),
      ...(report.contents === undefined ? [] : contentsDetails(report.contents)),
    ],
  };
}

function nameOf(source: AskedSource): string {
  return source.kind === "stored" ? describeWanted(source.snapshot) : source.path;
}

function renderResult({ createdAt }: VerifyReport): string {
  return createdAt === undefined
    ? "read whole, every page and value; there is no record to hold it against"
    : "read whole, every page and value, and what its record says";
}
