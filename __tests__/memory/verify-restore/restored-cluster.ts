import { createHash } from "node:crypto";
import { predictCluster } from "../../../src/etcd/prediction.ts";
import { restoredPeers, singlePeers } from "../../../src/hypershift/etcd-peers.ts";
import type { JsonObject } from "../../world/management-cluster/json.ts";
import type { SnapshotRecord } from "../../../src/snapshots/record.ts";
import { parseSnapshotUri } from "../../../src/snapshots/location.ts";
import { verifyRestore } from "../../../src/verify-restore/verify-restore.ts";
import {
  createVerifyRestoreReport,
  type LeftFile,
  type VerifyRestoreReport,
  type VerifyRestoreRequest,
} from "../../../src/verify-restore/world.ts";
import type { ActionError } from "../../../src/errors.ts";
import { stringAt } from "../../../src/json-path.ts";
import { rejectedError, createMemoryLog } from "../../unit/restore/expectations.ts";
import { createMemoryStore } from "../../unit/restore/memory-store.ts";
import { buildRecord, figuresOfStored, fingerprint } from "../../unit/restore/record-builder.ts";
import { encryptSecret } from "../../world/etcd/fill.ts";
import { createMemoryCluster } from "../../world/memory-world/cluster-port.ts";
import type { RestoredMember } from "../../world/memory-world/etcd-pod.ts";
import { Machine } from "../../world/memory-world/machine.ts";
import { openMemorySpool } from "../../world/memory-world/spool.ts";
import { controlPlane, hostedClusterRef, MemoryWorld } from "../../world/memory-world/world.ts";
import { buildSnapshot, type ChangePlan } from "../../world/snapshot/snapshot.ts";

export const revision = 77;
const bump = 1_000_000_000;
/** The key that the world's hosted cluster has. */
export const aesKey = createHash("sha256").update("an AES key").digest();
export const at = parseSnapshotUri("s3://backups/prod/clusters/example/20261124T120000Z-01234567.db");

const name = (resource: string, object: string): string => `/kubernetes.io/${resource}/default/${object}`;
const secrets = new Map<Buffer, Buffer>();
/** The same at each call: it has a nonce. */
function secret(key: Buffer): Buffer {
  const value = secrets.get(key) ?? encryptSecret(Buffer.from("k8s\0Secret"), key);
  secrets.set(key, value);
  return value;
}

/** What is alive in the stored snapshot, whose history begins behind revision 74. */
export function storedChanges(key = aesKey): readonly ChangePlan[] {
  return [
    { main: 20, key: name("configmaps", "a"), value: "k8s\0one" },
    { main: 21, key: name("secrets", "a"), value: secret(key) },
    { main: 22, key: name("secrets", "b"), value: secret(key) },
    { main: 75, key: name("leases", "node"), value: "k8s\0Lease" },
    { main: 76, key: name("configmaps", "b"), value: "k8s\0two" },
    { main: revision, key: name("configmaps", "c"), value: "k8s\0three" },
  ];
}

/** So many writes of a living cluster behind `first`: a lease of the snapshot, over and over. */
function lease(first: number, writes: number): readonly ChangePlan[] {
  return Array.from({ length: writes }, (_, index) => ({
    main: first + index,
    key: name("leases", "node"),
    value: `k8s\0Lease ${String(index)}`,
    createRevision: 75,
    version: index + 2,
  }));
}

/** The stored snapshot, of an etcd that is some weeks old. */
export function storedFile({ changes = storedChanges(), consistentIndex = 200_041 } = {}): Buffer {
  return plainFile({ changes, consistentIndex });
}

/** A cluster that was restored by the init script that does not join members, and what was written to it. */
export function plainFile({
  writes = 0,
  compactRevision = 74,
  changes = storedChanges(),
  consistentIndex = 9 + writes,
}: {
  readonly writes?: number;
  readonly compactRevision?: number;
  readonly changes?: readonly ChangePlan[];
  readonly consistentIndex?: number;
} = {}): Buffer {
  return buildSnapshot({
    ...{ compactRevision, consistentIndex },
    changes: compacted([...changes, ...lease(revision + 1, writes)], compactRevision),
  });
}

