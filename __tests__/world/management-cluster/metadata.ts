import { at, stringAt } from "../../../src/json-path.ts";
import { isJsonObject, objectAt, type JsonObject } from "./json.ts";
import { goKind } from "./patch-body.ts";
import { isCustom, resourceOf, type ResourceName } from "./resources.ts";
import { ApiError, badRequest, conflict, invalid, undecodable } from "./status.ts";

const systemFields = [
  "name",
  "namespace",
  "uid",
  "resourceVersion",
  "generation",
  "creationTimestamp",
  "deletionTimestamp",
  "deletionGracePeriodSeconds",
] as const;

/**
 * Throws ApiError for a patch of what names an object: 409 for another resourceVersion, 422 for another uid or a time of
 * deletion, 400 for another name. Source: k8s.io/apiserver, pkg/registry (store.go, rest/update.go) and handlers/patch.go.
 */
export function checkIdentity(resource: ResourceName, current: JsonObject, patch: JsonObject): void {
  const name = stringAt(current, "metadata", "name") ?? "";
  const { group, kind } = resourceOf(resource);
  for (const [field, problem] of [
    ["name", (other: string) => `the name of the object (${other}) does not match the name on the URL (${name})`],
    ["namespace", () => "the namespace of the provided object does not match the namespace sent on the request"],
  ] as const) {
    const other = stringAt(patch, "metadata", field);
    if (other !== undefined && other !== stringAt(current, "metadata", field)) throw badRequest(problem(other));
  }
  checkVersion(resource, current, patch);
  for (const field of ["uid", "deletionTimestamp"] as const) {
    const other = stringAt(patch, "metadata", field);
    if (other !== undefined && other !== stringAt(current, "metadata", field))
      throw invalid({ group, kind }, name, [
        { field: `metadata.${field}`, message: `Invalid value: ${JSON.stringify(other)}: field is immutable` },
      ]);
  }
}

/** No version, or an empty one, stands for any version of a built-in resource; custom resources need one. */
function checkVersion(resource: ResourceName, current: JsonObject, patch: JsonObject): void {
  const name = stringAt(current, "metadata", "name") ?? "";
  const version = at(patch, "metadata", "resourceVersion");
  if (version === undefined) return;
  if (version === null || version === "" || version === "0") {
    if (!isCustom(resourceOf(resource))) return;
    const { group } = resourceOf(resource);
    throw invalid({ group, kind: resource }, name, [
      { field: "metadata.resourceVersion", message: "Invalid value: 0: must be specified for an update" },
    ]);
  }
  if (typeof version !== "string")
    throw undecodable(
      patch,
      `json: cannot unmarshal ${goKind(version)} into Go struct field ObjectMeta.resourceVersion of type string`,
    );
  if (!/^\d+$/.test(version))
    throw new ApiError(500, "", `strconv.ParseUint: parsing ${JSON.stringify(version)}: invalid syntax`);
  if (version !== stringAt(current, "metadata", "resourceVersion")) throw conflict(resourceOf(resource), name);
}

/** `merged` with what a client cannot change as it is in `current`, status apart; empty maps and lists are left out. */
export function keepIdentity(current: JsonObject, merged: JsonObject): JsonObject {
  const kept = objectAt(current, "metadata");
  const metadata = new Map(Object.entries(objectAt(merged, "metadata")).filter(([, value]) => !isEmpty(value)));
  for (const field of systemFields) {
    if (kept[field] === undefined) metadata.delete(field);
    else metadata.set(field, kept[field]);
  }
  const { apiVersion, kind } = current;
  return { ...merged, apiVersion, kind, metadata: Object.fromEntries(metadata) };
}

function isEmpty(value: unknown): boolean {
  return Array.isArray(value) ? value.length === 0 : isJsonObject(value) && Object.keys(value).length === 0;
}

const annotationsMaxBytes = 256 * 1024;

/** Throws ApiError 422 for annotations that the API server refuses. Source: ValidateAnnotations in apimachinery. */
export function checkAnnotations(resource: ResourceName, name: string, object: JsonObject): void {
  const annotations = Object.entries(objectAt(objectAt(object, "metadata"), "annotations"));
  const { group, kind } = resourceOf(resource);
  const refuse = (message: string, reason?: string): ApiError =>
    invalid({ group, kind }, name, [{ field: "metadata.annotations", message, ...(reason ? { reason } : {}) }]);
  let sizeBytes = 0;
  for (const [key, value] of annotations) {
    if (typeof value !== "string")
      throw undecodable(
        object,
        `json: cannot unmarshal ${goKind(value)} into Go struct field ObjectMeta.annotations of type string`,
      );
    sizeBytes += Buffer.byteLength(key) + Buffer.byteLength(value);
    if (!/^(?:[a-z0-9](?:[-a-z0-9.]*[a-z0-9])?\/)?[A-Za-z0-9](?:[-\w.]{0,61}[A-Za-z0-9])?$/i.test(key))
      throw refuse(
        `Invalid value: ${JSON.stringify(key)}: name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character`,
      );
  }
  if (sizeBytes > annotationsMaxBytes)
    throw refuse(`Too long: may not be more than ${String(annotationsMaxBytes)} bytes`, "FieldValueTooLong");
}
