import { renderBytes } from "../snapshot/byte-size.ts";
import { formatSnapshotUri } from "../snapshot/location.ts";
import type { BackupPlan } from "./preflight.ts";
import type { BackupRequest, BackupWorld } from "./world.ts";

/** What a backup would do, as rows of a table: the answer to `dry-run: true`. */
export function renderPlan(
  request: BackupRequest,
  plan: BackupPlan,
  world: BackupWorld,
): readonly (readonly [string, string])[] {
  const { hostedCluster, member, encryption } = plan;
  const writers = plan.writers.map(({ name, replicas }) => `${name} (${String(replicas)})`).join(", ");
  return [
    ["Release", hostedCluster.releaseVersion ?? hostedCluster.releaseImage ?? "unknown"],
    [
      "Pause",
      request.quiesce
        ? `${String(plan.holdMs / 1000)} s, renewed up to ${String(request.maxPauseMs / 1000)} s`
        : "none (online)",
    ],
    ["Writers to stop", request.quiesce ? writers : "none (online)"],
    ["etcd member", `${member.pod}, etcd ${member.version}, ${member.leader ? "leader" : "follower"}`],
    ["Database", `${renderBytes(member.dbSizeBytes)}, ${renderBytes(member.volume.freeBytes)} free on its volume`],
    ["Snapshot", formatSnapshotUri({ bucket: world.store.bucket, key: plan.key })],
    [
      "Encryption key",
      encryption.secretName === undefined
        ? encryption.type
        : `Secret ${encryption.secretNamespace ?? ""}/${encryption.secretName}`,
    ],
  ];
}
