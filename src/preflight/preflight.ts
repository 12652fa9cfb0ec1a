import { randomBytes } from "node:crypto";
import { renderBytes } from "../bytes.ts";
import { refuseRotation } from "../encryption/rotation.ts";
import { listKeySecrets, readEncryption, type Encryption } from "../encryption/secret.ts";
import { findSigningKeySecret, readSigningKey, type SigningKey } from "../encryption/signing-key.ts";
import { ActionError } from "../errors.ts";
import { journalAnnotation } from "../hold/journal.ts";
import type { Writer } from "../hold/terms.ts";
import {
  controlPlaneNamespace,
  isReconciling,
  type HostedCluster,
  type HostedControlPlane,
} from "../hypershift/hosted-cluster.ts";
import { mayPause } from "../hypershift/pause.ts";
import type { Member } from "../pod/member.ts";
import type { ExecWorld } from "../pod/exec-again.ts";
import type { Answered, ManagementCluster, ObjectRef, SnapshotStore, Upload } from "../ports.ts";
import { formatSnapshotUri, snapshotKeys, type SnapshotRun } from "../snapshots/location.ts";
import { abortUploads } from "../snapshots/removal.ts";
import { limits } from "../time-limits.ts";
import { formatTime } from "../time.ts";
import { deniedAccess, deniedAll, findDeniedExecs, requiredAccesses, secretAccess } from "./access.ts";
import { Findings } from "./findings.ts";
import { readHostedCluster } from "./hosted-cluster.ts";
import { chooseMembers, readMembers } from "./members.ts";
import { checkHostedCluster, checkWriter, readWriters, toWriter } from "./suitability.ts";

export interface PreflightRequest {
  readonly hostedCluster: ObjectRef;
  readonly prefix: string;
  readonly quiesce: boolean;
  readonly maxPauseMs: number;
  readonly allowUnhealthy: boolean;
  /** Public keys of age that the cluster's keys are sealed to; with none, nothing is sealed. */
  readonly recipients: readonly string[];
  /** `all`: a snapshot of each healthy member, under one hold. */
  readonly members: "one" | "all";
}

/** The parts of the world that preflight needs. */
export interface PreflightWorld extends ExecWorld {
  readonly cluster: ManagementCluster;
  readonly store: SnapshotStore;
  /** Called with a secret before anything could print it. */
  readonly onSecret: (value: string | Buffer) => void;
}

/** Everything a backup needs to know before it changes anything. */
export interface BackupPlan {
  /** Names everything that the run makes; acquired by the API server's clock. */
  readonly run: SnapshotRun;
  readonly hostedCluster: HostedCluster;
  readonly writers: readonly Writer[];
  /** All that were seen. */
  readonly members: readonly Member[];
  /** Those to be captured, at least one, each with the key of its snapshot. */
  readonly captures: readonly Capture[];
  readonly encryption: Encryption;
  readonly signingKey: SigningKey;
  /** How long the hold lasts before it must be renewed. */
  readonly holdMs: number;
}

interface Capture {
  readonly member: Member;
  readonly key: string;
}

/**
 * Looks at everything that could stop a backup, and changes nothing: SelfSubjectAccessReviews, patches with dryRun=All,
 * read-only commands in the etcd pods, and a multipart upload that is made, tried to be completed without its part, and
 * aborted. All findings are reported at once.
 */
export async function preflight(request: PreflightRequest, world: PreflightWorld): Promise<BackupPlan> {
  const { cluster, log } = world;
  const ref = request.hostedCluster;
  const namespace = controlPlaneNamespace(ref.namespace, ref.name);
  const findings = new Findings(log, request);
  const acquired = await cluster.readServerTime();
  const run = { prefix: request.prefix, ...ref, acquired, nonce: randomBytes(16).toString("hex") };

  const required = requiredAccesses(ref, request.quiesce);
  const denied = await cluster.findDeniedAccesses(required);
  if (denied.length === required.length) throw deniedAll(ref);
  const deniedExecs = await findDeniedExecs(cluster, namespace);
  for (const access of [...denied, ...deniedExecs]) findings.add(deniedAccess(access, ref));
  const hostedCluster = await findings.collect(() => readHostedCluster(cluster, ref));
  if (hostedCluster === undefined) throw findings.error();
  const [controlPlane, deployments, members, encryption, signingKey] = await Promise.all([
    findings.collect(() => readControlPlane(hostedCluster, { ...world, mayWait: request.quiesce })),
    request.quiesce ? findings.collect(() => readWriters(namespace, world)) : [],
    deniedExecs.length > 0 ? [] : readMembers(namespace, world, findings),
    findings.collect(() => readKeys(hostedCluster, world)),
    findings.collect(() => readSigning(hostedCluster, request, world)),
  ]);
  const captured = chooseMembers(members, request.members, findings);
  const keys = snapshotKeys(
    run,
    captured.map(({ pod }) => pod),
  );
  // Nothing else is under way that could end the run before the trial upload is gone.
  await checkStore(keys, world, findings);
  checkHostedCluster(hostedCluster, { controlPlane, now: acquired }, findings);
  checkCredentials(request, { now: acquired, expireAt: cluster.credentialsExpireAt }, findings);
  const writers = deployments?.flatMap(toWriter) ?? [];
  for (const deployment of deployments ?? []) checkWriter(deployment, findings);
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
  if (request.quiesce && findings.none)
    await findings.collect(() => rehearse(request, { hostedCluster, writers }, world));
  if (encryption === undefined || signingKey === undefined || !findings.none) throw findings.error();
  const captures = captured.map((member, index) => ({ member, key: keys[index] ?? "" }));
  for (const { member, key } of captures)
    log.info(
      `${ref.namespace}/${ref.name} can be backed up from ${member.pod}: etcd ${member.version}, ` +
        `database of ${renderBytes(member.dbSizeBytes)}, to ${formatSnapshotUri({ bucket: world.store.bucket, key })}`,
    );
  return { run, hostedCluster, writers, members, captures, encryption, signingKey, holdMs };
}

