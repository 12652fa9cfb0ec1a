import { parseAllDocuments } from "yaml";
import { at, listAt, stringAt } from "../../../src/hypershift/json-path.ts";
import { isJsonObject, type JsonObject } from "./json.ts";

/** One rule of a Role, with the namespace in which it is bound. */
export interface Rule {
  readonly apiGroups: readonly string[];
  /** Resources with subresources: `deployments/scale`. */
  readonly resources: readonly string[];
  readonly resourceNames?: readonly string[];
  readonly verbs: readonly string[];
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

/** RBAC only allows: true when one rule fits. A rule with names does not fit a request without a name (list, create). */
export function isAllowed(rules: readonly Rule[], user: string, question: AccessQuestion): boolean {
  return rules.some(
    (rule) =>
      (rule.users?.includes(user) ?? true) &&
      (rule.namespace === undefined || rule.namespace === question.namespace) &&
      holds(rule.verbs, question.verb) &&
      holds(rule.apiGroups, question.group) &&
      holds(rule.resources, question.resource) &&
      (rule.resourceNames === undefined ||
        rule.resourceNames.length === 0 ||
        (question.name !== undefined && rule.resourceNames.includes(question.name))),
  );
}

function holds(values: readonly string[], value: string): boolean {
  return values.includes("*") || values.includes(value);
}

/** Answers SelfSubjectAccessReview from the rules; every authenticated user may ask. */
export function reviewAccess(rules: readonly Rule[], user: string, review: unknown): JsonObject {
  const asked = at(review, "spec", "resourceAttributes");
  const subresource = stringAt(asked, "subresource");
  const resource = stringAt(asked, "resource") ?? "";
  const namespace = stringAt(asked, "namespace");
  const name = stringAt(asked, "name");
  const allowed = isAllowed(rules, user, {
    verb: stringAt(asked, "verb") ?? "",
    group: stringAt(asked, "group") ?? "",
    resource: subresource === undefined ? resource : `${resource}/${subresource}`,
    ...(namespace === undefined ? {} : { namespace }),
    ...(name === undefined ? {} : { name }),
  });
  return {
    kind: "SelfSubjectAccessReview",
    apiVersion: "authorization.k8s.io/v1",
    metadata: { creationTimestamp: null },
    spec: at(review, "spec") ?? {},
    status: allowed ? { allowed, reason: "RBAC: allowed by a RoleBinding" } : { allowed },
  };
}

/**
 * The rules that the bindings of an RBAC manifest grant: Role, ClusterRole, RoleBinding, ClusterRoleBinding. Throws for
 * a binding to a role that the text does not hold.
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

function toRule(rule: JsonObject, namespace: string | undefined, users: readonly string[]): Rule {
  const texts = (field: string): readonly string[] =>
    listAt(rule, field).filter((value): value is string => typeof value === "string");
  const resourceNames = texts("resourceNames");
  return {
    apiGroups: texts("apiGroups"),
    resources: texts("resources"),
    verbs: texts("verbs"),
    ...(resourceNames.length > 0 ? { resourceNames } : {}),
    ...(namespace === undefined ? {} : { namespace }),
    users,
  };
}

function subjectName(subject: unknown): string {
  const name = stringAt(subject, "name") ?? "";
  return stringAt(subject, "kind") === "ServiceAccount"
    ? `system:serviceaccount:${stringAt(subject, "namespace") ?? ""}:${name}`
    : name;
}
