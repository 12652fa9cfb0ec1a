import { isJsonObject, objectAt, type JsonObject } from "./json.ts";
import { isCustom, type Resource } from "./resources.ts";
import { badRequest, notPlayed, undecodable, unsupportedMediaType } from "./status.ts";

export interface RequestBody {
  readonly contentType: string;
  readonly text: string;
}

const mergePatchType = "application/merge-patch+json";
const jsonPatchType = "application/json-patch+json";
const applyPatchType = "application/apply-patch+yaml";
/** Not for custom resources. What is patched here has no lists, so that it does the same as a merge patch. */
const strategicPatchType = "application/strategic-merge-patch+json";

/**
 * The body of a PATCH as a JSON merge patch. Throws ApiError 415 for another format, 400 for what is no patch.
 * Source: PatchResource in k8s.io/apiserver, pkg/endpoints/handlers/patch.go.
 */
export function parsePatch(body: RequestBody, resource: Pick<Resource, "group">): JsonObject {
  const type = (body.contentType.split(";")[0] ?? "").trim().toLowerCase();
  const custom = isCustom(resource);
  if (type === jsonPatchType && !Array.isArray(decodePatch(body.text)))
    throw badRequest(decodingProblem(goKind(decodePatch(body.text)), "[]handlers.jsonPatchOp"));
  if (type === jsonPatchType || type === applyPatchType) throw notPlayed(`patches of type ${type}`);
  if (type !== mergePatchType && (custom || type !== strategicPatchType))
    throw unsupportedMediaType(custom ? [jsonPatchType, mergePatchType, applyPatchType] : undefined);
  const patch = decodePatch(body.text);
  if (patch === null) throw badRequest("Invalid JSON Patch");
  if (!isJsonObject(patch)) throw badRequest(decodingProblem(goKind(patch), "map[string]interface {}"));
  return patch;
}

/** The JSON object of a request; throws ApiError 400 for anything else. */
export function parseBody(text: string): JsonObject {
  const value = decode(text, "");
  if (!isJsonObject(value)) throw badRequest("the object provided is unrecognized");
  return value;
}

const objectFields = ["apiVersion", "kind", "metadata", "spec", "status"];

/**
 * Without the fields that a custom resource does not have: they are dropped, or answered with 422 where `strict` is asked
 * for. Looks at the object's own fields and at those of its spec.
 */
export function dropUnknownFields(patch: JsonObject, specFields: readonly string[], strict: boolean): JsonObject {
  const spec = objectAt(patch, "spec");
  const unknown = [
    ...unknownFields(patch, objectFields),
    ...unknownFields(spec, specFields).map((field) => `spec.${field}`),
  ];
  if (unknown.length > 0 && strict)
    throw undecodable(
      patch,
      `strict decoding error: ${unknown.map((field) => `unknown field ${JSON.stringify(field)}`).join(", ")}`,
    );
  const known = pick(patch, objectFields);
  return isJsonObject(patch["spec"]) ? { ...known, spec: pick(spec, specFields) } : known;
}

function unknownFields(object: JsonObject, known: readonly string[]): readonly string[] {
  return Object.keys(object).filter((field) => !known.includes(field));
}

function pick(object: JsonObject, fields: readonly string[]): JsonObject {
  return Object.fromEntries(Object.entries(object).filter(([field]) => fields.includes(field)));
}

function decodePatch(text: string): unknown {
  return decode(text, "error decoding patch: ");
}

function decode(text: string, where: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    const position = Number(/at position (\d+)/.exec(String(error))?.[1] ?? text.length);
    const found = text.charAt(position);
    throw badRequest(
      where +
        (found === "" ? "unexpected end of JSON input" : `invalid character '${found}' looking for beginning of value`),
    );
  }
}

function decodingProblem(kind: string, type: string): string {
  return `error decoding patch: json: cannot unmarshal ${kind} into Go value of type ${type}`;
}

/** What encoding/json calls a value. */
export function goKind(value: unknown): string {
  if (Array.isArray(value)) return "array";
  return typeof value === "boolean" ? "bool" : typeof value;
}
