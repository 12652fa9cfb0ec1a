import { at, numberAt, stringAt, textsAt } from "../../../src/json-path.ts";
import { isJsonObject, mergePatch, objectAt, type JsonObject } from "./json.ts";
import type { ObjectStore } from "./objects.ts";
import { goKind, parsePatch, type RequestBody } from "./patch-body.ts";
import type { ApiRequest } from "./request.ts";
import { ApiError, invalid, methodNotAllowed, undecodable } from "./status.ts";
import { negativeReplicas } from "./validation.ts";

const int32Max = 2 ** 31 - 1;

/**
 * The scale subresource: a view of a deployment's spec.replicas with its resourceVersion. Throws ApiError.
 * Source: ScaleREST in kubernetes/kubernetes, pkg/registry/apps/deployment/storage/storage.go.
 */
export function answerScale(request: ApiRequest, body: RequestBody, store: ObjectStore): JsonObject {
  const { namespace = "", name = "" } = request;
  const deployment = store.get("deployments", namespace, name);
  if (request.verb === "get") return toScale(deployment);
  if (request.verb !== "patch") throw methodNotAllowed();
  const current = toScale(deployment);
  const merged = mergePatch(current, parsePatch(body, { group: "apps" }));
  const scale = isJsonObject(merged) ? merged : {};
  const uid = stringAt(scale, "metadata", "uid");
  if (uid !== undefined && uid !== stringAt(current, "metadata", "uid"))
    throw otherUid(name, uid, stringAt(current, "metadata", "uid") ?? "");
  const replicas = readReplicas(scale);
  if (replicas < 0) throw invalid({ group: "autoscaling", kind: "Scale" }, name, [negativeReplicas(replicas)]);
  const resourceVersion = at(scale, "metadata", "resourceVersion") ?? null;
  const patch = { metadata: { resourceVersion }, spec: { replicas } };
  return toScale(store.patch("deployments", namespace, name, patch, { dryRun: request.dryRun }));
}

/** A missing number is 0, as for every int32 of Go. */
function readReplicas(scale: JsonObject): number {
  const replicas = at(scale, "spec", "replicas") ?? 0;
  if (typeof replicas === "number" && Number.isInteger(replicas) && Math.abs(replicas) <= int32Max) return replicas;
  const found = typeof replicas === "number" ? `number ${String(replicas)}` : goKind(replicas);
  throw undecodable(
    scale,
    `json: cannot unmarshal ${found} into Go struct field ScaleSpec.spec.replicas of type int32`,
  );
}

function toScale(deployment: JsonObject): JsonObject {
  const { name, namespace, uid, resourceVersion, creationTimestamp } = objectAt(deployment, "metadata");
  const replicas = numberAt(deployment, "spec", "replicas") ?? 1;
  const labels = textsAt(deployment, "spec", "selector", "matchLabels");
  return {
    kind: "Scale",
    apiVersion: "autoscaling/v1",
    metadata: { name, namespace, uid, resourceVersion, creationTimestamp },
    // A zero is left out of the spec, and kept in the status: that is how autoscaling/v1 is declared.
    spec: replicas === 0 ? {} : { replicas },
    status: {
      replicas: numberAt(deployment, "status", "replicas") ?? 0,
      selector: Object.entries(labels)
        .map(([label, value]) => `${label}=${value}`)
        .join(","),
    },
  };
}

function otherUid(name: string, wanted: string, found: string): ApiError {
  return new ApiError(
    409,
    "Conflict",
    `Operation cannot be fulfilled on deployments/scale.apps "${name}": Precondition failed: UID in precondition: ${wanted}, UID in object meta: ${found}`,
    { name, group: "apps", kind: "deployments/scale" },
  );
}
