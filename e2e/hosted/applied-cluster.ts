import { randomBytes } from "node:crypto";
import { chmod, mkdir } from "node:fs/promises";
import { join } from "node:path";
import type { CertificateAuthority } from "../../__tests__/world/certificates.ts";
import type { JsonObject } from "../../__tests__/world/management-cluster/json.ts";
import { controlPlaneNamespace } from "../../src/hypershift/hosted-cluster.ts";
import { stringAt } from "../../src/json-path.ts";
import type { KubeClient } from "../cluster/kube-client.ts";
import type { Layout } from "../cluster/layout.ts";
import { imageNames } from "../images.ts";
import { waitUntil } from "../wait.ts";
import { renderEtcd } from "./etcd.ts";
import { createEtcdPki, renderEtcdPki, type EtcdPki } from "./etcd-pki.ts";
import { createRestore, type RestoreScript } from "./etcd-restore.ts";
import { renderHostedObjects } from "./objects.ts";
import { createEtcdVolumes } from "./volumes.ts";
import { createHostedAuthority, renderWriters } from "./writers.ts";

export interface HostedClusterOptions {
  /** Of the HostedCluster; that of its control plane is made from it and the name. */
  readonly namespace: string;
  readonly name: string;
  readonly etcd: "3.5" | "3.6";
  readonly members: 1 | 3;
  /** Default true. */
  readonly encrypted?: boolean;
  /** Nobody puts anything back. */
  readonly operators?: "none";
  /** Default 3: some seconds in which writers that were told to end still write. */
  readonly drainSeconds?: number;
  readonly gracePeriodSeconds?: number;
  /**
   * The HostedCluster and its encryption Secret are there already; etcd starts from the snapshot that they name, by this init
   * script.
   */
  readonly restore?: RestoreScript;
  /** PEM of the authority that signed the certificate of the store with the snapshot. */
  readonly storeAuthority: string;
}

/** What the objects of a hosted control plane were made with. */
export interface AppliedCluster {
  readonly controlPlaneNamespace: string;
  /** Empty where nothing is encrypted. */
  readonly encryptionKey: Buffer;
  readonly etcdPki: EtcdPki;
  /** Whose clients the hosted kube-apiserver believes. */
  readonly authority: CertificateAuthority;
  /** Where the counting writers note what etcd has acknowledged, a file for each pod. */
  readonly acknowledgedFolder: string;
}

/** Gives the API server all objects of a hosted cluster, as HyperShift would; returns before its pods run. */
export async function applyHostedCluster(
  layout: Layout,
  admin: KubeClient,
  options: HostedClusterOptions,
): Promise<AppliedCluster> {
  const { namespace, name, members } = options;
  const inner = controlPlaneNamespace(namespace, name);
  const etcdImage = options.etcd === "3.5" ? imageNames.etcd35 : imageNames.etcd36;
  const etcdPki = await createEtcdPki(inner);
  const authority = await createHostedAuthority();
  const acknowledgedFolder = join(layout.volumes, `${inner}-acknowledged`);
  await mkdir(acknowledgedFolder, { recursive: true });
  await chmod(acknowledgedFolder, 0o777);
  const hosted = {
    namespace,
    name,
    controlPlaneNamespace: inner,
    availabilityPolicy: members === 1 ? "SingleReplica" : "HighlyAvailable",
    release: options.etcd === "3.5" ? "4.20.0" : "4.22.0",
    encryptionKey: options.encrypted === false ? Buffer.alloc(0) : randomBytes(32),
  } as const;
  for (const { object, status } of renderHostedObjects(hosted)) {
    const kind = stringAt(object, "kind");
    const isThere = options.restore !== undefined && (kind === "HostedCluster" || kind === "Secret");
    if (!isThere) await admin.apply(object);
    if (status !== undefined && (kind === "HostedCluster" || kind === "HostedControlPlane"))
      await admin.patch(kind, stringAt(object, "metadata", "namespace") ?? "", name, { status }, "status");
  }
  // As HyperShift does, everything else is made from what the API server has.
  const encryptionKey = await readEncryptionKey(admin, options);
  const url = await findRestoreUrl(admin, options);
  await waitUntil("the namespace has its service account", () => admin.find("ServiceAccount", inner, "default"), {
    timeoutMs: 60_000,
  });
  const bundle = "store-authority";
  const { restore: script = "single", storeAuthority } = options;
  const writers = {
    namespace: inner,
    replicas: members,
    etcdImage,
    encryptionKey,
    acknowledged: acknowledgedFolder,
    drainSeconds: options.drainSeconds ?? 3,
    gracePeriodSeconds: options.gracePeriodSeconds ?? 30,
  };
  const objects: readonly JsonObject[] = [
    ...(await createEtcdVolumes(layout, inner, members)),
    ...renderEtcdPki(inner, etcdPki),
    {
      apiVersion: "v1",
      kind: "ConfigMap",
      metadata: { name: bundle, namespace: inner },
      data: { "ca.crt": storeAuthority },
    },
    ...renderEtcd({
      namespace: inner,
      members,
      image: etcdImage,
      ...(url === undefined ? {} : { restore: createRestore(url, { configMap: bundle, key: "ca.crt", script }) }),
    }),
    ...(await renderWriters(writers, authority)),
  ];
  for (const object of objects) await admin.apply(object);
  return { controlPlaneNamespace: inner, encryptionKey, etcdPki, authority, acknowledgedFolder };
}

async function readEncryptionKey(admin: KubeClient, { namespace, name }: HostedClusterOptions): Promise<Buffer> {
  const hostedCluster = await admin.find("HostedCluster", namespace, name);
  const secretName = stringAt(hostedCluster, "spec", "secretEncryption", "aescbc", "activeKey", "name") ?? "";
  return Buffer.from(stringAt(await admin.find("Secret", namespace, secretName), "data", "key") ?? "", "base64");
}

async function findRestoreUrl(
  admin: KubeClient,
  { namespace, name }: HostedClusterOptions,
): Promise<string | undefined> {
  const hostedCluster = await admin.find("HostedCluster", namespace, name);
  return stringAt(hostedCluster, "spec", "etcd", "managed", "storage", "restoreSnapshotURL", 0);
}
