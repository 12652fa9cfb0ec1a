import { createHash } from "node:crypto";
import * as v from "valibot";
import { ActionError } from "../errors.ts";
import { aesKeyBytes } from "../etcd/aescbc.ts";
import { at } from "../json-path.ts";
import { keyFileSchema } from "./key-file-schema.ts";
import { encryptionKeyName } from "./key.ts";
import type { Encryption } from "./secret.ts";
import type { SigningKey } from "./signing-key.ts";

/** The keys of one snapshot, as they are sealed beside it. Schema: docs/key-file.schema.json. */
export type KeyFile = v.InferOutput<typeof keyFileSchema>;

/** Throws `internal` for a file that `parseKeyFile` would refuse: nobody could restore with it. */
export function renderKeyFile(
  about: Pick<KeyFile, "run" | "hostedCluster">,
  encryption: Encryption,
  signingKey: SigningKey,
): Buffer {
  const file: KeyFile = {
    schemaVersion: 1,
    ...about,
    encryptionKeys: encryption.keys.map(({ secret, role, name, bytes, sha256 }) => ({
      secretNamespace: secret.namespace,
      secretName: secret.name,
      role,
      name,
      bytes: bytes.toString("base64"),
      sha256,
    })),
    serviceAccountSigningKey: describeSigningKey(signingKey),
  };
  if (findProblem(file) !== undefined)
    throw new ActionError("internal", "the file of keys to be sealed could not be read by its own reader");
  return Buffer.from(`${JSON.stringify(file, null, 2)}\n`);
}

/** Undefined for text that is not a file of keys of this version, or one with keys of another length than AES has, or of other fingerprints. */
export function parseKeyFile(plain: Buffer): KeyFile | undefined {
  try {
    const value: unknown = JSON.parse(plain.toString("utf8"));
    return isKeyFile(value) && isConsistent(value) ? value : undefined;
  } catch {
    // The message of JSON.parse has a part of the text.
    return undefined;
  }
}

/** The version that a file of keys says it has, where this one does not read it. */
export function findOtherVersion(plain: Buffer): number | undefined {
  try {
    const version = at(JSON.parse(plain.toString("utf8")), "schemaVersion");
    return typeof version === "number" && version !== 1 ? version : undefined;
  } catch {
    return undefined;
  }
}

function describeSigningKey(key: SigningKey): KeyFile["serviceAccountSigningKey"] {
  if (key.origin === "hypershift") return { origin: "hypershift" };
  const { secret, read } = key;
  const of = { origin: "secret", secretNamespace: secret.namespace, secretName: secret.name } as const;
  if ("unread" in read) return { ...of, unread: read.unread };
  return { ...of, bytes: read.bytes.toString("base64"), sha256: read.sha256 };
}

function isKeyFile(value: unknown): value is KeyFile {
  return findProblem(value) === undefined;
}

function isConsistent({ encryptionKeys, serviceAccountSigningKey }: KeyFile): boolean {
  const { bytes: signing, sha256: signingSha256 } = serviceAccountSigningKey;
  return (
    encryptionKeys.every(({ name, bytes, sha256 }) => {
      const key = Buffer.from(bytes, "base64");
      return aesKeyBytes.includes(key.length) && encryptionKeyName(key) === name && fingerprint(key) === sha256;
    }) &&
    (signing === undefined || fingerprint(Buffer.from(signing, "base64")) === signingSha256)
  );
}

function findProblem(value: unknown): string | undefined {
  const { issues } = v.safeParse(keyFileSchema, value, { abortEarly: true });
  return issues === undefined ? undefined : (v.getDotPath(issues[0]) ?? "the whole");
}

function fingerprint(bytes: Buffer): string {
  return createHash("sha256").update(bytes).digest("hex");
}
