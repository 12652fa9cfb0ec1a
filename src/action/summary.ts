import type { ActionError } from "../errors.ts";
import { recoverRows, type RecoverSummary } from "./recover-summary.ts";
import { codeRow, escapeHtml, failureRows, renderLines, renderSize, type Row } from "./summary-cells.ts";

/** The hosted cluster's API servers at the end of the run; `starting`: put back, and not seen to be ready. */
type ApiServers = "never-stopped" | "down" | "starting" | "back";

/** What the summary tells of a backup, also of one that failed; what did not become true is absent. */
export interface BackupFacts {
  readonly apiServers: ApiServers;
  /** Deployments that are stopped. */
  readonly downWriters?: readonly string[];
  readonly recovered: boolean;
  readonly plan?: readonly (readonly [step: string, detail: string])[];
  readonly snapshotUri?: string;
  readonly recordUri?: string;
  readonly sizeBytes?: number;
  readonly sha256?: string;
  readonly revision?: number;
  readonly etcdVersion?: string;
  readonly apiDowntimeSeconds?: number;
  readonly encryptionKeySecretName?: string;
  readonly presignedUrlExpiresAt?: string;
}

/** What the summary tells of a rendered restore. */
interface RestoreFacts {
  readonly snapshotUri?: string;
  readonly sizeBytes?: number;
  readonly sha256?: string;
  readonly revision?: number;
  /** Of the snapshot. */
  readonly createdAt?: string;
  readonly encryptionKeySecretName?: string;
  readonly presignedUrlExpiresAt?: string;
  readonly renderedManifest?: string;
}

interface BackupSummary extends BackupFacts {
  readonly kind: "backup";
  /** `<namespace>/<name>`. */
  readonly hostedCluster: string;
}

interface PlanSummary {
  readonly kind: "plan";
  readonly hostedCluster: string;
  readonly steps: readonly (readonly [step: string, detail: string])[];
}

interface RestoreSummary extends RestoreFacts {
  readonly kind: "restore-render";
  /** `<namespace>/<name>` of the manifest. */
  readonly hostedCluster: string;
}

interface FailureSummary {
  readonly kind: "failure";
  readonly mode: string;
  readonly failure: ActionError;
  readonly hostedCluster?: string;
  /** Absent for a mode without a cluster. */
  readonly facts?: BackupFacts;
}

type StepSummary = BackupSummary | PlanSummary | RestoreSummary | RecoverSummary | FailureSummary;

interface ClusterName {
  readonly namespace: string;
  readonly name: string;
}

/** What the writer needs of core.summary. */
interface CoreSummary {
  addHeading(text: string, level: number): unknown;
  addTable(rows: ({ data: string; header: boolean } | string)[][]): unknown;
  write(): Promise<unknown>;
}

/** Of a backup that ended well; of a dry run, its plan. */
export function summarizeBackup(cluster: ClusterName, facts: BackupFacts): BackupSummary | PlanSummary {
  const hostedCluster = `${cluster.namespace}/${cluster.name}`;
  return facts.plan === undefined
    ? { ...facts, kind: "backup", hostedCluster }
    : { kind: "plan", hostedCluster, steps: facts.plan };
}

export function summarizeRestore(cluster: ClusterName, facts: RestoreFacts): RestoreSummary {
  return { ...facts, kind: "restore-render", hostedCluster: `${cluster.namespace}/${cluster.name}` };
}

export function summarizeFailure(
  mode: string,
  failure: ActionError,
  cluster?: ClusterName,
  facts?: BackupFacts,
): FailureSummary {
  return {
    kind: "failure",
    mode,
    failure,
    ...(cluster === undefined ? {} : { hostedCluster: `${cluster.namespace}/${cluster.name}` }),
    ...(facts === undefined ? {} : { facts }),
  };
}

