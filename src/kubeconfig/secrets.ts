import { at, listAt, stringAt } from "../json-path.ts";
import { decodeBase64, kubeconfigMaxCharacters, parseDocuments, secretFields, secretProviderFields } from "./text.ts";
import { findWrapping } from "./wrapping.ts";

const secretLine = new RegExp(
  `["']?(?:${[...secretFields, ...secretProviderFields].join("|")})["']?[ \\t]*:[ \\t]*["']?([^\\s"',}]+)`,
  "g",
);

/**
 * Variables of exec plugins that hold a name, a path or a switch: as masks, `prod` or `regional` would take outputs from other jobs,
 * since GitHub passes on none with a mask in it.
 */
const plainVariables: readonly string[] = [
  "AWS_PROFILE",
  "AWS_DEFAULT_PROFILE",
  "AWS_REGION",
  "AWS_DEFAULT_REGION",
  "AWS_STS_REGIONAL_ENDPOINTS",
  "AWS_SDK_LOAD_CONFIG",
  "AWS_CONFIG_FILE",
  "AWS_SHARED_CREDENTIALS_FILE",
  "AWS_ROLE_ARN",
  "AWS_ROLE_SESSION_NAME",
  "USE_GKE_GCLOUD_AUTH_PLUGIN",
  "GOOGLE_APPLICATION_CREDENTIALS",
  "CLOUDSDK_CONFIG",
  "AZURE_CONFIG_DIR",
  "AAD_LOGIN_METHOD",
];

/** More wrappings around one kubeconfig than anybody makes. */
const deepestWrapping = 4;

/**
 * The secrets of a kubeconfig, given as text or base64 of it, or wrapped in something else: tokens, passwords, private keys
 * (the text and each line of the PEM inside it), a proxy's password. Never a line such as `apiVersion: v1`, which as a
 * mask would make every log and manifest unreadable. Works on broken YAML too, and never throws.
 */
export function listKubeconfigSecrets(given: string): readonly string[] {
  const layers = unwrap(given, deepestWrapping);
  const encoded = layers.filter((text) => decodeBase64(text) !== undefined);
  const leaves = layers.flatMap((text) => [...listMatches(text), ...parseAll(text).flatMap(listLeaves)]);
  return [...encoded, ...layers.flatMap(listBareSecret), ...leaves, ...leaves.flatMap(listEncodedLines)];
}

/** `text`, and all that is wrapped in it. */
function unwrap(text: string, depth: number): readonly string[] {
  const decoded = decodeBase64(text)?.toString("utf8");
  const inner = [...(decoded === undefined ? [] : [decoded]), ...(findWrapping(text)?.inner ?? [])];
  return depth === 0 ? [text] : [text, ...new Set(inner.flatMap((each) => unwrap(each, depth - 1)))];
}

/** A kubeconfig of one word is none: someone pasted a token alone. */
function listBareSecret(text: string): readonly string[] {
  return /^[^\s{]{8,}$/.test(text.trim()) ? [text.trim()] : [];
}

function listMatches(text: string): readonly string[] {
  return [...text.matchAll(secretLine)].flatMap((match) => match[1] ?? []);
}

function listLeaves(document: unknown): readonly string[] {
  const users = listAt(document, "users").map((entry) => at(entry, "user"));
  return [
    ...users.flatMap((user) => secretFields.flatMap((field) => stringAt(user, field) ?? [])),
    ...users.flatMap((user) =>
      secretProviderFields.flatMap((field) => stringAt(user, "auth-provider", "config", field) ?? []),
    ),
    ...users.flatMap((user) => listAt(user, "exec", "env").flatMap(findSecretValue)),
    ...listAt(document, "clusters").flatMap((entry) => listUrlPasswords(stringAt(entry, "cluster", "proxy-url") ?? "")),
  ].map((leaf) => leaf.trim());
}

/** The value of a variable of an exec plugin; none of one that is known to hold no secret. */
function findSecretValue(variable: unknown): readonly string[] {
  const value = stringAt(variable, "value");
  const isPlain = plainVariables.includes(stringAt(variable, "name") ?? "");
  return value === undefined || isPlain || /^(?:true|false)$/i.test(value) ? [] : [value];
}

/** The password of a URL, as it stands there and decoded. */
export function listUrlPasswords(text: string): readonly string[] {
  const password = URL.parse(text)?.password ?? "";
  if (password === "") return [];
  try {
    return [password, decodeURIComponent(password)];
  } catch {
    return [password];
  }
}

/** Each document of the text, undefined for one that uses aliases; none of a text that is too long or nests too deeply. */
function parseAll(text: string): readonly unknown[] {
  if (text.length > kubeconfigMaxCharacters) return [];
  const documents = attempt(() => parseDocuments(text)) ?? [];
  return documents.map((document) => attempt((): unknown => document.toJS({ maxAliasCount: 0 })));
}

function attempt<Result>(parse: () => Result): Result | undefined {
  try {
    return parse();
  } catch {
    return undefined;
  }
}

/** The lines of a PEM, and a token that a Secret has encoded once more. */
function listEncodedLines(leaf: string): readonly string[] {
  const decoded = decodeBase64(leaf)?.toString("utf8");
  const text = decoded ?? leaf;
  if (!text.includes("-----BEGIN")) return /^[\x21-\x7e]+$/.test(decoded ?? "") ? [text] : [];
  return text
    .split(/\r?\n/)
    .map((line) => line.trim())
    .filter((line) => !line.startsWith("-----"));
}
