import { ActionError, hasCode } from "../../errors.ts";
import type { RestoreReport, RestoreRequest } from "../../restore/world.ts";
import { describeDrill } from "../../snapshots/drill-record.ts";
import { describeWanted } from "../../snapshots/latest.ts";
import {
  codeRow,
  detailRows,
  escapeHtml,
  failureRows,
  hostedClusterRow,
  renderCode,
  snapshotRow,
  type Row,
} from "./cells.ts";
import { contentsDetails, contentsRows } from "./contents.ts";
import { outcomeOf, type FindDocs, type Summary } from "./summary.ts";

/** The outcome of one rendering; when it failed, the report has what was known by then. */
export interface RestoreEnd {
  /** Undefined where the inputs could not be read. */
  readonly request: Pick<RestoreRequest, "snapshot" | "manifest"> | undefined;
  readonly report: RestoreReport;
  readonly failure: ActionError | undefined;
  readonly findDocs: FindDocs;
}

/** Never a signed URL. */
export function summarizeRestore({ request, report, failure, findDocs }: RestoreEnd): Summary {
  const asked = report.snapshot ?? request?.snapshot;
  const equal = report.findings.filter(({ verdict }) => verdict === "equal");
  const unknown = report.findings.filter(({ verdict }) => verdict === "unknown");
  const others = report.findings.filter((finding) => !equal.includes(finding) && !unknown.includes(finding));
  return {
    outcome: outcomeOf(failure, others.length > 0),
    heading: `etcd restore: ${failure === undefined ? "manifest rendered" : "failed"}`,
    rows: [
      ...(failure === undefined
        ? [["Result", "manifest written, not applied"] as const]
        : failureRows(failure, findDocs)),
      ...hostedClusterRow(report.hostedCluster),
      ...codeRow("Manifest", report.renderedManifest ?? request?.manifest),
      ...codeRow("Apply before (signed URL valid until)", report.presignedUrlExpiresAt),
      ...snapshotRow({ ...report, createdAt: report.record?.createdAt, snapshotUri: asked && describeWanted(asked) }),
      ...takenRows(report),
      ...(report.drill === undefined ? [] : [["Drilled", escapeHtml(describeDrill(report.drill))] as const]),
      ...findingRows(others, findDocs),
      ...namesRow("Not known", unknown),
      ...namesRow("Equal", equal),
      ...(report.contents === undefined ? [] : contentsRows(report.contents)),
      ...(failure === undefined ? [nextRow] : []),
    ],
    details: [
      ...findingRows([...unknown, ...equal], findDocs),
      ...detailRows(report),
      ...codeRow("Encryption key Secret", report.encryptionKeySecretName),
      ...(report.contents === undefined ? [] : contentsDetails(report.contents)),
    ],
  };
}

/**
 * The same end for a comment, where no runner hides secrets: without the value of any input that was refused, since it may be a
 * secret that stands in the wrong place.
 */
export function withoutRefused(end: RestoreEnd): RestoreEnd {
  const { request, failure } = end;
  if (failure === undefined) return end;
  const { code, message, hint } = failure;
  if (request === undefined) return { ...end, failure: new ActionError(code, inputsRefused) };
  if (!hasCode(failure, "manifest-invalid", "output-refused")) return end;
  const pathless = message.replaceAll(/ "(?:[^"\\]|\\.)*"/g, "");
  return { ...end, request: undefined, failure: new ActionError(code, pathless, hint === undefined ? {} : { hint }) };
}

const inputsRefused =
  "inputs of the step are wrong or missing: the summary of the run says which, and GitHub hides the secrets in it";

const nextRow: Row = [
  "Next",
  "apply the Secrets that <code>--render</code> left out, and the manifest, in a later step of this job, since the file is gone with it; HyperShift creates the hosted cluster, and each etcd member fetches the snapshot once. <code>mode: verify-restore</code> then waits for it, and proves that it is the old one",
];

/** Age and proofs stand in the table of findings. */
function takenRows({ record }: RestoreReport): readonly Row[] {
  if (record === undefined) return [];
  return [["Taken", record.quiesced ? "while the API servers were stopped" : "online, beside running API servers"]];
}

/** Names what was looked at, where nobody has to do anything; the values are folded. */
function namesRow(label: string, findings: RestoreReport["findings"]): readonly Row[] {
  return findings.length === 0 ? [] : [[label, escapeHtml(findings.map(({ guard }) => guard).join(", "))]];
}

/** Rows of the table of manifest and snapshot, as the log has it. */
function findingRows(findings: RestoreReport["findings"], findDocs: FindDocs): readonly Row[] {
  return findings.map(({ guard, verdict, code, text }): Row => [
    escapeHtml(guard),
    `<strong>${escapeHtml(verdict)}</strong>${code === undefined ? "" : ` (${renderCode(code, findDocs)})`}: ${escapeHtml(text)}`,
  ]);
}
