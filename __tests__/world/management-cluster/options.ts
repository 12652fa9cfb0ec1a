import type { CertificateAuthority } from "../certificates.ts";
import type { RunningEtcd } from "../etcd/etcd.ts";
import type { Filled } from "../etcd/fill.ts";
import type { WorldClock } from "./clock.ts";
import type { Container } from "./container.ts";
import type { ExecFault, RequestFault } from "./faults.ts";
import type { JsonObject } from "./json.ts";
import type { Rule } from "./rbac.ts";
import type { LoggedRequest } from "./request-log.ts";
import type { ResourceName } from "./resources.ts";
import type { Switches } from "./switches.ts";
import type { KubeconfigOptions } from "./users.ts";
import type { AcknowledgedWrite } from "./writers.ts";

/** How a world begins. Defaults: clusters/example, one replica, one etcd member, 4.20.0, docs/rbac.yaml. */
export interface ManagementClusterOptions {
  /** Of the API server and its clients; default one of its own. etcd has another. */
  readonly ca?: CertificateAuthority;
  readonly hostedCluster?: { readonly namespace: string; readonly name: string };
  readonly availabilityPolicy?: "SingleReplica" | "HighlyAvailable";
  /** Real etcd members; default 1, also with HighlyAvailable. */
  readonly etcdMembers?: number;
  /** That of a restored snapshot, for one member; nothing is put into its etcd then. */
  readonly etcdDataDirectory?: string;
  readonly release?: string;
  /** Default: what docs/rbac.yaml grants. */
  readonly rules?: readonly Rule[];
  /** Who the kubeconfig is for; default the first that the rules name. */
  readonly user?: string;
  /** How far the world's clock is ahead of this machine's. */
  readonly clockSkewMs?: number;
  /** What etcd holds; default 20 Secrets and a hundred other keys. */
  readonly fill?: { readonly secrets?: number; readonly sizeBytes?: number };
  /** The key that encrypts the Secrets in etcd; default random. */
  readonly aesKey?: Buffer;
  /** The encryption Secret: with the key, missing, or with other bytes. */
  readonly encryptionSecret?: "present" | "absent" | Buffer;
  /** `openshift-oauth-apiserver` is absent with an external OIDC provider. */
  readonly absentWriters?: readonly string[];
  /** Replicas at the start; the control-plane-operator puts others than its own back unless it is dead. */
  readonly replicas?: Readonly<Record<string, number>>;
  /** terminationGracePeriodSeconds of the writers; default 5. Pods end after `drainMs` all the same. */
  readonly gracePeriodSeconds?: number;
  /** A pod of kube-apiserver in phase Failed that nobody took away. */
  readonly evictedPod?: boolean;
  /** Merge patches of the first objects. */
  readonly hostedClusterPatch?: JsonObject;
  readonly controlPlanePatch?: JsonObject;
  readonly switches?: Partial<Switches>;
}

/** A running world. Objects are as a GET would return them; tests read and change them as an administrator. */
export interface ManagementCluster {
  readonly url: string;
  readonly ca: CertificateAuthority;
  readonly user: string;
  readonly controlPlaneNamespace: string;
  readonly clock: WorldClock;
  readonly etcd: readonly [RunningEtcd, ...RunningEtcd[]];
  readonly aesKey: Buffer;
  readonly filled: Filled;
  /** Every request since the start, oldest first. */
  readonly requests: readonly LoggedRequest[];
  /** For each writer what etcd confirmed, oldest first. */
  readonly acknowledged: Readonly<Record<string, readonly AcknowledgedWrite[]>>;
  /** For each writer the last confirmed write at each time its last pod went away. */
  readonly lastWrites: Readonly<Record<string, readonly AcknowledgedWrite[]>>;

  kubeconfig(options?: KubeconfigOptions): Promise<string>;
  revokeTokens(): void;
  setRules(rules: readonly Rule[]): void;
  switches(): Switches;
  set(changes: Partial<Switches>): void;

  hostedCluster(): JsonObject;
  hostedControlPlane(): JsonObject;
  /** Undefined where it is absent. */
  deployment(name: string): JsonObject | undefined;
  pods(labelSelector?: string): readonly JsonObject[];
  /** A merge patch as an administrator: no RBAC, no log, validated like any other. Throws ApiError. */
  patch(resource: ResourceName, namespace: string, name: string, patch: JsonObject, subresource?: "status"): JsonObject;
  /** Removes an object. */
  remove(resource: ResourceName, namespace: string, name: string): void;
  /** The etcd container of a pod; default etcd-0. */
  container(pod?: string): Container;

  addRequestFault(fault: RequestFault): void;
  addExecFault(fault: ExecFault): void;
  clearFaults(): void;
  /** Destroys the connections that are open now. */
  cutConnections(): void;
  /** Called when a request has come in, before it is answered; returns what ends that. */
  onRequest(listener: (request: LoggedRequest) => void): () => void;
  /** Resolves when every writer has its wanted pods ready. Throws after `timeoutMs` (default 10 s). */
  waitUntilReady(timeoutMs?: number): Promise<void>;
  close(): Promise<void>;
}
