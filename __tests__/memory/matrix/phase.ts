import { journalAnnotation } from "../../../src/hold/journal.ts";
import { recordKeyOf, sealedKeyOfRecord } from "../../../src/snapshots/location.ts";
import type { PodTrouble } from "../../world/memory-world/etcd-pod.ts";
import type { Deed } from "../fault.ts";
import { controlPlane, hostedClusterRef, type MemoryWorld, writers } from "../../world/memory-world/world.ts";

/** A step of the action that makes requests, and which of them is struck. */
export interface Phase {
  readonly name: string;
  readonly of: "backup" | "post" | "recover";
  /** A run that seals its keys. */
  readonly sealed?: true;
  /** Operations in the order in which they come; the first request of the last one is struck. */
  readonly path: readonly string[];
  /** What it works on goes away. */
  readonly gone?: Deed;
  /** Somebody is faster by a moment. */
  readonly conflict?: Deed;
  /** What it works on is damaged, wrong, stuck or full. */
  readonly data?: Deed;
}

/** The hosted cluster is deleted, and its control plane with it. */
function deleteHostedCluster({ objects }: MemoryWorld): undefined {
  const { namespace, name } = hostedClusterRef;
  objects.remove("hostedclusters", namespace, name);
  objects.remove("hostedcontrolplanes", controlPlane, name);
  for (const writer of writers) objects.remove("deployments", controlPlane, writer);
}

/** The etcd pods are replaced by others with the same volumes; never, where they are away for `Infinity`. */
export function replacePods({ objects, pods, timeline }: MemoryWorld, awayMs = 20_000): undefined {
  for (const [name, pod] of pods) {
    const object = objects.find("pods", controlPlane, name);
    objects.remove("pods", controlPlane, name);
    pod.restart();
    if (object !== undefined && awayMs < Infinity) timeline.after(awayMs, () => objects.create("pods", object));
  }
}

function abortUploads({ bucket }: MemoryWorld): undefined {
  for (const upload of bucket.openUploads) bucket.abort(upload);
}

function deleteObjects({ bucket }: MemoryWorld): undefined {
  for (const key of bucket.keys) bucket.delete(key);
}

function deleteSealed({ bucket }: MemoryWorld): undefined {
  for (const key of bucket.keys) if (key.endsWith(".key.age")) bucket.delete(key);
}

/** Of the objects whose key ends so. */
function damage(ending: string): Deed {
  return ({ bucket }) => {
    for (const key of bucket.keys) if (key.endsWith(ending)) bucket.damage(key);
    return undefined;
  };
}

/** Somebody else puts an object where the snapshot of this run, its sealed keys or its record are to be; it is taken away when the runner is done. */
function occupy(keyOf: (snapshotKey: string) => string): Deed {
  return ({ bucket }) => {
    const snapshotKey = bucket.openUploads[0]?.key ?? bucket.keys.find((found) => found.endsWith(".db")) ?? "";
    const key = keyOf(snapshotKey);
    bucket.put(key, Buffer.from("{}"), { nonce: "somebody else's" });
    return () => {
      const isThere = bucket.find(key)?.metadata["nonce"] === "somebody else's";
      if (isThere) bucket.delete(key);
      return isThere ? [] : [`store: somebody else's ${key} is gone`];
    };
  };
}

function touch(world: MemoryWorld): undefined {
  world.patchHostedCluster({ metadata: { labels: { touched: "true" } } });
}

function touchWriter({ objects }: MemoryWorld): undefined {
  objects.patch("deployments", controlPlane, "kube-apiserver", { metadata: { annotations: { touched: "true" } } });
}

/** It is so in every etcd pod. */
function trouble(change: Partial<PodTrouble>): Deed {
  return ({ pods }) => {
    for (const pod of pods.values()) pod.trouble = { ...pod.trouble, ...change };
    return undefined;
  };
}

const inCluster = { of: "backup", gone: deleteHostedCluster } as const;
const sealing = { of: "backup", sealed: true } as const;
const inPod = { of: "backup", gone: replacePods } as const;

