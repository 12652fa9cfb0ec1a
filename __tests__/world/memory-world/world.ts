import { createHash } from "node:crypto";
import type { BackupRequest } from "../../../src/backup/world.ts";
import { journalAnnotation } from "../../../src/hold/journal.ts";
import { numberAt, stringAt } from "../../../src/json-path.ts";
import { WorldClock } from "../management-cluster/clock.ts";
import { DeploymentController } from "../management-cluster/deployments.ts";
import type { JsonObject } from "../management-cluster/json.ts";
import { ObjectStore } from "../management-cluster/objects.ts";
import { startOperators } from "../management-cluster/operators.ts";
import { defaultSwitches, type Switches } from "../management-cluster/switches.ts";
import { ApiError } from "../management-cluster/status.ts";
import { validateObject } from "../management-cluster/validation.ts";
import {
  createDeployments,
  createEtcdObjects,
  createHostedCluster,
  type HostedWorld,
} from "../management-cluster/world-objects.ts";
import { MemoryBucket } from "./bucket.ts";
import type { ClusterBackend } from "./cluster-port.ts";
import { podName } from "../../../src/drill/pod-manifest.ts";
import { DrillPods } from "./drill-pod.ts";
import { EtcdPod } from "./etcd-pod.ts";
import { Keyspace } from "./keyspace.ts";
import { Timeline } from "./timeline.ts";
import { Watch } from "./watch.ts";
import { Wire, type Weather, type WireRequest } from "./wire.ts";

export interface MemoryWorldOptions {
  readonly weather?: Weather;
  readonly latencyMs?: (request: WireRequest) => number;
  readonly request?: Partial<BackupRequest>;
  readonly replicas?: Readonly<Record<string, number>>;
  readonly availabilityPolicy?: HostedWorld["availabilityPolicy"];
  readonly gracePeriodSeconds?: number;
  readonly etcdMembers?: number;
  readonly databaseBytes?: number;
  readonly snapshotBytes?: number;
  /** From the first bytes of a save to its end. */
  readonly savedAfterMs?: number;
  readonly switches?: Partial<Switches>;
  /** Merged into the HostedCluster before it is made. */
  readonly hostedClusterPatch?: JsonObject;
}

export const writers = ["kube-apiserver", "openshift-apiserver", "openshift-oauth-apiserver"] as const;
export const hostedClusterRef = { namespace: "clusters", name: "example" };
export const controlPlane = "clusters-example";
const aesKey = createHash("sha256").update("an AES key").digest();

/**
 * A management cluster with one hosted cluster, and an object store, behind the ports of the action and on a timeline: for
 * questions that need thousands of runs. What is read from files, sockets or a clock elsewhere is played here.
 */
export class MemoryWorld {
  readonly timeline = new Timeline(Date.UTC(2026, 10, 22, 5, 43, 28));
  readonly clock = new WorldClock(0, this.timeline);
  readonly objects = new ObjectStore(this.clock);
  readonly keyspace = new Keyspace(this.timeline);
  readonly bucket = new MemoryBucket(this.timeline);
  readonly wire: Wire;
  /** May be changed at any time. */
  weather: Weather;
  /** How far the clock of the API server is ahead that answers now; behind a load balancer there are several. */
  serverSkewMs: () => number = () => 0;
  readonly drills = new DrillPods(this.timeline, this.objects, this.bucket);
  /** What an admission rule says of every pod; undefined: they are taken. */
  podRefusal: string | undefined;
  readonly watch: Watch;
  readonly request: BackupRequest;
  readonly aesKey = aesKey;
  /** With which kube-apiserver has encrypted the Secrets; undefined: they are in clear. May be changed at any time. */
  secretsKey: Buffer | undefined = aesKey;
  readonly pods: ReadonlyMap<string, EtcdPod>;
  readonly backend: ClusterBackend;
  #switches: Switches;
  readonly #wake: () => void;

  constructor(options: MemoryWorldOptions = {}) {
    const latencyMs = options.latencyMs ?? (({ service }) => ({ cluster: 4, exec: 12, store: 8, state: 0 })[service]);
    this.weather = options.weather ?? (() => undefined);
    this.wire = new Wire(this.timeline, (request) => this.weather(request), latencyMs);
    this.#switches = { ...defaultSwitches, drainMs: 600, startMs: 600, ...options.switches };
    this.request = { ...defaultRequest, ...options.request };
    const hosted = this.#describe(options);
    createHostedCluster(this.objects, hosted);
    createDeployments(this.objects, hosted);
    createEtcdObjects(this.objects, hosted);
    this.pods = createPods(hosted.etcdMembers, options, this);
    for (const pod of this.pods.values()) pod.savedAfterMs = options.savedAfterMs ?? pod.savedAfterMs;
    this.#wake = this.#startControllers();
    this.watch = new Watch(this);
    this.backend = {
      objects: this.objects,
      now: () => new Date(this.clock.now().getTime() + this.serverSkewMs()),
      exec: (pod, argv, input, session) => {
        const own = this.objects.find("pods", pod.namespace, pod.name);
        if (own !== undefined && pod.name === podName) return this.drills.run(own, argv, input);
        const found = this.pods.get(pod.name);
        if (found === undefined || this.objects.find("pods", pod.namespace, pod.name) === undefined)
          throw new ApiError(404, "NotFound", `pods "${pod.name}" not found`);
        this.watch.note(argv.slice(3).join(" "));
        return found.run(argv, input, session);
      },
      createPod: ({ metadata, spec }) => {
        if (this.podRefusal !== undefined)
          throw new ApiError(403, "Forbidden", `pods "${metadata.name}" is forbidden: ${this.podRefusal}`);
        const pod = this.objects.create("pods", { metadata: { ...metadata }, spec: { ...spec }, status: {} });
        this.drills.start(pod);
        return pod;
      },
      deletePod: ({ namespace, name }, graceSeconds) => {
        this.timeline.after(graceSeconds * 1000, () => {
          this.objects.remove("pods", namespace, name);
        });
      },
    };
  }

