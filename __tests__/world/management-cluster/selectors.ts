import { objectAt, type JsonObject } from "./json.ts";
import { badRequest } from "./status.ts";

type Requirement = (labels: JsonObject) => boolean;

const name = "[A-Za-z0-9](?:[-A-Za-z0-9_./]*[A-Za-z0-9])?";
const pairTerm = new RegExp(`^(${name})\\s*(!=|==?)\\s*(${name})?$`);
const setTerm = new RegExp(`^(${name})\\s+(in|notin)\\s*\\(([^()]*)\\)$`);
const existsTerm = new RegExp(`^(!?)\\s*(${name})$`);

/**
 * True when an object's labels fit a selector: `a=b`, `a==b`, `a!=b`, `a`, `!a`, `a in (b,c)`, `a notin (b,c)`.
 * Throws ApiError 400 for what is none. Source: k8s.io/apimachinery, pkg/labels/selector.go.
 */
export function matchesSelector(object: JsonObject, selector: string): boolean {
  const labels = objectAt(objectAt(object, "metadata"), "labels");
  return requirementsOf(selector).every((requirement) => requirement(labels));
}

/** Those of selectors that were asked for before: the deployments ask for their pods at each change. */
const known = new Map<string, readonly Requirement[]>();

function requirementsOf(selector: string): readonly Requirement[] {
  const found = known.get(selector) ?? parseSelector(selector);
  known.set(selector, found);
  return found;
}

function parseSelector(selector: string): readonly Requirement[] {
  if (selector.trim() === "") return [];
  return selector.split(/,(?![^(]*\))/).map((term) => parseTerm(term.trim()));
}

function parseTerm(term: string): Requirement {
  const [, setLabel, operator, values] = setTerm.exec(term) ?? [];
  if (setLabel !== undefined && values !== undefined) {
    const wanted = values.split(",").map((value) => value.trim());
    return (labels) => (operator === "in") === wanted.some((value) => value === labels[setLabel]);
  }
  const [, pairLabel, sign, value = ""] = pairTerm.exec(term) ?? [];
  if (pairLabel !== undefined) return (labels) => (sign !== "!=") === (labels[pairLabel] === value);
  const [, not, label] = existsTerm.exec(term) ?? [];
  if (label !== undefined) return (labels) => (not === "") === (labels[label] !== undefined);
  throw badRequest(`unable to parse requirement: found '${term}', expected: !, identifier, or 'end of string'`);
}
