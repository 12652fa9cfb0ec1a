import { at, listAt, numberAt, stringAt } from "../../../src/json-path.ts";
import type { WorldClock } from "./clock.ts";
import { objectAt, type JsonObject } from "./json.ts";
import type { ObjectStore } from "./objects.ts";
import { matchesSelector } from "./selectors.ts";
import type { Switches } from "./switches.ts";

export interface DeploymentHooks {
  /** The first pod of a deployment is there. */
  onFirstPod(deployment: string): void;
  /** The last pod of a deployment is about to be gone; it is gone when this resolves. */
  beforeLastPodGone(deployment: string): Promise<void>;
}

/** From a change of a deployment to what the controller makes of it; observed: 30 to 150 ms. */
const observeMs = 20;
/** From the end of a pod's containers to the end of the pod. */
const removalMs = 10;

/**
 * The Deployment controller, the scheduler and the kubelet in one: pods come and go by spec.replicas, a moment after it
 * was changed. Pods that end are not counted in the status while they are still there, and still write: wait for the
 * pods, not for the status. Observed with real controllers and a kubelet.
 */
export class DeploymentController {
  readonly #store: ObjectStore;
  readonly #clock: WorldClock;
  readonly #namespace: string;
  readonly #switches: () => Pick<Switches, "drainMs" | "startMs" | "stuckWriters">;
  readonly #hooks: DeploymentHooks;
  readonly #callOffs = new Set<() => void>();
  /** Deployments that will be looked at. */
  readonly #changed = new Set<string>();
  /** Generation of each deployment when it was looked at last. */
  readonly #observed = new Map<string, number>();
  readonly #starting = new Set<string>();
  #created = 0;

  constructor(
    store: ObjectStore,
    clock: WorldClock,
    namespace: string,
    switches: () => Pick<Switches, "drainMs" | "startMs" | "stuckWriters">,
    hooks: DeploymentHooks,
  ) {
    this.#store = store;
    this.#clock = clock;
    this.#namespace = namespace;
    this.#switches = switches;
    this.#hooks = hooks;
  }

  /** Makes the pods that a new deployment asks for, ready at once. */
  start(name: string): void {
    const wanted = numberAt(this.#store.get("deployments", this.#namespace, name), "spec", "replicas") ?? 1;
    for (let index = 0; index < wanted; index += 1) this.#setReady(this.#createPod(name));
    this.#observe(name);
  }

  /** To be called after each change of a deployment and of a switch; what is to be done is done a little later. */
  reconcile(name: string): void {
    if (this.#changed.has(name)) return;
    this.#changed.add(name);
    this.#after(observeMs, () => {
      this.#changed.delete(name);
      this.#reconcile(name);
    });
  }

  #reconcile(name: string): void {
    const deployment = this.#store.find("deployments", this.#namespace, name);
    const active = this.#pods(name).filter((pod) => !isEnding(pod));
    const wanted = deployment === undefined ? 0 : (numberAt(deployment, "spec", "replicas") ?? 1);
    for (let count = active.length; count < wanted; count += 1) this.#createPod(name);
    for (const pod of this.#pods(name)) if (!isReady(pod) && !isEnding(pod)) this.#startPod(name, pod);
    for (const pod of active.slice(wanted)) this.#endPod(name, stringAt(pod, "metadata", "name") ?? "");
    this.#observe(name);
  }

