import { parseAllDocuments } from "yaml";
import { at, listAt, stringAt } from "../hypershift/json-path.ts";

const secretFields = ["token", "password", "client-key-data"];
const providerFields = ["access-token", "id-token", "refresh-token", "client-secret"];
const secretLine = new RegExp(
  `["']?(?:${[...secretFields, ...providerFields].join("|")})["']?\\s*:\\s*["']?([^\\s"',}]+)`,
  "g",
);

/** As the API's own limit for one object; what is longer is looked through by line only. */
const parsedMaxCharacters = 1024 * 1024;

/**
 * What is secret in a kubeconfig, given as text or base64 of it: tokens, passwords, private keys (the text and each line
 * of the PEM inside it), a proxy's password. Never a line such as `apiVersion: v1`, which as a mask would make every log
 * and manifest unreadable. Works on broken YAML too, and never throws.
 */
export function listKubeconfigSecrets(given: string): readonly string[] {
  const decoded = decodeBase64(given);
  const text = decoded ?? given;
  const leaves = [...listMatches(text), ...parseAll(text).flatMap(listLeaves)];
  const whole = decoded === undefined ? listBareSecret(given) : [given];
  return [...whole, ...leaves, ...leaves.flatMap(listPemLines)];
}

/** Undefined for text that is not wholly base64. */
function decodeBase64(text: string): string | undefined {
  const digits = text.replaceAll(/\s/g, "");
  return /^[A-Za-z0-9+/]{40,}={0,2}$/.test(digits) ? Buffer.from(digits, "base64").toString("utf8") : undefined;
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
      providerFields.flatMap((field) => stringAt(user, "auth-provider", "config", field) ?? []),
    ),
    ...users.flatMap((user) => listAt(user, "exec", "env").flatMap((variable) => stringAt(variable, "value") ?? [])),
    ...listAt(document, "clusters").flatMap((entry) => listUrlPasswords(stringAt(entry, "cluster", "proxy-url") ?? "")),
  ].map((leaf) => leaf.trim());
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

/** Each document of the text, undefined for one that uses aliases; none of a text that nests too deeply. */
function parseAll(text: string): readonly unknown[] {
  if (text.length > parsedMaxCharacters) return [];
  const documents = attempt(() => parseAllDocuments(text, { logLevel: "silent", prettyErrors: false })) ?? [];
  return documents.map((document) => attempt((): unknown => document.toJS({ maxAliasCount: 0 })));
}

function attempt<Result>(parse: () => Result): Result | undefined {
  try {
    return parse();
  } catch {
    return undefined;
  }
}

function listPemLines(leaf: string): readonly string[] {
  const text = decodeBase64(leaf) ?? leaf;
  if (!text.includes("-----BEGIN")) return [];
  return text
    .split(/\r?\n/)
    .map((line) => line.trim())
    .filter((line) => !line.startsWith("-----"));
}
