import { parseAllDocuments } from "yaml";
import { isJsonObject, type JsonObject } from "../../__tests__/world/management-cluster/json.ts";

/** The objects of a YAML file; empty documents are left out. */
export function parseObjects(text: string): readonly JsonObject[] {
  return parseAllDocuments(text).flatMap((document) => {
    const value: unknown = document.toJS();
    return isJsonObject(value) ? [value] : [];
  });
}
