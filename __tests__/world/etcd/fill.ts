import { createCipheriv, createDecipheriv, randomBytes } from "node:crypto";
import type { EtcdClient } from "./client.ts";

export interface FillOptions {
  /** How many Secrets, all encrypted with `aesKey`. */
  readonly secrets: number;
  /** 32 bytes: `data.key` of the Secret that HyperShift takes the key from. */
  readonly aesKey: Buffer;
  /** The database becomes at least this big, with values of 512 KiB. */
  readonly sizeBytes?: number;
}

/** What was written last under each key, for a comparison with a restored etcd. */
export interface Filled {
  /** Plain text of each Secret, by its key in etcd. */
  readonly secrets: ReadonlyMap<string, Buffer>;
  readonly liveKeys: number;
}

/** HyperShift starts kube-apiserver with `--etcd-prefix kubernetes.io`. */
const prefix = "/kubernetes.io";
const bulkValueBytes = 512 * 1024;
const inFlight = 6;

/**
 * Writes keys as a hosted control plane has them: resources in protobuf, Secrets encrypted, some keys written twice and
 * some deleted, so that the database holds more revisions than live keys.
 */
export async function fillEtcd(client: EtcdClient, options: FillOptions): Promise<Filled> {
  const writes: (readonly [key: string, value: Buffer])[] = [];
  const secrets = new Map<string, Buffer>();
  for (const [resource, count] of [
    ["namespaces", 12],
    ["configmaps/openshift-config", 60],
    ["deployments/openshift-ingress", 8],
    ["pods/openshift-ingress", 16],
    ["serviceaccounts/default", 12],
    ["config.openshift.io/clusterversions", 1],
    ["route.openshift.io/routes/openshift-console", 4],
  ] as const)
    for (let index = 0; index < count; index += 1)
      writes.push([
        `${prefix}/${resource}/${resource.split("/")[0] ?? ""}-${String(index)}`,
        protobuf(resource, index),
      ]);
  for (let index = 0; index < options.secrets; index += 1) {
    const key = secretKey(index);
    const plain = protobuf(`Secret ${String(index)}`, index);
    secrets.set(key, plain);
    writes.push([key, encryptSecret(plain, options.aesKey)]);
  }
  await inParallel(writes, ([key, value]) => client.put(key, value));
  const again = writes.filter(([key], index) => index % 10 === 0 && !secrets.has(key));
  await inParallel(again, ([key, value]) => client.put(key, value));
  const short = Array.from({ length: 10 }, (_, index) => `${prefix}/events/default/event-${String(index)}`);
  await inParallel(short, (key) => client.put(key, protobuf("Event", 0)));
  await inParallel(short, (key) => client.delete(key));
  const bulk = Array.from({ length: Math.ceil((options.sizeBytes ?? 0) / bulkValueBytes) }, (_, index) => index);
  await inParallel(bulk, (index) =>
    client.put(
      `${prefix}/configmaps/bulk/value-${String(index).padStart(6, "0")}`,
      Buffer.concat([Buffer.from("k8s\0"), randomBytes(bulkValueBytes)]),
    ),
  );
  return { secrets, liveKeys: writes.length + bulk.length };
}

function secretKey(index: number): string {
  return `${prefix}/secrets/openshift-config/secret-${String(index)}`;
}

/** Starts like a value of kube-apiserver; what follows is no protobuf. */
function protobuf(text: string, index: number): Buffer {
  return Buffer.concat([Buffer.from(`k8s\0${text} ${String(index)}\n`), randomBytes(64 + ((index * 37) % 500))]);
}

/** Name of an AES key in kube-apiserver's configuration: `key-` and FNV-1 (32 bits) of its bytes, in decimal. */
export function aesKeyName(key: Buffer): string {
  let hash = 0x811c9dc5;
  for (const byte of key) hash = (Math.imul(hash, 0x01000193) ^ byte) >>> 0;
  return `key-${String(hash)}`;
}

/**
 * A value as kube-apiserver's aescbc provider writes it: a prefix with the key's name, the IV, AES-CBC with PKCS#7.
 * Source: k8s.io/apiserver, storage/value/encrypt/aes.
 */
export function encryptSecret(plain: Buffer, aesKey: Buffer): Buffer {
  const iv = randomBytes(16);
  const cipher = createCipheriv("aes-256-cbc", aesKey, iv);
  return Buffer.concat([Buffer.from(encryptionPrefix(aesKey)), iv, cipher.update(plain), cipher.final()]);
}

/** The plain text of a value that `encryptSecret` made; throws for another key. */
export function decryptSecret(value: Buffer, aesKey: Buffer): Buffer {
  const start = encryptionPrefix(aesKey);
  if (value.subarray(0, start.length).toString("latin1") !== start)
    throw new Error(`the value does not start with ${start}`);
  const decipher = createDecipheriv("aes-256-cbc", aesKey, value.subarray(start.length, start.length + 16));
  return Buffer.concat([decipher.update(value.subarray(start.length + 16)), decipher.final()]);
}

function encryptionPrefix(aesKey: Buffer): string {
  return `k8s:enc:aescbc:v1:${aesKeyName(aesKey)}:`;
}

async function inParallel<T>(items: readonly T[], work: (item: T) => Promise<unknown>): Promise<void> {
  const queue = items.values();
  await Promise.all(
    Array.from({ length: inFlight }, async () => {
      for (const item of queue) await work(item);
    }),
  );
}
