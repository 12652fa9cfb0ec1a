import { randomBytes } from "node:crypto";
import { ActionError } from "../errors.ts";
import type { MemberReport } from "../etcd/member-client.ts";
import { controlPlaneNamespace, type HostedCluster } from "../hypershift/hosted-cluster.ts";
import { journalAnnotation } from "../hypershift/journal.ts";
import { abortUploads } from "../recover/clean-up.ts";
import { readHostedCluster } from "../recover/hosted-cluster.ts";
import { renderBytes } from "../snapshot/byte-size.ts";
import { formatSnapshotUri, formatTime, snapshotKey } from "../snapshot/location.ts";
import type { EncryptionEntry } from "../snapshot/record.ts";
import { limits } from "../time-limits.ts";
import { deniedAccess, requiredAccesses } from "./access.ts";
import { readEncryption } from "./encryption.ts";
import { Findings } from "./findings.ts";
import { chooseMember, readMembers } from "./members.ts";
import { checkHostedCluster, checkWriter, readWriters, toWriter, type Writer } from "./suitability.ts";
import type { BackupRequest, BackupWorld } from "./world.ts";

/** Everything a backup needs to know before it changes anything. */
export interface BackupPlan {
  readonly nonce: string;
  /** By the API server's clock. */
  readonly acquired: Date;
  readonly hostedCluster: HostedCluster;
  readonly controlPlaneNamespace: string;
  readonly writers: readonly Writer[];
  readonly members: readonly MemberReport[];
  readonly member: MemberReport;
  readonly encryption: EncryptionEntry;
  readonly key: string;
  /** How long the hold lasts before it must be renewed. */
  readonly holdMs: number;
}

/**
 * Looks at everything that could stop a backup, and changes nothing: SelfSubjectAccessReviews, patches with dryRun=All,
 * read-only commands in the etcd pods, and a multipart upload that is made and aborted. All findings are reported at once.
 */
export async function preflight(request: BackupRequest, world: BackupWorld): Promise<BackupPlan> {
  const { cluster, log } = world;
  const ref = request.hostedCluster;
  const namespace = controlPlaneNamespace(ref.namespace, ref.name);
  const findings = new Findings(log, request.allowUnhealthy);
  const acquired = await cluster.readServerTime();
  const nonce = randomBytes(16).toString("hex");
  const key = snapshotKey({ prefix: request.prefix, ...ref, acquired, nonce });

  const denied = await cluster.findDeniedAccesses(requiredAccesses(ref, namespace, request.quiesce));
  for (const access of denied) findings.add(deniedAccess(access));
  const hostedCluster = await findings.collect(() => readHostedCluster(cluster, ref));
  if (hostedCluster === undefined) throw findings.error();
  const [controlPlane, deployments, members, encryption] = await Promise.all([
    findings.collect(() => cluster.findHostedControlPlane({ namespace, name: ref.name })),
    findings.collect(() => readWriters(namespace, world)),
    readMembers(namespace, world, findings),
    findings.collect(() => readEncryption(hostedCluster, world)),
  ]);
  // Nothing else is under way that could end the run before the trial upload is gone.
  await checkStore(key, world, findings);
  checkHostedCluster(hostedCluster, controlPlane, acquired, findings);
  checkCredentials(request, acquired, world, findings);
  const writers = deployments?.map(toWriter) ?? [];
  if (request.quiesce) for (const deployment of deployments ?? []) checkWriter(deployment, findings);
  const member = chooseMember(members, findings);
  const holdMs = Math.max(0, ...writers.map((writer) => writer.gracePeriodSeconds * 1000)) + limits.holdSlackMs;
  if (request.quiesce && holdMs > request.maxPauseMs)
    findings.add(
      new ActionError(
        "input-invalid",
        `max-pause is ${String(Math.ceil((holdMs - request.maxPauseMs) / 1000))} s too short for the writers' grace periods`,
        {
          hint: `set max-pause to at least ${String(Math.ceil(holdMs / 60_000))}m`,
        },
      ),
    );
  if (request.quiesce && findings.none) await findings.collect(() => rehearse(request, hostedCluster, writers, world));
  if (member === undefined || encryption === undefined || !findings.none) throw findings.error();
  log.info(
    `${ref.namespace}/${ref.name} can be backed up from ${member.pod}: etcd ${member.version}, ` +
      `database of ${renderBytes(member.dbSizeBytes)}, to ${formatSnapshotUri({ bucket: world.store.bucket, key })}`,
  );
  return {
    nonce,
    acquired,
    hostedCluster,
    controlPlaneNamespace: namespace,
    writers,
    members,
    member,
    encryption,
    key,
    holdMs,
  };
}

/** Credentials that end too soon could not bring the writers back. Release and its retries need about 10 minutes. */
function checkCredentials(request: BackupRequest, now: Date, world: BackupWorld, findings: Findings): void {
  const expiry = world.cluster.credentialsExpireAt;
  const needed = now.getTime() + request.maxPauseMs + 600_000;
  if (expiry === undefined || expiry.getTime() >= needed) return;
  findings.add(
    new ActionError(
      "kubeconfig-expires",
      `the credentials of the kubeconfig end at ${formatTime(expiry)}, before the backup is sure to be over`,
      {
        hint: "use credentials that are valid for max-pause and 10 minutes more",
      },
    ),
  );
}

async function checkStore(key: string, world: BackupWorld, findings: Findings): Promise<void> {
  await findings.collect(async () => {
    const uri = formatSnapshotUri({ bucket: world.store.bucket, key });
    if ((await world.store.findObject(key)) !== undefined)
      throw new ActionError("object-exists", `there is an object at ${uri} already`, {
        hint: "run again; its name is drawn by chance",
      });
    try {
      await world.store.abortUpload(await world.store.startUpload(key, {}));
    } catch (error) {
      // Cancelled, it may be open all the same, and its key is known to nobody after this run.
      const store = world.store.withSignal(world.clock.timeout(limits.undoOnSignalMs));
      await abortUploads(store, key).catch(() => undefined);
      throw error;
    }
  });
}

/** Asks the API server to validate every patch that the backup and its undo will send, without doing any. */
async function rehearse(
  request: BackupRequest,
  hostedCluster: HostedCluster,
  writers: readonly Writer[],
  world: BackupWorld,
): Promise<void> {
  const { cluster } = world;
  const namespace = controlPlaneNamespace(hostedCluster.namespace, hostedCluster.name);
  const pausedUntil = formatTime(new Date(world.clock.nowMs() + request.maxPauseMs));
  await Promise.all([
    cluster.patchHostedCluster(
      hostedCluster,
      { pausedUntil, annotations: { [journalAnnotation]: "{}" } },
      { dryRun: true },
    ),
    ...writers.map(({ name, replicas }) => cluster.scaleDeployment({ namespace, name }, replicas, { dryRun: true })),
  ]);
}
