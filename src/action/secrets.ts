import { listMisplacedSecrets } from "../encryption/recipients.ts";
import { listKubeconfigSecrets, listUrlPasswords } from "../kubeconfig/secrets.ts";
import type { Given, InputName } from "./inputs/names.ts";

/**
 * The inputs that hold a secret. A key id is none: as a mask it would take the signed URL, which names it, from whoever
 * keeps it in the open.
 */
export const secretInputNames = [
  "kubeconfig",
  "github-token",
  "s3-secret-access-key",
  "s3-session-token",
  "presign-secret-access-key",
  "encryption-key",
  "age-identity",
] as const satisfies readonly InputName[];

const secretVariables = ["AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_CONTAINER_AUTHORIZATION_TOKEN"];
const proxyVariables = ["HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"];

/** A shorter text, as a mask, would take away half of the log. */
const shortestMask = 4;

/** Every secret of the inputs and the environment, with what is secret inside of them. Never throws. */
export function listSecrets({ read: input, environment: env }: Given): readonly string[] {
  const encryptionKey = input("encryption-key").trim();
  return [
    ...listKubeconfigSecrets(input("kubeconfig")),
    ...secretInputNames.filter((name) => name !== "kubeconfig").map((name) => input(name)),
    ...encryptionKey.split(/\s+/).flatMap((line) => (line === "" ? [] : listKeySecrets(Buffer.from(line, "base64")))),
    ...listMisplacedSecrets(input("key-recipients")),
    ...secretVariables.map((name) => env[name] ?? ""),
    ...proxyVariables.flatMap((name) => listUrlPasswords(env[name] ?? "")),
  ].filter((secret) => secret.trim() !== "");
}

/** Of the lines of a key that is text: a shorter one is the end of a PEM, or a word that somebody wants to be hidden everywhere. */
const shortestKeyLine = 16;

/** The ways in which the bytes of a key are written as text; a key that is text itself, as PEM is, also by its lines. */
export function listKeySecrets(key: Buffer): readonly string[] {
  const base64 = key.toString("base64");
  const hex = key.toString("hex");
  const text = key.toString("latin1");
  const blocks = text.match(/-----BEGIN [^]*?-----END /g)?.join("\n") ?? text;
  const lines = /^[\t\r\n\x20-\x7e]*$/.test(text) ? blocks.split(/\r\n|\r|\n/) : [];
  const plain = lines.filter((line) => line.trim().length >= shortestKeyLine && !line.startsWith("-----"));
  return [base64, base64.replace(/=+$/, ""), key.toString("base64url"), hex, hex.toUpperCase(), ...plain];
}

/** The URL, signature and session token that let others use a signed URL; the token also as it stands there. */
export function listSignedUrlSecrets(url: string): readonly string[] {
  const values = [...url.matchAll(/[?&]X-Amz-(?:Signature|Security-Token)=([^&#]*)/gi)].flatMap(
    (match) => match[1] ?? [],
  );
  return [url, ...values, ...values.map((value) => decode(value))];
}

interface Masking {
  readonly core: { setSecret(secret: string): void };
  readonly masks: Set<string>;
}

/**
 * Registers each line of `values` with the runner, and its URL-encoded forms; the runner itself adds base64, JSON and XML.
 * Line by line, since the runner masks the lines of a longer text however short they are. All are noted in `masks`.
 */
export function maskSecrets({ core, masks }: Masking, values: readonly string[]): void {
  for (const mask of listMasks(values)) {
    core.setSecret(mask);
    masks.add(mask);
  }
}

function listMasks(values: readonly string[]): ReadonlySet<string> {
  const lines = values
    .flatMap((value) => value.split(/\r\n|\r|\n/))
    .map((line) => line.trim())
    .filter((line) => line.length >= shortestMask);
  return new Set(lines.flatMap((line) => [line, ...listUrlForms(line)]));
}

/** With upper and lower-case escapes, and as a form is encoded. */
function listUrlForms(text: string): readonly string[] {
  // A lone surrogate has no UTF-8 and no such form.
  if (!text.isWellFormed()) return [];
  const strict = encodeURIComponent(text).replace(
    /[!'()*]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  );
  return [strict, strict.replace(/%[0-9A-F]{2}/g, (escape) => escape.toLowerCase()), strict.replaceAll("%20", "+")];
}

function decode(value: string): string {
  try {
    return decodeURIComponent(value);
  } catch {
    return value;
  }
}