/** Every phase of a backup, of its post step, and of a recovery that makes requests. */
export const phases: readonly Phase[] = [
  {
    ...inCluster,
    name: "leftovers: look for a journal",
    path: ["get hostedclusters"],
    data: (world) => {
      world.patchHostedCluster({ metadata: { annotations: { [journalAnnotation]: "{" } } });
      return () => {
        const isThere = world.journal === "{";
        world.patchHostedCluster({ metadata: { annotations: { [journalAnnotation]: null } } });
        return isThere ? [] : ["cluster: a journal that cannot be read was changed"];
      };
    },
  },
  { ...inPod, name: "leftovers: look into the pods", path: ["exec look"] },
  { of: "backup", name: "leftovers: look into the store", path: ["list objects"] },
  {
    ...inCluster,
    name: "preflight: cluster",
    path: ["create selfsubjectaccessreviews", "get hostedclusters"],
    data: (world) => {
      world.patchHostedCluster({ spec: { etcd: { managementType: "Unmanaged" } } });
      return undefined;
    },
  },
  { ...inPod, name: "preflight: members", path: ["exec inspect"], data: trouble({ deaf: true }) },
  { of: "backup", name: "preflight: store", path: ["create upload"], gone: abortUploads },
  { ...inCluster, name: "preflight: rehearsal", path: ["patch hostedclusters (dry run)"], conflict: touch },
  {
    ...inCluster,
    name: "hold: pause",
    path: ["patch hostedclusters"],
    conflict: touch,
    data: (world) => {
      world.patchHostedCluster({ spec: { pausedUntil: "true" } });
      return () => {
        const isThere = world.pausedUntil === "true";
        world.patchHostedCluster({ spec: { pausedUntil: null } });
        return isThere ? [] : ["cluster: somebody else's pause was changed"];
      };
    },
  },
  {
    ...inCluster,
    name: "hold: pause is seen",
    path: ["patch hostedclusters", "get hostedcontrolplanes"],
    data: (world) => {
      world.set({ hypershiftOperator: "dead" });
      return undefined;
    },
  },
  {
    ...inCluster,
    name: "hold: stop the writers",
    path: ["patch deployments/scale"],
    conflict: touchWriter,
    data: (world) => {
      world.set({ rescalesWhilePaused: "always" });
      return undefined;
    },
  },
  {
    ...inCluster,
    name: "hold: pods are gone",
    path: ["patch deployments/scale", "list pods"],
    data: (world) => {
      world.set({ drainMs: 3_600_000 });
      return undefined;
    },
  },
  {
    ...inCluster,
    name: "capture: phase",
    path: ["patch deployments/scale", "patch hostedclusters"],
    conflict: touch,
  },
  { ...inPod, name: "capture: open", path: ["exec save"], data: trouble({ volumeFull: true }) },
  { ...inCluster, name: "capture: still held", path: ["exec save", "get hostedclusters"] },
  {
    ...inCluster,
    name: "release: start the writers",
    path: ["exec save", "patch deployments/scale"],
    data: (world) => {
      world.set({ stuckWriters: ["kube-apiserver"] });
      return undefined;
    },
  },
  {
    ...inCluster,
    name: "release: resume",
    path: ["exec save", "patch hostedclusters"],
    conflict: touch,
    data: (world) => {
      world.set({ controlPlaneOperator: "dead" });
      return undefined;
    },
  },
  { ...inCluster, name: "release: writers are back", path: ["exec save", "patch hostedclusters", "get deployments"] },
  { ...inPod, name: "status", path: ["exec result"], data: trouble({ damaged: true }) },
  { of: "backup", name: "transfer: begin", path: ["exec result", "create upload"] },
  { ...inPod, name: "transfer: read a part", path: ["exec part"], data: trouble({ garbled: true }) },
  { of: "backup", name: "transfer: send a part", path: ["put part"], gone: abortUploads },
  {
    of: "backup",
    name: "transfer: complete",
    path: ["complete upload"],
    gone: abortUploads,
    conflict: occupy((key) => key),
  },
  { of: "backup", name: "proof", path: ["get object"], gone: deleteObjects, data: damage(".db") },
  { ...inPod, name: "members: compare", path: ["exec hash"], data: trouble({ diverged: true }) },
  {
    ...sealing,
    name: "seal the keys: write",
    path: ["put object"],
    conflict: occupy((key) => sealedKeyOfRecord(recordKeyOf(key))),
  },
  {
    ...sealing,
    name: "seal the keys: read back",
    path: ["put object", "get object"],
    gone: deleteSealed,
    data: damage(".key.age"),
  },
  { of: "backup", name: "record: write", path: ["put object"], conflict: occupy(recordKeyOf) },
  {
    of: "backup",
    name: "record: read back",
    path: ["put object", "get object"],
    gone: deleteObjects,
    data: damage(".json"),
  },
  { ...inPod, name: "clean-up: file in the pod", path: ["exec remove"] },
  { of: "backup", name: "URL", path: ["get url"], gone: deleteObjects },
  { ...inCluster, name: "clean-up: journal", path: ["exec remove", "patch hostedclusters"], conflict: touch },
  { of: "post", name: "post: start the writers", path: ["patch deployments/scale"], gone: deleteHostedCluster },
  { of: "post", name: "post: resume", path: ["patch hostedclusters"], gone: deleteHostedCluster, conflict: touch },
  { of: "post", name: "post: file in the pod", path: ["exec remove"], gone: replacePods },
  { of: "recover", name: "recover: start the writers", path: ["patch deployments/scale"], gone: deleteHostedCluster },
  {
    of: "recover",
    name: "recover: resume",
    path: ["patch hostedclusters"],
    gone: deleteHostedCluster,
    conflict: touch,
  },
  { of: "recover", name: "recover: files in the pods", path: ["exec look"], gone: replacePods },
];

/** The phase of that name. Throws where there is none. */
export function phaseOf(name: string): Phase {
  const found = phases.find((phase) => phase.name === name);
  if (found === undefined) throw new Error(`there is no phase ${name}`);
  return found;
}
