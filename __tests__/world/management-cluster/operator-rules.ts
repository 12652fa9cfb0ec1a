import { at, listAt, numberAt, stringAt } from "../../../src/json-path.ts";
import { isJsonObject, type JsonObject } from "./json.ts";

/**
 * What HyperShift's operators decide, without acting. Each rule was observed on the unmodified operators (main of August
 * 2026) or is read from the file named beside it in openshift/hypershift.
 */
export type Pause =
  | { readonly kind: "none" }
  | { readonly kind: "invalid" }
  | { readonly kind: "paused"; readonly text: string; readonly until: Date | undefined };

/** strconv.ParseBool first, then RFC 3339, else an error that counts as no pause: support/util/pausereconcile.go. */
export function readPause(value: string | undefined, now: Date): Pause {
  if (value === undefined) return { kind: "none" };
  if (["1", "t", "T", "true", "TRUE", "True"].includes(value)) return { kind: "paused", text: value, until: undefined };
  if (["0", "f", "F", "false", "FALSE", "False"].includes(value)) return { kind: "none" };
  const until = parseRfc3339(value);
  if (until === undefined) return { kind: "invalid" };
  return now < until ? { kind: "paused", text: value, until } : { kind: "none" };
}

/** As Go's time.Parse(time.RFC3339): a zone is needed, and a day and an hour that exist. */
function parseRfc3339(text: string): Date | undefined {
  const fields = /^(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)(?:[.,]\d+)?(?:Z|[+-](\d\d):(\d\d))$/.exec(text);
  if (!fields) return undefined;
  const [year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0, zoneHour = 0, zoneMinute = 0] = fields
    .slice(1)
    .map((field) => Number(field || 0));
  const exists = month >= 1 && month <= 12 && day >= 1 && day <= new Date(Date.UTC(year, month, 0)).getUTCDate();
  if (!exists || hour > 23 || minute > 59 || second > 59 || zoneHour > 24 || zoneMinute > 60) return undefined;
  return new Date(text.replace(",", "."));
}

/**
 * Conditions as an operator writes them for `pause`. Observed: those it looked at carry the generation it saw; a paused
 * control-plane-operator does not look at the release; PlatformCredentialsFound keeps its first generation.
 */
export function conditionsFor(object: JsonObject, pause: Pause, now: Date): readonly JsonObject[] {
  const generation = numberAt(object, "metadata", "generation") ?? 0;
  const before = listAt(object, "status", "conditions").filter(isJsonObject);
  const isControlPlane = object["kind"] === "HostedControlPlane";
  const unseen = [
    "PlatformCredentialsFound",
    ...(isControlPlane && pause.kind === "paused" ? ["ValidReleaseInfo"] : []),
  ];
  const missing = before.some(({ type }) => type === activeType) ? [] : [{ type: activeType, observedGeneration: 0 }];
  return [...before, ...missing].map((condition: JsonObject) => {
    const { type } = condition;
    if (condition["observedGeneration"] === undefined || unseen.includes(String(type))) return condition;
    const seen = { ...condition, observedGeneration: generation };
    if (type === activeType) return activeCondition(seen, pause, now);
    return type === "Progressing" && !isControlPlane && condition["status"] === "False"
      ? { ...seen, ...progressReason(pause) }
      : seen;
  });
}

const activeType = "ReconciliationActive";

function activeCondition(before: JsonObject, pause: Pause, now: Date): JsonObject {
  const status = pause.kind === "paused" ? "False" : "True";
  const lastTransitionTime =
    before["status"] === status ? before["lastTransitionTime"] : now.toISOString().replace(/\.\d+Z$/, "Z");
  return { ...before, status, ...reasonOf(pause), lastTransitionTime };
}

function progressReason(pause: Pause): { readonly reason: string; readonly message: string } {
  if (pause.kind !== "paused") return { reason: "AsExpected", message: "HostedCluster is at expected version" };
  return { reason: "Blocked", message: `${activeType} condition is false: ${reasonOf(pause).message}` };
}

function reasonOf(pause: Pause): { readonly reason: string; readonly message: string } {
  if (pause.kind === "none") return { reason: "AsExpected", message: "Reconciliation active on resource" };
  if (pause.kind === "invalid")
    return { reason: "InvalidPausedUntilValue", message: "Invalid value provided for PausedUntil field" };
  const message = pause.until
    ? `Reconciliation paused until: ${pause.text}`
    : "Reconciliation paused until field removed";
  return { reason: "ReconciliationPaused", message };
}

/** Replicas of a writer where nothing else is said: support/controlplane-component/defaults.go. */
export function defaultReplicas(controlPlane: JsonObject, writer: string): number {
  const annotation = (name: string): string =>
    stringAt(controlPlane, "metadata", "annotations", `hypershift.openshift.io/${name}`) ?? "";
  if (annotation("debug-deployments").split(",").includes(writer)) return 0;
  if (stringAt(controlPlane, "spec", "controllerAvailabilityPolicy") === "SingleReplica") return 1;
  return annotation("topology") === "dedicated-request-serving-components" ? 2 : 3;
}

/** An invalid configuration blocks the control-plane-operator, also from putting replicas back. */
export function isBlocked(controlPlane: JsonObject): boolean {
  return listAt(controlPlane, "status", "conditions").some(
    (condition) =>
      stringAt(condition, "type") === "ValidHostedControlPlaneConfiguration" &&
      stringAt(condition, "status") === "False",
  );
}

/** A component waits for those before it: etcd, kube-apiserver, openshift-apiserver, openshift-oauth-apiserver. */
export function isRolledOut(deployment: JsonObject): boolean {
  const wanted = numberAt(deployment, "spec", "replicas") ?? 1;
  return (
    numberAt(deployment, "status", "observedGeneration") === numberAt(deployment, "metadata", "generation") &&
    (numberAt(deployment, "status", "readyReplicas") ?? 0) >= wanted
  );
}

/** Annotations that hypershift-operator copies to the HostedControlPlane, of those that matter here. */
const mirroredAnnotations = ["debug-deployments", "topology"].map((name) => `hypershift.openshift.io/${name}`);

/** The merge patch that brings the HostedControlPlane to its HostedCluster; undefined where nothing differs. */
export function copyToControlPlane(hostedCluster: JsonObject, controlPlane: JsonObject): JsonObject | undefined {
  const wanted = at(hostedCluster, "spec", "pausedUntil") ?? null;
  const annotations = mirroredAnnotations
    .map((name) => [name, at(hostedCluster, "metadata", "annotations", name) ?? null] as const)
    .filter(([name, value]) => (at(controlPlane, "metadata", "annotations", name) ?? null) !== value);
  const pauseDiffers = (at(controlPlane, "spec", "pausedUntil") ?? null) !== wanted;
  if (!pauseDiffers && annotations.length === 0) return undefined;
  return {
    ...(pauseDiffers ? { spec: { pausedUntil: wanted } } : {}),
    ...(annotations.length > 0 ? { metadata: { annotations: Object.fromEntries(annotations) } } : {}),
  };
}
