import { readIdentities } from "../../encryption/identities.ts";
import { readRawKeys } from "../../encryption/raw-keys.ts";
import { readRecipients } from "../../encryption/recipients.ts";
import type { ReadInput } from "./names.ts";
import { findText, invalidLines } from "./value.ts";

/** The public keys that a backup seals to; empty where nothing is to be sealed. Throws `input-invalid` with every wrong line. */
export function readKeyRecipients(read: ReadInput): readonly string[] {
  if (findText(read, "key-recipients") === undefined) return [];
  const { values, problems } = readRecipients(read("key-recipients"));
  if (problems.length > 0)
    throw invalidLines(
      "key-recipients",
      problems,
      "give one public key of age a line, as age-keygen prints it; docs/keys.md shows how one is made",
    );
  return values;
}

/** The private keys that open sealed keys; empty where none are given. Throws `input-invalid` with every wrong line. */
export function readAgeIdentities(read: ReadInput): readonly string[] {
  if (findText(read, "age-identity") === undefined) return [];
  const { values, problems } = readIdentities(read("age-identity"));
  if (problems.length > 0)
    throw invalidLines(
      "age-identity",
      problems,
      "give the file that age-keygen wrote, or its lines that begin with AGE-SECRET-KEY-; lines are counted from 1, and not shown",
    );
  return values;
}

/** The AES keys of the snapshot; empty where none are given. Throws `input-invalid` with every wrong line. */
export function readEncryptionKeys(read: ReadInput): readonly Buffer[] {
  const { values, problems } = readRawKeys(read("encryption-key"));
  if (problems.length > 0)
    throw invalidLines(
      "encryption-key",
      problems,
      "take the value of key in the encryption Secret of the hosted cluster as it stands there: it is base64 already; the second key of a rotation stands on a line of its own",
    );
  return values;
}
