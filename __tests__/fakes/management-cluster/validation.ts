import { at, numberAt } from "../../../src/hypershift/json-path.ts";
import type { JsonObject } from "./json.ts";
import { resourceOf, type ResourceName } from "./resources.ts";
import { invalid } from "./status.ts";

/**
 * What the API server refuses of a written object: the rule of HyperShift's CRD for spec.pausedUntil (4.18 and newer:
 * looser than what the operators understand), and negative replicas. Throws ApiError 422.
 */
export function validateObject(resource: ResourceName, name: string, object: JsonObject): void {
  if (resource === "hostedclusters") validatePausedUntil(name, at(object, "spec", "pausedUntil"));
  if (resource === "deployments" && (numberAt(object, "spec", "replicas") ?? 1) < 0)
    throw invalid(resourceOf(resource), name, [negativeReplicas(numberAt(object, "spec", "replicas") ?? 0)]);
}

export function negativeReplicas(replicas: number): { readonly field: string; readonly message: string } {
  return {
    field: "spec.replicas",
    message: `Invalid value: ${String(replicas)}: must be greater than or equal to 0`,
  };
}

function validatePausedUntil(name: string, value: unknown): void {
  if (value === undefined) return;
  const field = "spec.pausedUntil";
  const refuse = (message: string, reason: string): Error =>
    invalid(resourceOf("hostedclusters"), name, [{ field, message, reason }]);
  if (typeof value !== "string")
    throw refuse(
      `Invalid value: "${typeof value}": ${field} in body must be of type string: "${typeof value}"`,
      "FieldValueTypeInvalid",
    );
  if (value.length < 4)
    throw refuse(
      `Invalid value: ${JSON.stringify(value)}: ${field} in body should be at least 4 chars long`,
      "FieldValueInvalid",
    );
  if (value.length > 35) throw refuse("Too long: may not be more than 35 bytes", "FieldValueTooLong");
  if (!/^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}.*$/.test(value) && !["true", "false", "True", "False"].includes(value))
    throw refuse(
      `Invalid value: ${JSON.stringify(value)}: PausedUntil must be a date in RFC3339 format or 'True', 'true', 'False' or 'false'`,
      "FieldValueInvalid",
    );
}
