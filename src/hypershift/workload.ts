import { at, listAt, numberAt, stringAt, textsAt } from "./json-path.ts";

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
  readonly gracePeriodSeconds: number;
  readonly matchLabels: Readonly<Record<string, string>>;
}

export interface Pod {
  readonly namespace: string;
  readonly name: string;
  readonly phase: string;
  readonly ready: boolean;
  readonly terminating: boolean;
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
    gracePeriodSeconds: numberAt(value, "spec", "template", "spec", "terminationGracePeriodSeconds") ?? 30,
    matchLabels: textsAt(value, "spec", "selector", "matchLabels"),
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
  };
}