  /** Replicas that are wanted now. */
  get replicas(): Readonly<Record<string, number>> {
    return Object.fromEntries(writers.map((writer) => [writer, this.#deploymentNumber(writer, "spec", "replicas")]));
  }

  get readyReplicas(): Readonly<Record<string, number>> {
    return Object.fromEntries(
      writers.map((writer) => [writer, this.#deploymentNumber(writer, "status", "readyReplicas")]),
    );
  }

  get pausedUntil(): string | undefined {
    return stringAt(this.hostedCluster, "spec", "pausedUntil");
  }

  get journal(): string | undefined {
    return stringAt(this.hostedCluster, "metadata", "annotations", journalAnnotation);
  }

  /** Undefined when it was deleted. */
  get hostedCluster(): JsonObject | undefined {
    return this.objects.find("hostedclusters", hostedClusterRef.namespace, hostedClusterRef.name);
  }

  set(switches: Partial<Switches>): void {
    this.#switches = { ...this.#switches, ...switches };
    this.#wake();
  }

  /** What somebody else writes to the HostedCluster, past every machine; false when it is not there. */
  patchHostedCluster(patch: JsonObject): boolean {
    const { namespace, name } = hostedClusterRef;
    if (this.hostedCluster === undefined) return false;
    this.watch.expectForeign(patch);
    this.objects.patch("hostedclusters", namespace, name, patch, {
      validate: (object) => {
        validateObject("hostedclusters", name, object);
      },
    });
    return true;
  }

  scale(writer: string, replicas: number): void {
    this.objects.patch("deployments", controlPlane, writer, { spec: { replicas } });
  }

  #deploymentNumber(writer: string, ...path: readonly string[]): number {
    return numberAt(this.objects.find("deployments", controlPlane, writer), ...path) ?? 0;
  }

  #describe(options: MemoryWorldOptions): HostedWorld {
    return {
      ...hostedClusterRef,
      controlPlaneNamespace: controlPlane,
      availabilityPolicy: options.availabilityPolicy ?? "HighlyAvailable",
      release: "4.20.0",
      writers,
      replicas: options.replicas ?? {},
      gracePeriodSeconds: options.gracePeriodSeconds ?? 135,
      encryptionKey: this.aesKey,
      etcdMembers: options.etcdMembers ?? 3,
      evictedPod: false,
      timestamp: this.clock.timestamp(),
      hostedClusterPatch: options.hostedClusterPatch ?? {},
      controlPlanePatch: {},
    };
  }

  #startControllers(): () => void {
    const { objects, clock } = this;
    const writing = new Set<string>();
    const setWriting = (deployment: string, writes: boolean): void => {
      if (writes) writing.add(deployment);
      else writing.delete(deployment);
      this.keyspace.setWritten(writing.size > 0);
    };
    const controller = new DeploymentController(objects, clock, controlPlane, () => this.#switches, {
      onFirstPod: (deployment) => {
        setWriting(deployment, true);
      },
      beforeLastPodGone: (deployment) => {
        setWriting(deployment, false);
        return Promise.resolve();
      },
    });
    for (const writer of writers) controller.start(writer);
    const operators = startOperators(
      {
        clock,
        read: (resource, namespace, name) => Promise.resolve(objects.find(resource, namespace, name)),
        patch: (resource, namespace, name, patch, subresource) => {
          objects.patch(resource, namespace, name, patch, subresource ? { subresource } : {});
          return Promise.resolve();
        },
      },
      { hostedCluster: hostedClusterRef, controlPlaneNamespace: controlPlane, writers, switches: () => this.#switches },
    );
    objects.onChange((resource, object) => {
      if (resource === "deployments") controller.reconcile(stringAt(object, "metadata", "name") ?? "");
      operators.wake();
    });
    return () => {
      for (const writer of writers) controller.reconcile(writer);
      operators.wake();
    };
  }
}

const defaultRequest: BackupRequest = {
  hostedCluster: hostedClusterRef,
  prefix: "etcd/nightly",
  quiesce: true,
  maxPauseMs: 15 * 60_000,
  recipients: [],
  allowUnhealthy: false,
  members: "one",
  dryRun: false,
  presign: true,
  presignExpiresInSeconds: 3600,
};

function createPods(
  members: number,
  { databaseBytes = 4096, snapshotBytes = 4096 }: MemoryWorldOptions,
  world: MemoryWorld,
): ReadonlyMap<string, EtcdPod> {
  const memberIds = Array.from({ length: members }, (_, index) => String(9_000_000_000_000_000_001n + BigInt(index)));
  const leaderId = memberIds[0] ?? "";
  const learnerIds = (): readonly string[] =>
    [...world.pods.values()].filter(({ trouble }) => trouble.learner).map(({ memberId }) => memberId);
  const aesKey = (): Buffer | undefined => world.secretsKey;
  return new Map(
    memberIds.map((memberId, index) => {
      const name = `etcd-${String(index)}`;
      return [
        name,
        new EtcdPod(
          { name, memberId, leaderId, memberIds, learnerIds, databaseBytes, snapshotBytes, aesKey },
          world.timeline,
          world.keyspace,
        ),
      ];
    }),
  );
}
