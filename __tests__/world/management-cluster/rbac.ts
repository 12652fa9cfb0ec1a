import { parseAllDocuments } from "yaml";
import { at, listAt, stringAt } from "../../../src/json-path.ts";
import { isJsonObject, type JsonObject } from "./json.ts";
import { invalid } from "./status.ts";

/** One rule of a Role, with the namespace in which it is bound. */
export interface Rule {
  readonly apiGroups: readonly string[];
  /** Resources with subresources: `deployments/scale`. */
  readonly resources: readonly string[];
  readonly resourceNames?: readonly string[];
  readonly verbs: readonly string[];
  /** Paths that are no resources; `*` at the end stands for all below. */
  readonly nonResourceURLs?: readonly string[];
  /** Absent: every namespace. */
  readonly namespace?: string;
  /** Names of users whom the binding names; absent: everybody who is authenticated. */
  readonly users?: readonly string[];
}

export interface AccessQuestion {
  readonly verb: string;
  readonly group: string;
  readonly resource: string;
  readonly namespace?: string;
  readonly name?: string;
}

/** Who shows neither a token nor a certificate. */
export const anonymous = "system:anonymous";

/** What Kubernetes grants everybody and everybody who is known: system:public-info-viewer, system:discovery. */
const publicPaths = ["/version", "/version/", "/healthz", "/livez", "/readyz"];
const knownUsersPaths = [...publicPaths, "/api", "/api/*", "/apis", "/apis/*", "/openapi", "/openapi/*"];

/**
 * RBAC only allows: true when one rule fits. A rule with names does not fit a request without a name (list, create).
 * Source: kubernetes/kubernetes, plugin/pkg/auth/authorizer/rbac/rbac.go.
 */
export function isAllowed(rules: readonly Rule[], user: string, question: AccessQuestion): boolean {
  return rules.some(
    (rule) =>
      isBoundTo(rule, user) &&
      (rule.namespace === undefined || rule.namespace === question.namespace) &&
      holds(rule.verbs, question.verb) &&
      holds(rule.apiGroups, question.group) &&
      holdsResource(rule.resources, question.resource) &&
      (rule.resourceNames === undefined ||
        rule.resourceNames.length === 0 ||
        (question.name !== undefined && rule.resourceNames.includes(question.name))),
  );
}

export function isPathAllowed(rules: readonly Rule[], user: string, verb: string, path: string): boolean {
  const granted = user === anonymous ? publicPaths : knownUsersPaths;
  if (verb === "get" && granted.some((pattern) => fitsPath(pattern, path))) return true;
  return rules.some(
    (rule) =>
      isBoundTo(rule, user) &&
      rule.namespace === undefined &&
      holds(rule.verbs, verb) &&
      (rule.nonResourceURLs ?? []).some((pattern) => fitsPath(pattern, path)),
  );
}

function isBoundTo(rule: Rule, user: string): boolean {
  return rule.users?.includes(user) ?? user !== anonymous;
}

function holds(values: readonly string[], value: string): boolean {
  return values.includes("*") || values.includes(value);
}

/** `*` holds subresources too, and `*` before a slash every resource that has this subresource. */
function holdsResource(resources: readonly string[], resource: string): boolean {
  const [, subresource] = resource.split("/");
  return holds(resources, resource) || (subresource !== undefined && resources.includes(`*/${subresource}`));
}

function fitsPath(pattern: string, path: string): boolean {
  return pattern === path || (pattern.endsWith("*") && path.startsWith(pattern.slice(0, -1)));
}

