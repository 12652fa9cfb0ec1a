import { ActionError } from "../../errors.ts";
import { isObjectName } from "../../names.ts";
import type { ObjectRef } from "../../ports.ts";
import { quote } from "../../shown-text.ts";

/**
 * `ref` without anything beside namespace and name, both safe as one step of a path: an empty step, `.` or `..` would ask
 * for another object, and no encoding keeps a URL from being shortened. Throws `cluster-refused`.
 */
export function pathOf({ namespace, name }: ObjectRef): ObjectRef {
  return { namespace: checkName(namespace), name: checkName(name) };
}

/** Returns a name as RFC 1123 has it, which is what Kubernetes takes for the kinds that are used here. Throws `cluster-refused`. */
export function checkName(name: string): string {
  if (isObjectName(name)) return name;
  throw new ActionError("cluster-refused", `${quote(name)} is no name of an object`, {
    hint: "names have lower-case letters, digits, hyphens and dots; look where it comes from: an input, or an object that refers to another",
  });
}
