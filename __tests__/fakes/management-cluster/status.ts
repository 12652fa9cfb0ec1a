import type { JsonObject } from "./json.ts";
import { qualifiedName } from "./resources.ts";
import type { ApiRequest } from "./request.ts";

/** An answer of the API server that is no success: its Status, with the texts of a real one (1.34). */
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
      reason: this.reason,
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

/** `causes` are `field: message`; several are joined as apimachinery does. */
export function invalid(
  target: { readonly group: string; readonly kind: string },
  name: string,
  causes: readonly { readonly field: string; readonly message: string; readonly reason?: string }[],
): ApiError {
  const texts = causes.map(({ field, message }) => `${field}: ${message}`);
  const list = texts.length === 1 ? (texts[0] ?? "") : `[${texts.join(", ")}]`;
  const qualified = target.group === "" ? target.kind : `${target.kind}.${target.group}`;
  return new ApiError(422, "Invalid", `${qualified} "${name}" is invalid: ${list}`, {
    name,
    ...(target.group ? { group: target.group } : {}),
    kind: target.kind,
    causes: causes.map(({ field, message, reason }) => ({ reason: reason ?? "FieldValueInvalid", message, field })),
  });
}

export function forbidden(request: ApiRequest, user: string): ApiError {
  const { group, resource, subresource, namespace, name, verb } = request;
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
  return new ApiError(405, "MethodNotAllowed", "the server does not allow this method on the requested resource");
}

export function noSuchPath(): ApiError {
  return new ApiError(404, "NotFound", "the server could not find the requested resource", {});
}

export function unsupportedMediaType(accepted: readonly string[]): ApiError {
  return new ApiError(
    415,
    "UnsupportedMediaType",
    `the body of the request was in an unknown format - accepted media types include: ${accepted.join(", ")}`,
    {},
  );
}

export function badRequest(message: string): ApiError {
  return new ApiError(400, "BadRequest", message);
}
