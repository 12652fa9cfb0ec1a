import { takeKeys } from "../encryption/given-keys.ts";
import { nameKeys } from "../encryption/key.ts";
import { ActionError } from "../errors.ts";
import type { Snapshot } from "../etcd/snapshot.ts";
import { controlPlaneNamespace, type HostedCluster } from "../hypershift/hosted-cluster.ts";
import { readHostedCluster } from "../preflight/hosted-cluster.ts";
import { findStoredSubject, proveWhole, type Subject } from "../snapshots/whole-proof.ts";
import { readAllowed } from "./access.ts";
import { listLeft, listOddConditions } from "./checklist.ts";
import { compareLiving } from "./comparison.ts";
import { compareHashes, type HashVerdict } from "./hash-kv.ts";
import { judgeMembers, type MembersVerdict } from "./members.ts";
import { waitForApiServer, waitForRestore, type RestoredEtcd } from "./wait.ts";
import type { VerifyRestoreReport, VerifyRestoreRequest, VerifyRestoreWorld } from "./world.ts";

/**
 * Proves that a restored cluster is the old one: the stored snapshot is whole, every member started from it, and every key that
 * nobody has changed since is the same. What goes away first is looked at first: kube-apiserver compacts the predicted HashKV
 * away within minutes. Each fact is noted in `report` as it becomes true.
 */
export async function verifyRestore(
  request: VerifyRestoreRequest,
  world: VerifyRestoreWorld,
  report: VerifyRestoreReport,
): Promise<void> {
  const { log, cluster } = world;
  const ref = request.hostedCluster;
  const hostedCluster = await log.group("Cluster: see that everything may be looked at", () =>
    readAllowed(cluster, ref),
  );
  const { subject, snapshot: stored } = await prove(request, world, report);
  refuseOtherIds(hostedCluster, subject);
  const restored = await log.group("Restore: wait until etcd has started from the snapshot", () =>
    waitForRestore(world, ref),
  );
  const { verdict, hashes } = await log.group("Members: ask each how it was restored, and for its HashKV", () =>
    askMembers(world, { restored, stored, subject }, report),
  );
  await log.group("Keys: save one living member, and compare every key with the snapshot", () =>
    compareLiving(world, { restored, stored, verdict, hashes }, report),
  );
  await log.group("API server: wait until it is ready", () => waitForApiServer(world, ref));
  report.apiServerReady = true;
  await log.group("Left: HyperShift's conditions, and what is left to do", () =>
    tellLeft(request, world, { stored, subject, report }),
  );
}

function prove(
  request: VerifyRestoreRequest,
  world: VerifyRestoreWorld,
  report: VerifyRestoreReport,
): ReturnType<typeof proveWhole> {
  const { log, openSpool, signal, store } = world;
  const reading = { openSpool, signal, indexLive: true };
  const terms = {
    ...request,
    givenKeys: nameKeys(request.encryptionKeys),
    takeKeys: async (sealed: Subject["sealed"]) => nameKeys((await takeKeys(request, sealed, world)).encryptionKeys),
  };
  return proveWhole(() => findStoredSubject(request.snapshot, store, { ...request, log, reading }), terms, {
    ...world,
    report,
  });
}

/**
 * Throws `etcd-not-restored` for the very object that was backed up: a restore makes a new one. Throws `hosted-cluster-differs` for
 * other ids: objects in the snapshot carry them. An id that the record does not have is passed over.
 */
function refuseOtherIds({ namespace, name, ...found }: HostedCluster, { recorded }: Subject): void {
  if (found.uid === recorded?.record.hostedCluster.uid)
    throw new ActionError(
      "etcd-not-restored",
      `hosted cluster ${namespace}/${name} is still the one that was backed up: it has the uid ${found.uid} that it had then`,
      {
        hint: "look at kubeconfig, hosted-cluster and snapshot-uri; a restore makes a new HostedCluster from a manifest",
      },
    );
  for (const field of ["infraID", "clusterID"] as const) {
    const expected = recorded?.record.hostedCluster[field];
    if (expected === undefined || expected === found[field]) continue;
    throw new ActionError(
      "hosted-cluster-differs",
      `the ${field} of hosted cluster ${namespace}/${name} is ${JSON.stringify(found[field] ?? "")}, and the cluster of the snapshot had ${JSON.stringify(expected)}`,
      { hint: "this is another cluster; look at hosted-cluster and snapshot-uri" },
    );
  }
}

async function askMembers(
  world: VerifyRestoreWorld,
  {
    restored,
    stored,
    subject,
  }: { readonly restored: RestoredEtcd; readonly stored: Snapshot; readonly subject: Subject },
  report: VerifyRestoreReport,
): Promise<{ readonly verdict: MembersVerdict; readonly hashes: HashVerdict }> {
  const { log } = world;
  const { hostedCluster, members } = restored;
  report.members = members.map(
    ({ pod, id, clusterId, revision, version }) =>
      `${pod}: member ${id} of cluster ${clusterId}, revision ${String(revision)}, etcd ${version}`,
  );
  for (const line of report.members) log.info(line);
  for (const { memberId, name } of members[0]?.alarms ?? [])
    log.warning(`etcd member ${memberId} has the alarm ${name}`);
  const clusterId = subject.recorded?.entry.clusterId;
  const source = { revision: stored.revision, ...(clusterId === undefined ? {} : { clusterId }) };
  const controlPlane = controlPlaneNamespace(hostedCluster.namespace, hostedCluster.name);
  const verdict = judgeMembers(members, controlPlane, { source, script: restored.script });
  const { script, warnings } = verdict;
  report.script = script;
  log.info(
    `restored by the ${script} init script${restored.script === undefined ? "" : `, which the StatefulSet had meanwhile (${restored.script})`}: ids and revision are as it gives them`,
  );
  for (const warning of warnings) log.warning(warning);
  const hashes = await compareHashes(world, members, { stored, script });
  report.hashKv = hashes.text;
  log.info(`HashKV: ${hashes.text}`);
  return { verdict, hashes };
}

async function tellLeft(
  { hostedCluster: ref }: VerifyRestoreRequest,
  { cluster, log }: VerifyRestoreWorld,
  {
    stored,
    subject,
    report,
  }: { readonly stored: Snapshot; readonly subject: Subject; readonly report: VerifyRestoreReport },
): Promise<void> {
  const namespace = controlPlaneNamespace(ref.namespace, ref.name);
  const [hostedCluster, controlPlane] = await Promise.all([
    readHostedCluster(cluster, ref),
    cluster.findHostedControlPlane({ namespace, name: ref.name }),
  ]);
  report.conditions = listOddConditions(hostedCluster, controlPlane);
  for (const line of report.conditions) log.warning(line);
  report.left = listLeft(hostedCluster, { record: subject.recorded?.record, stored });
  for (const line of report.left) log.info(`left: ${line}`);
}