/** Answers SelfSubjectAccessReview from the rules. Throws ApiError 422 where it asks for nothing or for two things. */
export function reviewAccess(rules: readonly Rule[], user: string, review: unknown): JsonObject {
  const asked = at(review, "spec", "resourceAttributes");
  const path = at(review, "spec", "nonResourceAttributes");
  if ((asked === undefined) === (path === undefined))
    throw invalid({ group: "authorization.k8s.io", kind: "" }, "", [
      {
        field: "spec.resourceAttributes",
        message: "Invalid value: null: exactly one of nonResourceAttributes or resourceAttributes must be specified",
      },
    ]);
  const allowed =
    asked === undefined
      ? isPathAllowed(rules, user, stringAt(path, "verb") ?? "", stringAt(path, "path") ?? "")
      : isAllowed(rules, user, readQuestion(asked));
  return {
    kind: "SelfSubjectAccessReview",
    apiVersion: "authorization.k8s.io/v1",
    metadata: {},
    spec: at(review, "spec") ?? {},
    status: allowed ? { allowed, reason: "RBAC: allowed by a binding" } : { allowed },
  };
}

function readQuestion(asked: unknown): AccessQuestion {
  const subresource = stringAt(asked, "subresource");
  const resource = stringAt(asked, "resource") ?? "";
  const namespace = stringAt(asked, "namespace");
  const name = stringAt(asked, "name");
  return {
    verb: stringAt(asked, "verb") ?? "",
    group: stringAt(asked, "group") ?? "",
    resource: subresource === undefined ? resource : `${resource}/${subresource}`,
    ...(namespace === undefined ? {} : { namespace }),
    ...(name === undefined ? {} : { name }),
  };
}

/**
 * The rules that the bindings of an RBAC manifest grant: Role, ClusterRole, RoleBinding, ClusterRoleBinding. Throws for
 * a binding to a role that the text does not hold, and for one to a group.
 */
export function rulesFromYaml(text: string): readonly Rule[] {
  const documents = parseAllDocuments(text).map((document) => {
    const value: unknown = document.toJS();
    return value;
  });
  const ofKind = (...kinds: readonly string[]): readonly unknown[] =>
    documents.filter((document) => kinds.includes(stringAt(document, "kind") ?? ""));
  const roles = ofKind("Role", "ClusterRole");
  return ofKind("RoleBinding", "ClusterRoleBinding").flatMap((binding) => {
    const namespace =
      stringAt(binding, "kind") === "RoleBinding" ? stringAt(binding, "metadata", "namespace") : undefined;
    const kind = stringAt(binding, "roleRef", "kind");
    const name = stringAt(binding, "roleRef", "name") ?? "";
    const role = roles.find(
      (candidate) =>
        stringAt(candidate, "kind") === kind &&
        stringAt(candidate, "metadata", "name") === name &&
        (kind === "ClusterRole" || stringAt(candidate, "metadata", "namespace") === namespace),
    );
    if (role === undefined) throw new Error(`the binding names ${kind ?? "no role"} ${name}, which the text lacks`);
    const users = listAt(binding, "subjects").map(subjectName);
    return listAt(role, "rules")
      .filter(isJsonObject)
      .map((rule) => toRule(rule, namespace, users));
  });
}

/** The rules that are bound to a ServiceAccount of that name. */
export function rulesOf(serviceAccount: string, rules: readonly Rule[]): readonly Rule[] {
  return rules.filter(({ users = [] }) => users.some((user) => user.endsWith(`:${serviceAccount}`)));
}

function toRule(rule: JsonObject, namespace: string | undefined, users: readonly string[]): Rule {
  const texts = (field: string): readonly string[] =>
    listAt(rule, field).filter((value): value is string => typeof value === "string");
  const resourceNames = texts("resourceNames");
  const nonResourceURLs = texts("nonResourceURLs");
  return {
    apiGroups: texts("apiGroups"),
    resources: texts("resources"),
    verbs: texts("verbs"),
    ...(resourceNames.length > 0 ? { resourceNames } : {}),
    ...(nonResourceURLs.length > 0 ? { nonResourceURLs } : {}),
    ...(namespace === undefined ? {} : { namespace }),
    users,
  };
}

function subjectName(subject: unknown): string {
  const name = stringAt(subject, "name") ?? "";
  if (stringAt(subject, "kind") === "Group") throw new Error(`users of this world are in no group such as ${name}`);
  return stringAt(subject, "kind") === "ServiceAccount"
    ? `system:serviceaccount:${stringAt(subject, "namespace") ?? ""}:${name}`
    : name;
}