/** The heading and the rows of the table; whether the API servers are back comes first. Never a signed URL. */
export function renderSummary(summary: StepSummary): { readonly heading: string; readonly rows: readonly Row[] } {
  switch (summary.kind) {
    case "backup":
      return {
        heading: "etcd backup: done",
        rows: [
          ...apiServersRows(summary),
          ["Result", "snapshot stored, read back and recorded"],
          ...codeRow("Hosted cluster", summary.hostedCluster),
          ...backupRows(summary),
        ],
      };
    case "plan":
      return {
        heading: "etcd backup: plan of a dry run",
        rows: [
          ["API servers", "never stopped"],
          ["Result", "nothing was changed; without dry-run this would be done"],
          ...codeRow("Hosted cluster", summary.hostedCluster),
          ...summary.steps.map(([step, detail]): Row => [escapeHtml(step), renderLines(detail)]),
        ],
      };
    case "restore-render":
      return {
        heading: "etcd restore: manifest rendered",
        rows: [
          ["Result", "manifest written, not applied"],
          ...codeRow("Hosted cluster", summary.hostedCluster),
          ...codeRow("Manifest", summary.renderedManifest),
          ...codeRow("Apply before (signed URL valid until)", summary.presignedUrlExpiresAt),
          ...codeRow("Snapshot made at", summary.createdAt),
          ...snapshotRows(summary),
          ...codeRow("Encryption key Secret", summary.encryptionKeySecretName),
        ],
      };
    case "recover":
      return {
        heading: `etcd recovery: ${summary.failure === undefined ? "done" : "failed"}`,
        rows: recoverRows(summary),
      };
    case "failure":
      return {
        heading: `${summary.mode === "restore-render" ? "etcd restore" : "etcd backup"}: failed`,
        rows: [
          ...(summary.facts === undefined ? [] : apiServersRows(summary.facts)),
          ...failureRows(summary.failure),
          ...codeRow("Hosted cluster", summary.hostedCluster),
          ...(summary.facts === undefined ? [] : backupRows(summary.facts)),
        ],
      };
  }
}

/**
 * Adds one HTML table to the step summary: masks such as `---`, which a kubeconfig in a secret makes, break Markdown ones.
 * False when there is no summary file or it cannot be written; that fails no run.
 */
export async function writeSummary(core: CoreSummary, summary: StepSummary): Promise<boolean> {
  const { heading, rows } = renderSummary(summary);
  core.addHeading(heading, 2);
  core.addTable(rows.map(([label, value]) => [{ data: label, header: true }, value]));
  try {
    await core.write();
    return true;
  } catch {
    return false;
  }
}

function apiServersRows(facts: BackupFacts): readonly Row[] {
  const texts: Readonly<Record<ApiServers, string>> = {
    "never-stopped": "never stopped",
    down: "<strong>NOT back</strong>: stopped",
    starting: "<strong>NOT back</strong>: started again, not ready at the end of the run",
    back: "back",
  };
  const down = facts.downWriters ?? [];
  return [
    ["API servers", texts[facts.apiServers]],
    ...(facts.apiServers === "back" || down.length === 0 ? [] : codeRow("Not ready", down.join(", "))),
  ];
}

function backupRows(facts: BackupFacts): readonly Row[] {
  return [
    ...snapshotRows(facts),
    ...codeRow("etcd", facts.etcdVersion),
    ...(facts.apiDowntimeSeconds === undefined
      ? []
      : [["API downtime", `${facts.apiDowntimeSeconds.toFixed(1)} s`] as const]),
    ...codeRow("Encryption key Secret", facts.encryptionKeySecretName),
    ...codeRow("Signed URL valid until", facts.presignedUrlExpiresAt),
    ...codeRow("Record", facts.recordUri),
    ...(facts.recovered
      ? [["Recovered", "what a run that died had left was put back and removed first"] as const]
      : []),
  ];
}

function snapshotRows(facts: RestoreFacts): readonly Row[] {
  return [
    ...codeRow("Snapshot", facts.snapshotUri),
    ...(facts.sizeBytes === undefined ? [] : [["Size", renderSize(facts.sizeBytes)] as const]),
    ...codeRow("SHA-256", facts.sha256),
    ...(facts.revision === undefined ? [] : [["Revision", facts.revision.toString()] as const]),
  ];
}
