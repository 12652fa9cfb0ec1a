import { ActionError } from "../errors.ts";
import { assertAesKey, isAescbc, opensAescbc, type NamedKey } from "./aescbc.ts";
import { findEncryptedValue, type EncryptedValue } from "./encrypted-value.ts";
import type { Span } from "./span.ts";

/** So many values are decrypted, all of them in any hosted cluster that is not a test of limits. */
const mostDecrypted = 200_000;
/** Beyond it, the first of each group and one of so many are, drawn by a seed. */
const sampledShare = 16;

/** Live values of one resource that name the same key. */
export interface EncryptedGroup {
  readonly resource: string;
  readonly provider: EncryptedValue["provider"];
  readonly version: string;
  readonly keyName: string;
  readonly values: number;
  /** Values whose form cannot be that of the provider. */
  readonly malformed: number;
  /** How many were decrypted; only `aescbc` can be, and only where keys were given. */
  readonly checked: number;
  /** Opened by a key that was given under this name. */
  readonly opened: number;
  /** Opened by a key that was given under another name, by that name. */
  readonly openedByOthers: Readonly<Record<string, number>>;
}

/** All encrypted values among the live ones. Holds no plain text and no key. */
export interface EncryptedValues {
  readonly values: number;
  /** How many were decrypted. */
  readonly checked: number;
  /** Present where not all could be looked at: beyond the first 200,000, the first of each group and one in `oneOf` were drawn with this seed. */
  readonly sample?: { readonly seed: number; readonly oneOf: number };
  readonly groups: readonly EncryptedGroup[];
}

interface Counts {
  values: number;
  malformed: number;
  checked: number;
  opened: number;
  readonly others: Map<string, number>;
}

/** Looks at values one after the other: who encrypted them, and whether the keys that were kept open them. */
export class EncryptionCheck {
  readonly #keys: readonly NamedKey[];
  readonly #seed: number;
  readonly #limit: number;
  readonly #groups = new Map<
    string,
    { readonly of: Omit<EncryptedGroup, keyof CountFields>; readonly counts: Counts }
  >();
  #values = 0;
  #checked = 0;
  #random: number;

  /** Throws `encryption-key-invalid` for a key of a length that AES has not. */
  constructor(keys: readonly NamedKey[], seed: number, { limit = mostDecrypted }: { readonly limit?: number } = {}) {
    for (const key of keys) assertAesKey(key);
    this.#keys = keys;
    this.#seed = seed;
    this.#limit = limit;
    this.#random = seed;
  }

  add(resource: string, value: Span): void {
    const encrypted = findEncryptedValue(value);
    if (!encrypted) return;
    const { provider, version, keyName, payload } = encrypted;
    const id = JSON.stringify([resource, provider, version, keyName]);
    let group = this.#groups.get(id);
    if (!group) {
      group = {
        of: { resource, provider, version, keyName },
        counts: { values: 0, malformed: 0, checked: 0, opened: 0, others: new Map() },
      };
      this.#groups.set(id, group);
    }
    group.counts.values += 1;
    this.#values += 1;
    if (!hasForm(encrypted)) group.counts.malformed += 1;
    else if (provider === "aescbc" && version === "v1" && this.#keys.length > 0 && this.#isDrawn(group.counts))
      this.#decrypt(keyName, payload, group.counts);
  }

  get result(): EncryptedValues {
    const groups = [...this.#groups.values()].map(({ of, counts: { others, ...counts } }) => ({
      ...of,
      ...counts,
      openedByOthers: Object.fromEntries(others),
    }));
    const sample = this.#values > this.#limit ? { sample: { seed: this.#seed, oneOf: sampledShare } } : {};
    return { values: this.#values, checked: this.#checked, ...sample, groups };
  }

