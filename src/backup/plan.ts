import { renderBytes } from "../bytes.ts";
import { formatSnapshotUri, sealedKeyKey } from "../snapshots/location.ts";
import type { BackupPlan } from "../preflight/preflight.ts";
import type { HoldTerms } from "../hold/terms.ts";
import type { Log, WorkflowRun } from "../ports.ts";
import type { BackupRequest } from "./world.ts";

/** Tells what a backup would do, and returns it as rows of a table: the answer to `dry-run: true`. */
export function tellPlan(
  request: BackupRequest,
  plan: BackupPlan,
  { log, bucket }: { readonly log: Log; readonly bucket: string },
): readonly (readonly [string, string])[] {
  const rows = renderPlan(request, plan, bucket);
  for (const [step, detail] of rows) log.info(`${step}: ${detail}`);
  return rows;
}

function renderPlan(request: BackupRequest, plan: BackupPlan, bucket: string): readonly (readonly [string, string])[] {
  const { hostedCluster, encryption } = plan;
  const writers = plan.writers.map(({ name, replicas }) => `${name} (${String(replicas)})`).join(", ");
  return [
    ["Release", hostedCluster.releaseVersion ?? hostedCluster.releaseImage ?? "unknown"],
    [
      "Pause",
      request.quiesce
        ? `ends by itself after ${String(plan.holdMs / 1000)} s; renewed while the run lives, to ${renderMinutes(request.maxPauseMs)} at most`
        : "none (online)",
    ],
    ["Writers to stop", request.quiesce ? writers : "none (online)"],
    ...plan.captures.flatMap(({ member, key }): readonly (readonly [string, string])[] => [
      ["etcd member", `${member.pod}, etcd ${member.version}, ${member.leader ? "leader" : "follower"}`],
      ["Database", `${renderBytes(member.dbSizeBytes)}, ${renderBytes(member.volume.freeBytes)} free on its volume`],
      ["Snapshot", formatSnapshotUri({ bucket, key })],
    ]),
    [
      "Encryption key",
      encryption.secret === undefined
        ? encryption.type
        : `Secret ${encryption.secret.namespace}/${encryption.secret.name}`,
    ],
    [
      "Sealed key",
      request.recipients.length === 0
        ? "none (key-recipients is not set): the key has to be saved by other means"
        : `${formatSnapshotUri({ bucket, key: sealedKeyKey(plan.run) })}, to ${String(request.recipients.length)} of key-recipients`,
    ],
  ];
}

function renderMinutes(ms: number): string {
  return ms % 60_000 === 0 ? `${String(ms / 60_000)} min` : `${String(ms / 1000)} s`;
}

/** The hold that the run takes: a pause where the writers are to be stopped, a lock alone where not. */
export function termsOf(request: BackupRequest, plan: BackupPlan, run: WorkflowRun): HoldTerms {
  const { hostedCluster, captures, writers, holdMs } = plan;
  return {
    ...plan.run,
    run,
    hostedCluster,
    members: captures.map(({ member }) => member.pod),
    pause: request.quiesce ? { holdMs, maxPauseMs: request.maxPauseMs, writers } : undefined,
  };
}
