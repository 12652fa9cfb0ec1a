import { at, listAt, numberAt, stringAt, textsAt } from "../json-path.ts";
import { parseTime } from "../time.ts";
import { parsePodTemplate, type PodTemplate } from "./pod-template.ts";

/** Labels of the pods of HyperShift's StatefulSet etcd. */
export const etcdLabels = { app: "etcd" } as const;

/** A Deployment or StatefulSet, as far as the action looks at it. */
export interface Workload {
  readonly namespace: string;
  readonly name: string;
  readonly resourceVersion: string;
  readonly generation: number;
  readonly observedGeneration: number;
  /** Wanted replicas; the API's default of 1 where the field is absent. */
  readonly replicas: number;
  readonly readyReplicas: number;
  /** Of the newest template. */
  readonly updatedReplicas: number;
  readonly initContainers: readonly InitContainer[];
  readonly gracePeriodSeconds: number;
  readonly matchLabels: Readonly<Record<string, string>>;
  readonly template: PodTemplate;
}

/** An init container of a template, with the names of its variables. */
interface InitContainer {
  readonly name: string;
  readonly variables: readonly string[];
}

/** The state of an init container of a pod. */
export interface InitStatus {
  readonly name: string;
  readonly ready: boolean;
  readonly restarts: number;
  /** Of its last end; undefined where it has not ended. */
  readonly exitCode: number | undefined;
}

export interface Pod {
  readonly namespace: string;
  readonly name: string;
  readonly phase: string;
  readonly ready: boolean;
  readonly terminating: boolean;
  readonly initContainers: readonly InitStatus[];
}

/** A pod that this action made, and how far its node has come with it. */
export interface OwnPod extends Pod {
  readonly uid: string;
  readonly createdAt: Date | undefined;
  readonly annotations: Readonly<Record<string, string>>;
  /** Why it ended, such as `DeadlineExceeded` or `Evicted`; empty otherwise. */
  readonly endedBy: string;
  /** Why no node takes it, in the scheduler's words. */
  readonly unschedulable: string | undefined;
  readonly containers: readonly ContainerState[];
}

export interface ContainerState {
  readonly name: string;
  readonly running: boolean;
  /** Why it does not run yet, such as `ImagePullBackOff`; empty otherwise. */
  readonly waitsFor: string;
  /** What its node says of that, or its own last words. */
  readonly message: string;
  /** Undefined while it has not ended. */
  readonly exitCode: number | undefined;
}

export function parseWorkload(value: unknown): Workload {
  return {
    namespace: stringAt(value, "metadata", "namespace") ?? "",
    name: stringAt(value, "metadata", "name") ?? "",
    resourceVersion: stringAt(value, "metadata", "resourceVersion") ?? "",
    generation: numberAt(value, "metadata", "generation") ?? 0,
    observedGeneration: numberAt(value, "status", "observedGeneration") ?? 0,
    replicas: numberAt(value, "spec", "replicas") ?? 1,
    readyReplicas: numberAt(value, "status", "readyReplicas") ?? 0,
    updatedReplicas: numberAt(value, "status", "updatedReplicas") ?? 0,
    initContainers: listAt(value, "spec", "template", "spec", "initContainers").map((container) => ({
      name: stringAt(container, "name") ?? "",
      variables: listAt(container, "env").flatMap((variable) => stringAt(variable, "name") ?? []),
    })),
    gracePeriodSeconds: numberAt(value, "spec", "template", "spec", "terminationGracePeriodSeconds") ?? 30,
    matchLabels: textsAt(value, "spec", "selector", "matchLabels"),
    template: parsePodTemplate(at(value, "spec", "template")),
  };
}

export function parsePod(value: unknown): Pod {
  return {
    namespace: stringAt(value, "metadata", "namespace") ?? "",
    name: stringAt(value, "metadata", "name") ?? "",
    phase: stringAt(value, "status", "phase") ?? "Unknown",
    ready: listAt(value, "status", "conditions").some(
      (condition) => stringAt(condition, "type") === "Ready" && stringAt(condition, "status") === "True",
    ),
    terminating: at(value, "metadata", "deletionTimestamp") !== undefined,
    initContainers: listAt(value, "status", "initContainerStatuses").map((status) => ({
      name: stringAt(status, "name") ?? "",
      ready: at(status, "ready") === true,
      restarts: numberAt(status, "restartCount") ?? 0,
      exitCode:
        numberAt(status, "state", "terminated", "exitCode") ?? numberAt(status, "lastState", "terminated", "exitCode"),
    })),
  };
}

export function parseOwnPod(value: unknown): OwnPod {
  const scheduled = listAt(value, "status", "conditions").find(
    (condition) => stringAt(condition, "type") === "PodScheduled" && stringAt(condition, "status") === "False",
  );
  return {
    ...parsePod(value),
    uid: stringAt(value, "metadata", "uid") ?? "",
    createdAt: timeOf(at(value, "metadata", "creationTimestamp")),
    annotations: textsAt(value, "metadata", "annotations"),
    endedBy: stringAt(value, "status", "reason") ?? "",
    unschedulable: scheduled === undefined ? undefined : (stringAt(scheduled, "message") ?? ""),
    containers: listAt(value, "status", "containerStatuses").map((status) => ({
      name: stringAt(status, "name") ?? "",
      running: at(status, "state", "running") !== undefined,
      waitsFor: stringAt(status, "state", "waiting", "reason") ?? "",
      message:
        stringAt(status, "state", "waiting", "message") ?? stringAt(status, "state", "terminated", "message") ?? "",
      exitCode: numberAt(status, "state", "terminated", "exitCode"),
    })),
  };
}

/** The typed client makes dates of what the API has as text. */
function timeOf(value: unknown): Date | undefined {
  if (value instanceof Date) return value;
  return typeof value === "string" ? parseTime(value) : undefined;
}
