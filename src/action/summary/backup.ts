import type { BackupReport } from "../../backup/world.ts";
import { renderSaveCommands, tellUnsealed } from "../../encryption/key-commands.ts";
import type { ActionError } from "../../errors.ts";
import type { ObjectRef } from "../../ports.ts";
import {
  codeRow,
  detailRows,
  escapeHtml,
  failureRows,
  hostedClusterRow,
  renderCommands,
  renderLines,
  snapshotRow,
  type Row,
} from "./cells.ts";
import { historyTables, pastRows } from "./history.ts";
import { outcomeOf, type FindDocs, type Summary } from "./summary.ts";

/** The outcome of one backup; `request` is absent where its inputs could not be read. */
export interface BackupEnd {
  readonly request: { readonly hostedCluster: ObjectRef; readonly quiesce: boolean } | undefined;
  readonly report: BackupReport;
  readonly failure: ActionError | undefined;
  readonly findDocs: FindDocs;
}

/** Says first whether the API servers are back. Never a signed URL. */
export function summarizeBackup({ request, report, failure, findDocs }: BackupEnd): Summary {
  const online = request?.quiesce === false;
  if (failure === undefined && report.plan !== undefined) return summarizePlan(request?.hostedCluster, report.plan);
  const toKeep = keyRows(report);
  const stopped = online ? undefined : report.apiDowntimeSeconds;
  return {
    outcome: outcomeOf(failure, toKeep.length + (report.history?.warnings ?? []).length > 0),
    heading: `etcd backup: ${renderEnd(report, failure, online)}`,
    rows: [
      ...apiServersRows(report, failure),
      ...(failure === undefined ? [] : failureRows(failure, findDocs)),
      ...toKeep,
      ...leftRows(report),
      ...(stopped === undefined ? [] : [["API downtime", `${stopped.toFixed(1)} s`] as const]),
      ...hostedClusterRow(request?.hostedCluster),
      ...snapshotRow(report),
      ...(online
        ? [["Mode", "online: the API servers ran on, and writes after the capture are not in it"] as const]
        : []),
      ...proofRows(report),
      ...codeRow("Sealed key", report.encryptionKeyUri),
      ...pastRows(report),
      ...(report.recovered
        ? [["Recovered", "what a run that died had left was put back and removed first"] as const]
        : []),
      ...nextRows(report, findDocs),
    ],
    details: [
      ...detailRows(report),
      ...contentsRow(report),
      ...membersRows(report),
      ...codeRow("Encryption key Secret", report.encryptionKeySecretName),
      ...codeRow("Signed URL valid until", report.presignedUrlExpiresAt),
    ],
    tables: historyTables(report),
  };
}

/** What somebody has to do so that a stored snapshot can be read one day; nothing of a run that stored none. */
function keyRows({ recordUri, keysToSave, unsealedSigningKey }: BackupReport): readonly Row[] {
  if (recordUri === undefined) return [];
  const rows: Row[] = [];
  if (keysToSave !== undefined) {
    const commands = renderSaveCommands(keysToSave).map((command) => `  ${command}`);
    rows.push([
      "Save the key",
      renderCommands([`No key is beside the snapshot: ${tellUnsealed(keysToSave)}.`, ...commands].join("\n")),
    ]);
  }
  if (unsealedSigningKey !== undefined)
    rows.push([
      "Signing key",
      escapeHtml(
        `not sealed: Secret ${unsealedSigningKey.secretName} could not be read (${unsealedSigningKey.reason}); keep it by other means`,
      ),
    ]);
  return rows;
}

/** Somebody who finds an object without a record is to know that it is no backup. */
function leftRows({ leftInStore = [] }: BackupReport): readonly Row[] {
  if (leftInStore.length === 0) return [];
  const addresses = leftInStore.map((uri) => `<code>${escapeHtml(uri)}</code>`).join("<br>");
  return [["Not removed", `${addresses}<br>which is no backup; the post step tries again`]];
}

