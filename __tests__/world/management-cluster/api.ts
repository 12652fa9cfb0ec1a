import { customSpecFields } from "./custom-resource-fields.ts";
import type { JsonObject } from "./json.ts";
import type { ObjectStore } from "./objects.ts";
import { dropUnknownFields, parseBody, parsePatch, type RequestBody } from "./patch-body.ts";
import { anonymous, isAllowed, isPathAllowed, reviewAccess, type Rule } from "./rbac.ts";
import { answerPod } from "./pods.ts";
import type { ApiRequest } from "./request.ts";
import { findResource, isCustom, knownGroups, type Resource } from "./resources.ts";
import { answerScale } from "./scale.ts";
import { matchesSelector } from "./selectors.ts";
import { badRequest, forbidden, invalid, methodNotAllowed, noSuchPath, notFound, notPlayed } from "./status.ts";
import { validateObject, withDefaults } from "./validation.ts";

export interface ApiAnswer {
  readonly status: number;
  /** Text is sent as such. */
  readonly body: JsonObject | string;
}

export interface ApiWorld {
  readonly store: ObjectStore;
  readonly rules: readonly Rule[];
}

const reviews = { group: "authorization.k8s.io", version: "v1", resource: "selfsubjectaccessreviews" } as const;
const noPage: ApiAnswer = { status: 404, body: "404 page not found\n" };

/** Throws ApiError 403 where the rules do not allow `request` to `user`. Whoever is known may ask what he may do. */
export function authorize(request: ApiRequest, user: string, rules: readonly Rule[]): void {
  const { verb, group, resource, subresource, namespace, name, path } = request;
  if (isReview(request) && verb === "create" && user !== anonymous) return;
  const allowed =
    resource === ""
      ? isPathAllowed(rules, user, verb, path)
      : isAllowed(rules, user, {
          verb,
          group,
          resource: subresource === undefined ? resource : `${resource}/${subresource}`,
          ...(namespace === undefined ? {} : { namespace }),
          ...(name === undefined ? {} : { name }),
        });
  if (!allowed) throw forbidden(request, user);
}

/** Answers a request of an authorized user, exec aside. Throws ApiError. */
export function answerRequest(request: ApiRequest, body: RequestBody, user: string, world: ApiWorld): ApiAnswer {
  if (request.resource === "") return answerPath(request);
  if (isReview(request)) {
    if (request.method !== "POST") throw methodNotAllowed();
    return { status: 201, body: reviewAccess(world.rules, user, parseBody(body.text)) };
  }
  const resource = findResource(request.group, request.version, request.resource);
  if (!resource) {
    if (knownGroups.includes(request.group)) throw noSuchPath();
    return noPage;
  }
  const namespace = resource.name === "namespaces" ? "" : (request.namespace ?? "");
  const { name } = request;
  if (request.subresource !== undefined) return answerSubresource(request, resource, body, world.store);
  if (request.verb === "list") return { status: 200, body: list(request, resource, world.store) };
  if (resource.name === "pods" && (request.verb === "create" || request.verb === "delete"))
    return answerPod(request, body, world.store);
  if (name === undefined) throw methodNotAllowed();
  if (request.verb === "get") return { status: 200, body: world.store.get(resource.name, namespace, name) };
  if (request.verb !== "patch") throw methodNotAllowed();
  checkDryRun(request);
  const parsed = withDefaults(resource.name, parsePatch(body, resource));
  const known = customSpecFields(resource.name);
  const strict = request.query.get("fieldValidation") === "Strict";
  const patch = known === undefined ? parsed : dropUnknownFields(parsed, known, strict);
  const patched = world.store.patch(resource.name, namespace, name, patch, {
    dryRun: request.dryRun,
    validate: (object) => {
      validateObject(resource.name, name, object);
    },
  });
  return { status: 200, body: patched };
}

function answerPath({ method, path }: ApiRequest): ApiAnswer {
  if (method !== "GET") throw methodNotAllowed();
  if (path === "/version")
    return { status: 200, body: { major: "1", minor: "34", gitVersion: "v1.34.4", platform: "linux/amd64" } };
  if (["/healthz", "/livez", "/readyz"].includes(path)) return { status: 200, body: "ok" };
  if (/^\/(?:apis?|openapi)(?:\/|$)/.test(path)) throw notPlayed(`the discovery path ${path}`);
  return noPage;
}

function answerSubresource(request: ApiRequest, resource: Resource, body: RequestBody, store: ObjectStore): ApiAnswer {
  const { namespace = "", name = "", subresource } = request;
  if (resource.name === "deployments" && subresource === "scale") {
    if (request.verb === "patch") checkDryRun(request);
    return { status: 200, body: answerScale(request, body, store) };
  }
  if (resource.name === "pods" && subresource === "exec") {
    store.get("pods", namespace, name);
    throw badRequest("Upgrade request required");
  }
  throw isCustom(resource) ? notFound(resource, name) : noSuchPath();
}

/** Source: ValidateDryRun in k8s.io/apimachinery, pkg/apis/meta/v1/validation. */
function checkDryRun(request: ApiRequest): void {
  const values = request.query.getAll("dryRun");
  if (values.every((value) => value === "All")) return;
  const message = `Unsupported value: ${JSON.stringify(values)}: supported values: "All"`;
  throw invalid({ group: "meta.k8s.io", kind: "PatchOptions" }, "", [
    { field: "dryRun", message, reason: "FieldValueNotSupported" },
  ]);
}

function isReview(request: ApiRequest): boolean {
  return (
    request.group === reviews.group && request.version === reviews.version && request.resource === reviews.resource
  );
}

function list(request: ApiRequest, resource: Resource, store: ObjectStore): JsonObject {
  for (const parameter of ["fieldSelector", "continue"])
    if (request.query.has(parameter)) throw notPlayed(`lists with ${parameter}`);
  const selector = request.query.get("labelSelector") ?? "";
  const items = store.list(resource.name, request.namespace).filter((object) => matchesSelector(object, selector));
  const limit = Number(request.query.get("limit") ?? 0);
  if (limit > 0 && items.length > limit) throw notPlayed("lists in several parts");
  const custom = isCustom(resource);
  return {
    kind: `${resource.kind}List`,
    apiVersion: resource.group === "" ? resource.version : `${resource.group}/${resource.version}`,
    metadata: { ...(custom ? { continue: "" } : {}), resourceVersion: store.resourceVersion },
    // Items of built-in kinds carry neither apiVersion nor kind in a list; those of a CRD do.
    items: custom ? items : items.map(withoutKind),
  };
}

function withoutKind(item: JsonObject): JsonObject {
  return Object.fromEntries(Object.entries(item).filter(([field]) => field !== "apiVersion" && field !== "kind"));
}
