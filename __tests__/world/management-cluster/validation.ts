import { at, numberAt } from "../../../src/json-path.ts";
import { isJsonObject, mergePatch, type JsonObject } from "./json.ts";
import { checkAnnotations } from "./metadata.ts";
import { resourceOf, type ResourceName } from "./resources.ts";
import { invalid, type InvalidField } from "./status.ts";

/**
 * What the API server refuses of a written object: annotations that are none, the rules of HyperShift's CRDs for
 * spec.pausedUntil (4.18 and newer: looser than what the operators understand), and negative replicas. Throws ApiError 422.
 */
export function validateObject(resource: ResourceName, name: string, object: JsonObject): void {
  checkAnnotations(resource, name, object);
  const causes = findCauses(resource, object);
  if (causes.length > 0) throw invalid(resourceOf(resource), name, causes);
}

/** What a deployment without replicas wants is filled in by the API server, before anything is stored. */
export function withDefaults(resource: ResourceName, patch: JsonObject): JsonObject {
  if (resource !== "deployments" || at(patch, "spec", "replicas") !== null) return patch;
  const filled = mergePatch(patch, { spec: { replicas: 1 } });
  return isJsonObject(filled) ? filled : patch;
}

function findCauses(resource: ResourceName, object: JsonObject): readonly InvalidField[] {
  const replicas = numberAt(object, "spec", "replicas") ?? 1;
  if (resource === "deployments" && replicas < 0) return [negativeReplicas(replicas)];
  const pausedUntil = at(object, "spec", "pausedUntil");
  if (pausedUntil === undefined) return [];
  if (resource === "hostedclusters") return pauseCauses(pausedUntil, 35, true);
  return resource === "hostedcontrolplanes" ? pauseCauses(pausedUntil, 255, false) : [];
}

export function negativeReplicas(replicas: number): InvalidField {
  return {
    field: "spec.replicas",
    message: `Invalid value: ${String(replicas)}: must be greater than or equal to 0`,
  };
}

const field = "spec.pausedUntil";
/** CEL rules are not asked where the shape of the object is wrong already. */
const unchecked: InvalidField = {
  field: "<nil>",
  message:
    "Invalid value: null: some validation rules were not checked because the object was invalid; correct the existing errors to complete validation",
};

/** Only the HostedCluster has a shortest length and a rule for the form. */
function pauseCauses(value: unknown, maxLength: number, formed: boolean): readonly InvalidField[] {
  if (typeof value !== "string") {
    const type = JSON.stringify(schemaType(value));
    const message = `Invalid value: ${type}: ${field} in body must be of type string: ${type}`;
    return [{ field, message, reason: "FieldValueTypeInvalid" }, unchecked];
  }
  if (value.length > maxLength)
    return [
      { field, message: `Too long: may not be more than ${String(maxLength)} bytes`, reason: "FieldValueTooLong" },
      unchecked,
    ];
  if (!formed) return [];
  const isFormed =
    /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}.*$/.test(value) || ["true", "false", "True", "False"].includes(value);
  return [
    ...(value.length < 4
      ? [
          {
            field,
            message: `Invalid value: ${JSON.stringify(value)}: ${field} in body should be at least 4 chars long`,
          },
        ]
      : []),
    ...(isFormed
      ? []
      : [
          {
            field,
            message: `Invalid value: "string": PausedUntil must be a date in RFC3339 format or 'True', 'true', 'False' or 'false'`,
          },
        ]),
  ];
}

/** What OpenAPI calls a value. */
function schemaType(value: unknown): string {
  if (Array.isArray(value)) return "array";
  return Number.isInteger(value) ? "integer" : typeof value;
}
