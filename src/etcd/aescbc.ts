import { createDecipheriv } from "node:crypto";
import { ActionError } from "../errors.ts";

/** A key that was kept, under the name that it has in the configuration of kube-apiserver. */
export interface NamedKey {
  readonly name: string;
  /** 16, 24 or 32 bytes. */
  readonly bytes: Buffer;
}

const blockBytes = 16;
/** AES-128, AES-192 and AES-256. */
export const aesKeyBytes: readonly number[] = [16, 24, 32];
/** Objects are stored as protobuf with this start, custom resources as JSON: runtime/serializer/protobuf in apimachinery. */
const protobufStart = Buffer.from("k8s\0");
const jsonStart = Buffer.from(`{"`);
const openBrace = 0x7b;

/** Throws `encryption-key-invalid` for a length that AES has not. */
export function assertAesKey({ name, bytes }: NamedKey): void {
  if (!aesKeyBytes.includes(bytes.length))
    throw new ActionError("encryption-key-invalid", `key ${name} has ${String(bytes.length)} bytes`, {
      hint: "an AES key has 16, 24 or 32 bytes; look at the Secret that it came from",
    });
}

/** True for what aescbc can have written: an initialisation vector and whole blocks. */
export function isAescbc(payload: Buffer): boolean {
  return payload.length >= 2 * blockBytes && payload.length % blockBytes === 0;
}

/**
 * True when `key` decrypts the payload of an `aescbc` value: its padding is right and what comes out begins as an object
 * of Kubernetes does. A wrong key passes the first in 1 of 256 values, and both in 1 of 10^12. The plain text is wiped.
 */
export function opensAescbc(payload: Buffer, key: Buffer): boolean {
  if (!isAescbc(payload)) return false;
  const cipher = createDecipheriv(`aes-${String(key.length * 8)}-cbc`, key, payload.subarray(0, blockBytes));
  const plain = [cipher.update(payload.subarray(blockBytes))];
  try {
    plain.push(cipher.final());
    return isObject(Buffer.concat(plain.map((part) => part.subarray(0, protobufStart.length))));
  } catch {
    return false;
  } finally {
    for (const part of plain) part.fill(0);
  }
}

function isObject(start: Buffer): boolean {
  if (start.subarray(0, protobufStart.length).equals(protobufStart)) return true;
  return start[0] === openBrace && start.subarray(0, jsonStart.length).equals(jsonStart);
}