/** The same by the one that joins them: it raises the revision, and marks all before it as compacted. */
export function bumpedFile({
  writes = 0,
  changes = storedChanges(),
  raisedTo = revision + bump,
  compactRevision = raisedTo,
}: {
  readonly writes?: number;
  readonly changes?: readonly ChangePlan[];
  readonly raisedTo?: number;
  readonly compactRevision?: number;
} = {}): Buffer {
  const all = [...changes, { main: raisedTo, nameless: true }, ...lease(raisedTo + 1, writes)];
  return buildSnapshot({ compactRevision, changes: compacted(all, compactRevision) });
}

/** Without the changes that a later one makes superfluous, up to the compaction. */
function compacted(changes: readonly ChangePlan[], compactRevision: number): readonly ChangePlan[] {
  return changes.filter(({ key }, index) => {
    const isOld = changes.slice(index + 1).some((later) => later.key === key && later.main <= compactRevision);
    return key === undefined || !isOld;
  });
}

const joined = (members: number) => {
  const peers = restoredPeers(controlPlane, members);
  return predictCluster(peers.members, peers.token);
};
const single = predictCluster(singlePeers.members, singlePeers.token);

/** Ids that a cluster gave itself or was given. */
export interface Ids {
  readonly clusterId: string;
  readonly memberIds: readonly string[];
}

export const idsOf = {
  /** By HyperShift's init script that joins members. */
  joined,
  /** By the one that does not. */
  single: (): Ids => single,
  /** Of an etcd that started empty. */
  fresh: (members: number): Ids => predictCluster(restoredPeers(controlPlane, members).members, "etcd-cluster"),
};

export interface Restored {
  /** By the index of the member. */
  readonly members: readonly { readonly ids: Ids; readonly file: Buffer }[];
  readonly stored?: Buffer;
  /** What the store gives in its place. */
  readonly bytes?: Iterable<Uint8Array>;
  readonly record?: Partial<SnapshotRecord> | null;
  /** With which the stored snapshot is encrypted; default the one that the cluster has. */
  readonly recordedKey?: Buffer;
  readonly request?: Partial<VerifyRestoreRequest>;
  readonly version?: string;
  /** Id of the cluster that was backed up, by the record. */
  readonly sourceClusterId?: string;
  /** The hosted cluster is the very object that was backed up. */
  readonly isSource?: boolean;
}

/** A management cluster with a hosted cluster that was restored, as HyperShift leaves it, and the store with the snapshot. */
export class RestoredCluster {
  readonly world: MemoryWorld;
  readonly machine: Machine;
  readonly log = createMemoryLog();
  readonly report: VerifyRestoreReport = createVerifyRestoreReport();
  readonly secrets: Buffer[] = [];
  /** HyperShift's condition EtcdSnapshotRestored when the run begins. */
  condition: "True" | "False" = "True";
  /** What the post step would find, were the process killed now. */
  left: LeftFile | undefined;
  readonly #restored: Restored;

  constructor(restored: Restored) {
    this.#restored = restored;
    const { members } = restored;
    this.world = new MemoryWorld({
      etcdMembers: members.length,
      availabilityPolicy: members.length === 1 ? "SingleReplica" : "HighlyAvailable",
      hostedClusterPatch: {
        spec: {
          infraID: "example-x7k2p",
          etcd: { managed: { storage: { restoreSnapshotURL: ["https://store.example/a.db"] } } },
        },
      },
    });
    this.machine = new Machine(this.world.timeline);
    for (const [index, { ids, file }] of members.entries()) {
      const pod = this.world.pods.get(`etcd-${String(index)}`);
      const isAlone = ids.memberIds.length === 1;
      const restoredMember: RestoredMember = {
        ...ids,
        id: ids.memberIds[isAlone ? 0 : index] ?? "",
        version: restored.version ?? "3.5.21",
        file,
      };
      if (pod !== undefined) pod.restored = restoredMember;
    }
  }

