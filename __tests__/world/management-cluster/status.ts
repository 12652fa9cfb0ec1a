import type { JsonObject } from "./json.ts";
import { qualifiedName } from "./resources.ts";
import type { ApiRequest } from "./request.ts";

/**
 * An answer of the API server that is no success: its Status, with the texts of a real one (Kubernetes 1.34; the contract
 * in __tests__/adapters/management-cluster holds both to them). Source: k8s.io/apimachinery, pkg/api/errors.
 */
export class ApiError extends Error {
  readonly code: number;
  readonly reason: string;
  readonly details: JsonObject | undefined;

  constructor(code: number, reason: string, message: string, details?: JsonObject) {
    super(message);
    this.code = code;
    this.reason = reason;
    this.details = details;
  }

  get body(): JsonObject {
    return {
      kind: "Status",
      apiVersion: "v1",
      metadata: {},
      status: "Failure",
      message: this.message,
      ...(this.reason === "" ? {} : { reason: this.reason }),
      ...(this.details ? { details: this.details } : {}),
      code: this.code,
    };
  }
}

interface Target {
  readonly group: string;
  readonly name: string;
  readonly kind: string;
}

export function notFound(resource: Pick<Target, "group" | "name">, name: string): ApiError {
  return new ApiError(404, "NotFound", `${qualifiedName(resource)} "${name}" not found`, {
    name,
    ...(resource.group ? { group: resource.group } : {}),
    kind: resource.name,
  });
}

export function conflict(resource: Pick<Target, "group" | "name">, name: string): ApiError {
  return new ApiError(
    409,
    "Conflict",
    `Operation cannot be fulfilled on ${qualifiedName(resource)} "${name}": the object has been modified; please apply your changes to the latest version and try again`,
    { name, ...(resource.group ? { group: resource.group } : {}), kind: resource.name },
  );
}

export interface InvalidField {
  readonly field: string;
  readonly message: string;
  /** Default FieldValueInvalid. */
  readonly reason?: string;
}

/** `causes` are `field: message`; several are joined as apimachinery does. What is empty in `target` is left out. */
export function invalid(
  target: { readonly group: string; readonly kind: string },
  name: string,
  causes: readonly InvalidField[],
): ApiError {
  const texts = causes.map(({ field, message }) => `${field}: ${message}`);
  const list = texts.length === 1 ? (texts[0] ?? "") : `[${texts.join(", ")}]`;
  const qualified = target.group === "" ? target.kind : `${target.kind}.${target.group}`;
  return new ApiError(422, "Invalid", `${qualified} "${name}" is invalid: ${list}`, {
    ...(name ? { name } : {}),
    ...(target.group ? { group: target.group } : {}),
    ...(target.kind ? { kind: target.kind } : {}),
    causes: causes.map(({ field, message, reason }) => ({ reason: reason ?? "FieldValueInvalid", message, field })),
  });
}

/** The patched object cannot be read as what it is to be: `patched` is quoted whole, as the API server does. */
export function undecodable(patched: unknown, problem: string): ApiError {
  const message = `Invalid value: ${JSON.stringify(JSON.stringify(patched))}: ${problem}`;
  return invalid({ group: "", kind: "" }, "", [{ field: "patch", message }]);
}

/** Of a path without a resource, or of a resource; RBAC adds no reason. */
export function forbidden(request: ApiRequest, user: string): ApiError {
  const { group, resource, subresource, namespace, name, verb, path } = request;
  if (resource === "")
    return new ApiError(403, "Forbidden", `forbidden: User "${user}" cannot ${verb} path "${path}"`, {});
  const object = `${qualifiedName({ group, name: resource })}${name === undefined ? "" : ` "${name}"`}`;
  const full = subresource === undefined ? resource : `${resource}/${subresource}`;
  const where = namespace === undefined ? "at the cluster scope" : `in the namespace "${namespace}"`;
  return new ApiError(
    403,
    "Forbidden",
    `${object} is forbidden: User "${user}" cannot ${verb} resource "${full}" in API group "${group}" ${where}`,
    { ...(name === undefined ? {} : { name }), ...(group ? { group } : {}), kind: resource },
  );
}

export function unauthorized(): ApiError {
  return new ApiError(401, "Unauthorized", "Unauthorized");
}

export function methodNotAllowed(): ApiError {
  return new ApiError(405, "MethodNotAllowed", "the server does not allow this method on the requested resource", {});
}

export function noSuchPath(): ApiError {
  return new ApiError(404, "NotFound", "the server could not find the requested resource", {});
}

/** Custom resources name what they take; for built-in ones the router speaks. */
export function unsupportedMediaType(accepted: readonly string[] | undefined): ApiError {
  if (accepted === undefined) return new ApiError(415, "UnsupportedMediaType", "415: Unsupported Media Type", {});
  return new ApiError(
    415,
    "UnsupportedMediaType",
    `the body of the request was in an unknown format - accepted media types include: ${accepted.join(", ")}`,
  );
}

export function badRequest(message: string): ApiError {
  return new ApiError(400, "BadRequest", message);
}

/** For what is a part of Kubernetes and none of this world: loud, so that no test leans on it. */
export function notPlayed(what: string): ApiError {
  return new ApiError(501, "NotImplemented", `the embedded management cluster does not know ${what}`);
}
