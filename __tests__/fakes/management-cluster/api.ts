import { at, numberAt, stringAt, textsAt } from "../../../src/hypershift/json-path.ts";
import { isJsonObject, objectAt, type JsonObject } from "./json.ts";
import { matchesSelector, type ObjectStore } from "./objects.ts";
import { isAllowed, reviewAccess, type Rule } from "./rbac.ts";
import type { ApiRequest } from "./request.ts";
import { findResource, resourceOf, type Resource } from "./resources.ts";
import {
  badRequest,
  conflict,
  forbidden,
  invalid,
  methodNotAllowed,
  noSuchPath,
  unsupportedMediaType,
} from "./status.ts";
import { negativeReplicas, validateObject } from "./validation.ts";

export interface ApiAnswer {
  readonly status: number;
  readonly body: JsonObject;
}

export interface ApiWorld {
  readonly store: ObjectStore;
  readonly rules: readonly Rule[];
}

const mergePatchType = "application/merge-patch+json";
const reviews = { group: "authorization.k8s.io", version: "v1", resource: "selfsubjectaccessreviews" } as const;

/** Throws ApiError 403 where the rules do not allow `request` to `user`. Paths without a resource are open to all. */
export function authorize(request: ApiRequest, user: string, rules: readonly Rule[]): void {
  if (request.resource === "" || isReview(request)) return;
  const { verb, group, namespace, name } = request;
  const allowed = isAllowed(rules, user, {
    verb,
    group,
    resource: request.subresource === undefined ? request.resource : `${request.resource}/${request.subresource}`,
    ...(namespace === undefined ? {} : { namespace }),
    ...(name === undefined ? {} : { name }),
  });
  if (!allowed) throw forbidden(request, user);
}

/** Answers a request of an authorized user, exec aside. Throws ApiError. */
export function answerRequest(
  request: ApiRequest,
  body: { readonly contentType: string; readonly text: string },
  user: string,
  world: ApiWorld,
): ApiAnswer {
  if (request.path === "/version" && request.method === "GET")
    return { status: 200, body: { major: "1", minor: "34", gitVersion: "v1.34.4", platform: "linux/amd64" } };
  if (isReview(request)) {
    if (request.method !== "POST") throw methodNotAllowed();
    return { status: 201, body: reviewAccess(world.rules, user, parseBody(body.text)) };
  }
  const resource = findResource(request.group, request.version, request.resource);
  if (!resource) throw noSuchPath();
  if (request.subresource === "scale" && resource.name === "deployments") return answerScale(request, body, world);
  if (request.subresource !== undefined) throw noSuchPath();
  const namespace = resource.name === "namespaces" ? "" : (request.namespace ?? "");
  if (request.verb === "list") return { status: 200, body: list(request, resource, world.store) };
  if (request.name === undefined) throw methodNotAllowed();
  if (request.verb === "get") return { status: 200, body: world.store.get(resource.name, namespace, request.name) };
  if (request.verb !== "patch") throw methodNotAllowed();
  const { name } = request;
  const patched = world.store.patch(resource.name, namespace, name, parsePatch(body), {
    dryRun: request.dryRun,
    validate: (object) => {
      validateObject(resource.name, name, object);
    },
  });
  return { status: 200, body: patched };
}

function isReview(request: ApiRequest): boolean {
  return (
    request.group === reviews.group && request.version === reviews.version && request.resource === reviews.resource
  );
}

function list(request: ApiRequest, resource: Resource, store: ObjectStore): JsonObject {
  const selector = request.query.get("labelSelector") ?? "";
  const items = store.list(resource.name, request.namespace).filter((object) => matchesSelector(object, selector));
  return {
    kind: `${resource.kind}List`,
    apiVersion: resource.group === "" ? resource.version : `${resource.group}/${resource.version}`,
    metadata: { resourceVersion: store.resourceVersion },
    // Items of built-in kinds carry neither apiVersion nor kind in a list; those of a CRD do.
    items: items.map((item) =>
      resource.group.includes(".")
        ? item
        : Object.fromEntries(Object.entries(item).filter(([field]) => field !== "apiVersion" && field !== "kind")),
    ),
  };
}

/** The scale subresource: a view of spec.replicas with the deployment's own resourceVersion. */
function answerScale(
  request: ApiRequest,
  body: { readonly contentType: string; readonly text: string },
  world: ApiWorld,
): ApiAnswer {
  const { namespace = "", name = "" } = request;
  const current = world.store.get("deployments", namespace, name);
  if (request.verb === "get") return { status: 200, body: toScale(current) };
  if (request.verb !== "patch") throw methodNotAllowed();
  const patch = parsePatch(body);
  const version = stringAt(patch, "metadata", "resourceVersion");
  if (version !== undefined && version !== stringAt(current, "metadata", "resourceVersion"))
    throw conflict(resourceOf("deployments"), name);
  const replicas = at(patch, "spec", "replicas") ?? numberAt(current, "spec", "replicas") ?? 0;
  if (typeof replicas !== "number" || !Number.isInteger(replicas))
    throw badRequest(
      `json: cannot unmarshal ${typeof replicas} into Go struct field ScaleSpec.spec.replicas of type int32`,
    );
  if (replicas < 0) throw invalid({ group: "autoscaling", kind: "Scale" }, name, [negativeReplicas(replicas)]);
  const written = world.store.patch("deployments", namespace, name, { spec: { replicas } }, { dryRun: request.dryRun });
  return { status: 200, body: toScale(written) };
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

function parsePatch(body: { readonly contentType: string; readonly text: string }): JsonObject {
  const type = (body.contentType.split(";")[0] ?? "").trim().toLowerCase();
  if (type !== mergePatchType) throw unsupportedMediaType([mergePatchType]);
  return parseBody(body.text);
}

function parseBody(text: string): JsonObject {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    value = undefined;
  }
  if (!isJsonObject(value)) throw badRequest("the body of the request is no JSON object");
  return value;
}