  #decrypt(keyName: string, payload: Buffer, counts: Counts): void {
    this.#checked += 1;
    counts.checked += 1;
    const named = this.#keys.filter(({ name }) => name === keyName);
    if (named.some(({ bytes }) => opensAescbc(payload, bytes))) {
      counts.opened += 1;
      return;
    }
    const other = this.#keys.find(({ name, bytes }) => name !== keyName && opensAescbc(payload, bytes));
    if (other) counts.others.set(other.name, (counts.others.get(other.name) ?? 0) + 1);
  }

  /** A group of which nothing was decrypted would say nothing of its key. */
  #isDrawn({ checked }: Counts): boolean {
    if (this.#values <= this.#limit || checked === 0) return true;
    this.#random = (Math.imul(this.#random, 1664525) + 1013904223) >>> 0;
    return this.#random % (sampledShare * 65536) < 65536;
  }
}

type CountFields = Pick<EncryptedGroup, "values" | "malformed" | "checked" | "opened" | "openedByOthers">;

/** Nonce and tag of AES-GCM, nonce and tag of NaCl's secretbox; a KMS plugin's answer is not empty. */
const shortest = { aesgcm: 12 + 16, secretbox: 24 + 16, kms: 1 } as const;

function hasForm({ provider, payload }: EncryptedValue): boolean {
  if (provider === "unknown") return false;
  return provider === "aescbc" ? isAescbc(payload) : payload.length >= shortest[provider];
}

/**
 * Throws `encryption-key-unproven` where an `aescbc` value was found that the keys do not open, or a value that nobody
 * can have encrypted. Values of other providers are passed over: their keys are not in the hands of a backup.
 */
export function assertKeysOpen(encrypted: EncryptedValues, keyNames: readonly string[]): void {
  for (const group of encrypted.groups) {
    const fault = findFault(group, keyNames, encrypted.groups);
    if (fault !== undefined)
      throw new ActionError("encryption-key-unproven", `of the snapshot's ${group.resource}, ${fault}`, {
        hint: "find the AES key that kube-apiserver used when these were written, and keep it; without it they are lost",
      });
  }
}

/**
 * Throws `encryption-key-unproven` for values of another provider than the one of the configuration, `none` being none: their
 * keys are not among those that belong to it.
 */
export function assertProvider(encrypted: EncryptedValues, configured: EncryptedGroup["provider"] | "none"): void {
  const foreign = encrypted.groups.filter(({ provider }) => provider !== configured);
  const [odd] = foreign;
  if (odd === undefined) return;
  const values = foreign.reduce((sum, group) => sum + group.values, 0);
  const how = configured === "none" ? "no encryption" : configured;
  throw new ActionError(
    "encryption-key-unproven",
    `${String(values)} values of the snapshot (${odd.resource} first) are encrypted with ${odd.provider} ${odd.keyName}, and the hosted cluster is configured for ${how}`,
    { hint: "find the key that kube-apiserver used when these were written, and keep it; without it they are lost" },
  );
}

function findFault(
  group: EncryptedGroup,
  keyNames: readonly string[],
  all: readonly EncryptedGroup[],
): string | undefined {
  const { provider, version, keyName, values, malformed, checked, opened, openedByOthers } = group;
  if (malformed > 0) return `${are(malformed)} marked as encrypted, and cannot be`;
  if (provider !== "aescbc" || (checked > 0 && opened === checked)) return undefined;
  if (version !== "v1") return `${are(values)} encrypted by aescbc ${version}, which is not known`;
  const [other] = Object.keys(openedByOthers);
  if (other !== undefined)
    return `${are(values)} encrypted under the key name ${keyName} with the key that was kept as ${other}: kube-apiserver does not find it under that name`;
  if (keyNames.includes(keyName))
    return `${are(checked - opened)} not opened by the key that was kept as ${keyName}: it has the name, and other bytes`;
  if (all.some((each) => each.opened > 0))
    return `${are(values)} still encrypted with the key ${keyName} of an earlier rotation, which was not kept`;
  const kept = keyNames.length === 0 ? "no key was kept" : `kept was ${keyNames.join(", ")}`;
  return `${are(values)} encrypted with the key ${keyName}, and ${kept}`;
}

function are(values: number): string {
  return values === 1 ? "1 value is" : `${String(values)} values are`;
}