async function readKeys(hostedCluster: HostedCluster, world: PreflightWorld): Promise<Encryption> {
  for (const { namespace, name } of listKeySecrets(hostedCluster)) {
    const [denied] = await world.cluster.findDeniedAccesses([secretAccess(namespace, name)]);
    if (denied) throw deniedAccess(denied, hostedCluster);
  }
  const encryption = await readEncryption(hostedCluster, world);
  refuseRotation(hostedCluster, encryption);
  return encryption;
}

/** Read to be sealed alone. A snapshot is a backup without it, so what keeps it from being read is a warning. */
async function readSigning(
  hostedCluster: HostedCluster,
  { recipients }: PreflightRequest,
  world: PreflightWorld,
): Promise<SigningKey> {
  const secret = findSigningKeySecret(hostedCluster);
  if (secret === undefined) return { origin: "hypershift" };
  const unread = (reason: string): SigningKey => ({ origin: "secret", secret, read: { unread: reason } });
  if (recipients.length === 0) return unread("nothing is sealed without key-recipients");
  const [denied] = await world.cluster.findDeniedAccesses([secretAccess(secret.namespace, secret.name)]);
  const key =
    denied === undefined
      ? await readSigningKey(secret, world)
      : unread(`${deniedAccess(denied, hostedCluster).message}; docs/rbac.yaml has the rule for it`);
  if (key.origin === "secret" && "unread" in key.read)
    world.log.warning(
      `the ServiceAccount signing key of Secret ${secret.name} will not be sealed: ${key.read.unread}. Keep it by other means: with another one every token in the snapshot is void`,
    );
  return key;
}

/**
 * The control plane as HyperShift has it when it has acted on the hosted cluster as it is: the operators may not have noticed
 * yet that a pause is over. A pause that stands is not waited for.
 */
async function readControlPlane(
  { namespace, name, pausedUntil, answeredAt }: Answered<HostedCluster>,
  { cluster, clock, signal, mayWait }: PreflightWorld & { readonly mayWait: boolean },
): Promise<HostedControlPlane | undefined> {
  const isPaused = mayPause(pausedUntil, answeredAt);
  const giveUpMs = clock.nowMs() + (mayWait && !isPaused ? limits.pauseConfirmedMs : 0);
  for (;;) {
    const found = await cluster.findHostedControlPlane({ namespace: controlPlaneNamespace(namespace, name), name });
    if (found === undefined || isReconciling(found) || clock.nowMs() >= giveUpMs) return found;
    await clock.sleep(limits.pollMs, signal);
  }
}

/**
 * Credentials that end too soon could not bring the writers back. Release and its retries need about 10 minutes, and so does
 * what an online backup does at its end.
 */
function checkCredentials(
  { maxPauseMs, quiesce }: PreflightRequest,
  { now, expireAt }: { readonly now: Date; readonly expireAt: Date | undefined },
  findings: Findings,
): void {
  const neededMs = (quiesce ? maxPauseMs : 0) + 600_000;
  if (expireAt === undefined || expireAt.getTime() >= now.getTime() + neededMs) return;
  const minutes = `${String(Math.ceil(neededMs / 60_000))} minutes`;
  findings.add(
    new ActionError(
      "kubeconfig-expires",
      expireAt.getTime() < now.getTime()
        ? `the credentials of the kubeconfig ended at ${formatTime(expireAt)}`
        : `the credentials of the kubeconfig end at ${formatTime(expireAt)}, before the backup is sure to be over`,
      {
        hint: `use credentials that are valid for ${minutes} from the start${quiesce ? ": max-pause and 10 minutes more" : ""}`,
      },
    ),
  );
}

/** One trial upload tells for all keys, which differ in the member's name. */
async function checkStore(keys: readonly string[], world: PreflightWorld, findings: Findings): Promise<void> {
  await findings.collect(async () => {
    for (const key of keys)
      if ((await world.store.findObject(key)) !== undefined)
        throw new ActionError(
          "object-exists",
          `there is an object at ${formatSnapshotUri({ bucket: world.store.bucket, key })} already`,
          { hint: "run again; its name is drawn by chance" },
        );
    const [key = ""] = keys;
    let upload: Upload | undefined;
    try {
      upload = await world.store.startUpload(key, {});
      await world.store.rehearseCompletion(upload);
      await world.store.abortUpload(upload);
    } catch (error) {
      // Cancelled, it may be open all the same, and its key is known to nobody after this run.
      const store = world.store.withSignal(world.clock.timeout(limits.undoOnSignalMs));
      const ended = upload === undefined ? abortUploads(store, key) : store.abortUpload(upload);
      await ended.catch(() => undefined);
      throw error;
    }
  });
}

/** Asks the API server to validate every patch that the backup and its undo will send, without doing any. */
async function rehearse(
  request: PreflightRequest,
  { hostedCluster, writers }: { readonly hostedCluster: HostedCluster; readonly writers: readonly Writer[] },
  world: PreflightWorld,
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
