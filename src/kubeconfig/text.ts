import { isScalar, parseAllDocuments, type Document } from "yaml";

/** The API's own limit for one object. */
export const kubeconfigMaxCharacters = 1024 * 1024;

/** Brackets within brackets, more than in any kubeconfig. */
const deepestNesting = 100;

/** Fields of a cluster and of a user that the action reads; each is a text. */
export const clusterFields = ["server", "certificate-authority-data", "tls-server-name", "proxy-url"] as const;
export const userFields = ["token", "client-certificate-data", "client-key-data"] as const;

/** Harmless and without effect here. */
export const ignoredFields = ["extensions", "disable-compression"];

/** Why a field is refused, and what stands for it. */
export const refusals = new Map([
  ["exec", "it runs a program on the runner; use the token of a ServiceAccount (docs/rbac.yaml)"],
  ["auth-provider", "it runs a program on the runner; use the token of a ServiceAccount (docs/rbac.yaml)"],
  ["certificate-authority", "it reads a file of the runner; put its content into certificate-authority-data as base64"],
  ["client-certificate", "it reads a file of the runner; put its content into client-certificate-data as base64"],
  ["client-key", "it reads a file of the runner; put its content into client-key-data as base64"],
  ["tokenFile", "it reads a file of the runner; put its content into token"],
  [
    "insecure-skip-tls-verify",
    "anyone between runner and cluster could read the credentials; give certificate-authority-data",
  ],
  ["username", "API servers take no passwords any more; use the token of a ServiceAccount (docs/rbac.yaml)"],
  ["password", "API servers take no passwords any more; use the token of a ServiceAccount (docs/rbac.yaml)"],
]);

/** Fields of a user whose value is secret, whether the action reads them or refuses them. */
export const secretFields = ["token", "password", "client-key-data"];
/** The same for `auth-provider.config`. */
export const secretProviderFields = ["access-token", "id-token", "refresh-token", "client-secret"];

/** The bytes behind text that is wholly base64, in lines or not, of at least 40 digits; undefined for any other text. */
export function decodeBase64(text: string): Buffer | undefined {
  const digits = text.replaceAll(/\s/g, "");
  // A PEM whose body happens to have neither plus nor slash is made of base64url's digits alone.
  if (digits.startsWith("-----BEGIN")) return undefined;
  return /^(?:[A-Za-z0-9+/]{40,}|[A-Za-z0-9_-]{40,})={0,2}$/.test(digits) ? Buffer.from(digits, "base64") : undefined;
}

/** A kubeconfig is given as text, or as base64 of it. */
export function decodeKubeconfig(given: string): string {
  return decodeBase64(given)?.toString("utf8") ?? given;
}

/**
 * The documents of `text` that have anything in them: a `---` at its end begins one that has not. Prints nothing, and
 * throws only where the text nests too deeply. Errors are in each document; their messages hold the line, which may hold
 * a token.
 */
export function parseDocuments(text: string): readonly Document[] {
  if (nestsDeeply(text)) throw new RangeError("too many brackets in brackets");
  const documents = [...parseAllDocuments(text, { logLevel: "silent", prettyErrors: false, schema: "core" })];
  return documents.filter((document) => !isEmpty(document));
}

function isEmpty({ contents, errors }: Document): boolean {
  return errors.length === 0 && (contents === null || (isScalar(contents) && contents.source === ""));
}

/** The parser needs seconds to find it out by itself. */
function nestsDeeply(text: string): boolean {
  let depth = 0;
  for (const [bracket] of text.matchAll(/[[\]{}]/g)) {
    depth += bracket === "[" || bracket === "{" ? 1 : -1;
    if (depth > deepestNesting) return true;
  }
  return false;
}
