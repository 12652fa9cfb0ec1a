import { readFile } from "node:fs/promises";
import type { JsonObject } from "../../__tests__/world/management-cluster/json.ts";
import { isJsonObject } from "../../__tests__/world/management-cluster/json.ts";
import { at, listAt, numberAt, stringAt } from "../../src/json-path.ts";
import type { Layout } from "./layout.ts";

/** One request of the action, as the API server noted it. */
export interface AuditedRequest {
  readonly verb: string;
  readonly group: string;
  /** With its subresource, as rules have it: `deployments/scale`. */
  readonly resource: string;
  readonly namespace: string;
  readonly name: string | undefined;
  readonly dryRun: boolean;
  readonly status: number;
  readonly allowed: boolean;
}

/** How far the log is now, so that what follows can be read later. */
export async function markAudit(layout: Layout): Promise<number> {
  return (await readFile(layout.auditLog)).length;
}

/** What `user` asked the API server for since `mark`. */
export async function readAudit(layout: Layout, mark: number, user: string): Promise<readonly AuditedRequest[]> {
  const lines = (await readFile(layout.auditLog)).subarray(mark).toString("utf8").trim().split("\n");
  return lines
    .filter((line) => line !== "")
    .map((line): unknown => JSON.parse(line))
    .filter((event) => stringAt(event, "user", "username") === user)
    .map(parseEvent);
}

function parseEvent(event: unknown): AuditedRequest {
  const object = at(event, "objectRef");
  const subresource = stringAt(object, "subresource");
  const resource = stringAt(object, "resource") ?? stringAt(event, "requestURI") ?? "";
  return {
    verb: stringAt(event, "verb") ?? "",
    group: stringAt(object, "apiGroup") ?? "",
    resource: subresource === undefined ? resource : `${resource}/${subresource}`,
    namespace: stringAt(object, "namespace") ?? "",
    name: stringAt(object, "name"),
    dryRun: (stringAt(event, "requestURI") ?? "").includes("dryRun=All"),
    status: numberAt(event, "responseStatus", "code") ?? 0,
    allowed: stringAt(event, "annotations", "authorization.k8s.io/decision") === "allow",
  };
}

/** Whether a Role among `objects` grants the request; who it is bound to is not looked at. */
export function isGranted(request: AuditedRequest, objects: readonly JsonObject[]): boolean {
  return objects
    .filter((object) => object["kind"] === "Role" && stringAt(object, "metadata", "namespace") === request.namespace)
    .flatMap((role) => listAt(role, "rules"))
    .filter(isJsonObject)
    .some((rule) => {
      const names = listAt(rule, "resourceNames");
      return (
        listAt(rule, "apiGroups").includes(request.group) &&
        listAt(rule, "resources").includes(request.resource) &&
        listAt(rule, "verbs").includes(request.verb) &&
        (names.length === 0 || names.includes(request.name))
      );
    });
}