  #observe(name: string): void {
    const deployment = this.#store.find("deployments", this.#namespace, name);
    this.#observed.set(name, numberAt(deployment, "metadata", "generation") ?? 0);
    this.#writeStatus(name);
  }

  close(): void {
    for (const callOff of this.#callOffs) callOff();
  }

  /** Pods of the deployment with containers that run, also those that are to end; an evicted one is not among them. */
  #pods(name: string): readonly JsonObject[] {
    return this.#store
      .list("pods", this.#namespace)
      .filter((pod) => matchesSelector(pod, `app=${name}`))
      .filter((pod) => !["Failed", "Succeeded"].includes(stringAt(pod, "status", "phase") ?? ""));
  }

  #createPod(name: string): string {
    const deployment = this.#store.get("deployments", this.#namespace, name);
    const template = at(deployment, "spec", "template");
    const first = this.#pods(name).length === 0;
    this.#created += 1;
    const podName = `${name}-5d4f8c7b9-${this.#created.toString(36).padStart(5, "x")}`;
    this.#store.create("pods", {
      metadata: {
        name: podName,
        namespace: this.#namespace,
        labels: at(template, "metadata", "labels"),
        ownerReferences: [{ apiVersion: "apps/v1", kind: "ReplicaSet", name: `${name}-5d4f8c7b9`, controller: true }],
      },
      spec: {
        containers: [{ name }],
        terminationGracePeriodSeconds: at(template, "spec", "terminationGracePeriodSeconds"),
      },
      status: { phase: "Pending", conditions: readiness(false) },
    });
    if (first) this.#hooks.onFirstPod(name);
    return podName;
  }

  /** Makes a pod ready in a while; one that is stuck is looked at when its deployment is. */
  #startPod(name: string, pod: JsonObject): void {
    const podName = stringAt(pod, "metadata", "name") ?? "";
    if (this.#starting.has(podName) || this.#switches().stuckWriters.includes(name)) return;
    this.#starting.add(podName);
    this.#after(this.#switches().startMs, () => {
      this.#starting.delete(podName);
      this.#setReady(podName);
      this.#writeStatus(name);
    });
  }

  #setReady(podName: string): void {
    const pod = this.#store.find("pods", this.#namespace, podName);
    if (!pod || isEnding(pod)) return;
    const status = { phase: "Running", conditions: readiness(true) };
    this.#store.patch("pods", this.#namespace, podName, { status }, { subresource: "status" });
  }

  #endPod(name: string, podName: string): void {
    const pod = this.#store.get("pods", this.#namespace, podName);
    const grace = numberAt(pod, "spec", "terminationGracePeriodSeconds") ?? 30;
    this.#store.replace("pods", {
      ...pod,
      metadata: {
        ...objectAt(pod, "metadata"),
        deletionTimestamp: this.#clock.timestamp(grace * 1000),
        deletionGracePeriodSeconds: grace,
      },
      // /readyz answers 500 as soon as a kube-apiserver is told to end, while it serves on.
      status: { ...objectAt(pod, "status"), conditions: readiness(false) },
    });
    this.#after(this.#switches().drainMs, () => void this.#removePod(name, podName));
  }

  async #removePod(name: string, podName: string): Promise<void> {
    if (this.#pods(name).length === 1) await this.#hooks.beforeLastPodGone(name);
    if (this.#store.find("pods", this.#namespace, podName) === undefined) return;
    // A kubelet tells that the containers have ended before the pod goes (kubernetes/kubernetes#115331).
    this.#store.patch("pods", this.#namespace, podName, { status: { phase: "Succeeded" } }, { subresource: "status" });
    this.#after(removalMs, () => {
      this.#store.remove("pods", this.#namespace, podName);
    });
    // A pod that came meanwhile found another one there, and started no writer.
    if (this.#pods(name).length > 0) this.#hooks.onFirstPod(name);
  }

  #writeStatus(name: string): void {
    const deployment = this.#store.find("deployments", this.#namespace, name);
    if (!deployment) return;
    const active = this.#pods(name).filter((pod) => !isEnding(pod));
    const ready = active.filter(isReady).length;
    const wanted = numberAt(deployment, "spec", "replicas") ?? 1;
    // Counts of zero are left out, as apps/v1 declares them.
    const counts = {
      replicas: active.length || null,
      updatedReplicas: active.length || null,
      readyReplicas: ready || null,
      availableReplicas: ready || null,
      unavailableReplicas: Math.max(0, wanted - ready) || null,
    };
    const status = { ...counts, observedGeneration: this.#observed.get(name) ?? 0 };
    this.#store.patch("deployments", this.#namespace, name, { status }, { subresource: "status" });
  }

  #after(ms: number, work: () => void): void {
    const callOff = this.#clock.after(ms, () => {
      this.#callOffs.delete(callOff);
      work();
    });
    this.#callOffs.add(callOff);
  }
}

function isEnding(pod: JsonObject): boolean {
  return at(pod, "metadata", "deletionTimestamp") !== undefined;
}

function isReady(pod: JsonObject): boolean {
  return listAt(pod, "status", "conditions").some(
    (condition) => stringAt(condition, "type") === "Ready" && stringAt(condition, "status") === "True",
  );
}

/** Conditions of a pod, as far as they matter. */
export function readiness(ready: boolean): readonly JsonObject[] {
  const status = ready ? "True" : "False";
  return [
    { type: "PodScheduled", status: "True" },
    { type: "ContainersReady", status },
    { type: "Ready", status },
  ];
}