  setCondition(status: "True" | "False"): void {
    const { objects } = this.world;
    const found = objects.get("hostedcontrolplanes", controlPlane, hostedClusterRef.name);
    const known = (found["status"] as { readonly conditions: readonly JsonObject[] }).conditions;
    const conditions = [
      ...known.filter(({ type }) => type !== "EtcdSnapshotRestored"),
      { type: "EtcdSnapshotRestored", status, reason: "AsExpected", message: "" },
    ];
    const patch = { status: { conditions } };
    objects.patch("hostedcontrolplanes", controlPlane, hostedClusterRef.name, patch, { subresource: "status" });
  }

  /** The init container that restores, in the StatefulSet. */
  setInitScript(variables: readonly string[] | undefined): void {
    const names = ["ensure-dns", ...(variables === undefined ? ["reset-member"] : ["etcd-init", "reset-member"])];
    const initContainers = names.map((container) => ({
      name: container,
      ...(container === "etcd-init"
        ? { env: (variables ?? []).map((variable) => ({ name: variable, value: "" })) }
        : {}),
    }));
    this.world.objects.patch("statefulsets", controlPlane, "etcd", {
      spec: { template: { spec: { initContainers } } },
    });
    const { generation } = this.world.objects.get("statefulsets", controlPlane, "etcd")["metadata"] as {
      readonly generation: number;
    };
    const status = { observedGeneration: generation };
    this.world.objects.patch("statefulsets", controlPlane, "etcd", { status }, { subresource: "status" });
  }

  /** Begins the run, which goes on as time is played. */
  async start(): Promise<{ readonly ended: Promise<void> }> {
    // The operators have written what they had read before.
    await this.world.timeline.pass(5_000);
    this.setCondition(this.condition);
    this.#tick();
    return { ended: this.#verify() };
  }

  async #verify(): Promise<void> {
    const { world, machine, log, report } = this;
    const { stored = storedFile(), record = {}, recordedKey = aesKey, request = {} } = this.#restored;
    const { sourceClusterId, isSource = false } = this.#restored;
    const built = buildRecord({
      createdAt: "2026-11-21T12:00:30Z",
      snapshot: {
        ...(await figuresOfStored(stored)),
        uri: `s3://${at.bucket}/${at.key}`,
        ...(sourceClusterId === undefined ? {} : { clusterId: sourceClusterId }),
      },
      hostedCluster: {
        ...{ name: "example", infraID: "example-x7k2p" },
        ...(isSource ? { uid: stringAt(world.hostedCluster, "metadata", "uid") ?? "" } : {}),
      },
      encryption: {
        type: "aescbc",
        secretName: "example-etcd-encryption-key",
        secretNamespace: "clusters",
        keys: [fingerprint(recordedKey, "active")],
      },
    });
    const store = createMemoryStore({
      at,
      record: record === null ? null : { ...built, ...record },
      object: { sizeBytes: stored.length },
      bytes: this.#restored.bytes ?? [stored],
    });
    const asked = {
      hostedCluster: hostedClusterRef,
      snapshot: at,
      encryptionKeys: [recordedKey],
      identities: [],
      pins: { hostedCluster: hostedClusterRef },
      allowUnrecorded: false,
      ...request,
    };
    const { clock, signal } = machine;
    const cluster = createMemoryCluster(world.backend, world.wire, machine).withSignal(signal);
    const proof = {
      ...{ cluster, store, clock, log, signal },
      openSpool: openMemorySpool,
      onSecret: (value: Buffer) => void this.secrets.push(value),
      remember: (file: LeftFile) => {
        this.left = file;
      },
      forget: () => {
        this.left = undefined;
      },
    };
    await verifyRestore(asked, proof, report);
  }

  /** Something is always to come: reading a file takes turns of the event loop, and no time. */
  #tick(): void {
    this.world.timeline.after(1_000, () => {
      this.#tick();
    });
  }

  /** Throws what the run throws. */
  async run(): Promise<void> {
    const { ended } = await this.start();
    await this.world.timeline.play(ended);
  }

  /** The failure of a run that fails. */
  failure(): Promise<ActionError> {
    return rejectedError(this.run());
  }

  /** Files of the action in the pods. */
  get leftFiles(): readonly string[] {
    return [...this.world.pods.values()].flatMap((pod) => pod.leftFiles);
  }
}
