import { stringify } from "yaml";
import { parseKubeconfig } from "../../../src/kubeconfig/context.ts";
import type { Environment } from "../../../src/kubeconfig/proxies.ts";
import { ActionError } from "../../../src/errors.ts";

export interface KubeconfigFields {
  /** Added to, or in place of, the fields of the one cluster. */
  readonly cluster?: object;
  /** All fields of the one user; default a token. */
  readonly user?: object;
  /** Added to, or in place of, the fields of the document. */
  readonly document?: object;
}

export const kubeconfigToken = "static-token-of-the-kubeconfig";

/** A kubeconfig as a user stores it as a secret. */
export function kubeconfigText(fields: KubeconfigFields = {}): string {
  return stringify({
    apiVersion: "v1",
    kind: "Config",
    preferences: {},
    "current-context": "management",
    contexts: [{ name: "management", context: { cluster: "management", user: "etcd-backup" } }],
    clusters: [{ name: "management", cluster: { server: "https://api.example.test:6443", ...fields.cluster } }],
    users: [{ name: "etcd-backup", user: fields.user ?? { token: kubeconfigToken } }],
    ...fields.document,
  });
}

/** A token of a ServiceAccount, unsigned, with these claims. */
export function serviceAccountToken(claims: object): string {
  const encode = (value: object): string => Buffer.from(JSON.stringify(value)).toString("base64url");
  return `${encode({ alg: "RS256" })}.${encode(claims)}.c2lnbmF0dXJl`;
}

export function base64(text: string): string {
  return Buffer.from(text).toString("base64");
}

/** Why a kubeconfig is not accepted; fails when it is. */
export function refusal(text: string, options: { context?: string; environment?: Environment } = {}): ActionError {
  try {
    parseKubeconfig(text, { environment: {}, ...options });
  } catch (error) {
    if (error instanceof ActionError) return error;
    throw error;
  }
  throw new Error("the kubeconfig was accepted");
}

/** All that a user may see of an error. */
export function shown(error: ActionError): string {
  return `${error.code} ${error.message} ${error.hint ?? ""}`;
}