/** Where several members were captured: one record names the snapshots of all. */
function membersRows({ capturedMembers = [] }: BackupReport): readonly Row[] {
  return capturedMembers.length > 1 ? [["Members with a snapshot", escapeHtml(capturedMembers.join(", "))]] : [];
}

/** The largest of them; a hosted cluster has some hundred resources. */
const shownResources = 8;

/** The proofs in the record, each with its mark; no row where there is no record. */
function proofRows({ recordUri, keysProven, membersAgree }: BackupReport): readonly Row[] {
  if (recordUri === undefined) return [];
  const tell = (proof: boolean | undefined, text: string): string => {
    if (proof === undefined) return `❔ not known, and the log says why: whether ${text}`;
    return proof ? `✅ ${text}` : `❌ <strong>NOT so</strong>: ${text}`;
  };
  const lines = [
    tell(true, "every stored byte was read back, and every page and value of it as etcd would"),
    tell(keysProven, "the encrypted values open with the kept keys"),
    tell(membersAgree, "all members have the same data"),
  ];
  return [["Proven", lines.join("<br>")]];
}

function contentsRow({ contents, liveKeys }: BackupReport): readonly Row[] {
  if (contents === undefined || liveKeys === undefined) return [];
  const largest = Object.entries(contents).toSorted(([, one], [, other]) => other - one);
  const shown = largest.slice(0, shownResources).map(([name, keys]) => `${name} ${String(keys)}`);
  const rest = largest.length > shownResources ? ", …" : "";
  return [["Live keys", escapeHtml(`${String(liveKeys)}: ${shown.join(", ")}${rest}`)]];
}

/** The way to a restore; none where the API servers come first. */
function nextRows({ recordUri, snapshotUri, apiServers }: BackupReport, findDocs: FindDocs): readonly Row[] {
  if (recordUri === undefined || snapshotUri === undefined) return [];
  if (apiServers === "down" || apiServers === "starting") return [];
  const docs = findDocs("docs/restore.md");
  const steps = docs === undefined ? "docs/restore.md" : `<a href="${docs}">docs/restore.md</a>`;
  return [["Next", `to restore it, <code>mode: restore-render</code> with this address; six steps: ${steps}`]];
}

function summarizePlan(ref: ObjectRef | undefined, plan: readonly (readonly [string, string])[]): Summary {
  return {
    outcome: "done",
    heading: "etcd backup: plan of a dry run",
    rows: [
      ["API servers", "never stopped"],
      ["Result", "nothing was changed; without dry-run this would be done"],
      ...hostedClusterRow(ref),
      ...plan.map(([step, detail]): Row => [escapeHtml(step), renderAddresses(renderLines(detail.split("\n")))]),
    ],
  };
}

/** As everywhere else: in `<code>`, which is copied whole. */
function renderAddresses(html: string): string {
  return html.replaceAll(/s3:\/\/[^\s<]+\.(?:db|key\.age)/g, "<code>$&</code>");
}

/** A snapshot with a record is a backup, whatever came after it. */
function renderEnd(report: BackupReport, failure: ActionError | undefined, online: boolean): string {
  if (failure === undefined) return online ? "done, online" : "done";
  const how = failure.code === "cancelled" ? "cancelled" : "failed";
  return report.recordUri === undefined ? how : `${how}; the snapshot is whole`;
}

function apiServersRows(report: BackupReport, failure: ActionError | undefined): readonly Row[] {
  if (failure?.code === "hosted-cluster-held" && report.apiServers === "never-stopped")
    return [["API servers", "never stopped by this run; they are left to the run that holds the hosted cluster"]];
  const notBack = "<strong>NOT back</strong> when main ended";
  const follows = "the post step goes on, and says below how it ended";
  const texts: Readonly<Record<BackupReport["apiServers"], string>> = {
    "never-stopped": "never stopped",
    down: `${notBack}: stopped; ${follows}`,
    starting: `${notBack}: started again, not ready yet; ${follows}`,
    back: "back",
  };
  return [
    ["API servers", texts[report.apiServers]],
    ...(report.apiServers === "back" || report.downWriters.length === 0
      ? []
      : codeRow("Not ready", report.downWriters.join(", "))),
  ];
}
