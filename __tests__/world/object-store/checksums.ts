import { createHash } from "node:crypto";
import { crc32 } from "node:zlib";
import { notImplemented, S3Error } from "./s3-error.ts";

/** S3's CRC64NVME is not here. */
const lengths = { crc32: 4, crc32c: 4, sha1: 20, sha256: 32 } as const;

export type ChecksumAlgorithm = keyof typeof lengths;

/** `value` is base64, with `-N` behind it when it is a checksum of N checksums. */
export interface Checksum {
  readonly algorithm: ChecksumAlgorithm;
  readonly value: string;
}

export interface RunningChecksum {
  update(chunk: Uint8Array): void;
  digest(): Buffer;
}

export function createChecksum(algorithm: ChecksumAlgorithm): RunningChecksum {
  if (algorithm === "sha1" || algorithm === "sha256") {
    const hash = createHash(algorithm);
    return { update: (chunk) => void hash.update(chunk), digest: () => hash.digest() };
  }
  const next = algorithm === "crc32" ? crc32 : crc32c;
  let sum = 0;
  return {
    update: (chunk) => {
      sum = next(chunk, sum);
    },
    digest: () => {
      const bytes = Buffer.alloc(4);
      bytes.writeUInt32BE(sum);
      return bytes;
    },
  };
}

/** The checksum of the parts' checksums, which S3 calls COMPOSITE. */
export function combineChecksums(algorithm: ChecksumAlgorithm, values: readonly string[]): Checksum {
  const sum = createChecksum(algorithm);
  for (const value of values) sum.update(Buffer.from(value, "base64"));
  return { algorithm, value: `${sum.digest().toString("base64")}-${values.length}` };
}

/** The checksum that a request states of its body; throws InvalidRequest or NotImplemented. */
export function findStatedChecksum(headers: ReadonlyMap<string, string>): Checksum | undefined {
  const stated = [...headers].flatMap(([name, value]) => {
    const match = /^x-amz-checksum-((?:crc|sha).*)$/.exec(name);
    return match ? [{ name, value, algorithm: parseAlgorithm(match[1] ?? "") }] : [];
  });
  const [first, second] = stated;
  if (first === undefined) return undefined;
  if (second !== undefined)
    throw new S3Error(
      "InvalidRequest",
      "Expecting a single x-amz-checksum- header. Multiple checksum Types are not allowed.",
    );
  const bytes = Buffer.from(first.value, "base64");
  if (bytes.length !== lengths[first.algorithm] || bytes.toString("base64") !== first.value)
    throw new S3Error("InvalidRequest", `Value for ${first.name} header is invalid.`);
  return { algorithm: first.algorithm, value: first.value };
}

/** Throws NotImplemented. */
export function parseAlgorithm(name: string): ChecksumAlgorithm {
  const lower = name.toLowerCase();
  if (lower === "crc32" || lower === "crc32c" || lower === "sha1" || lower === "sha256") return lower;
  throw notImplemented(`x-amz-checksum-${lower}`);
}

export function checksumHeaderName(algorithm: ChecksumAlgorithm): string {
  return `x-amz-checksum-${algorithm}`;
}

/** `ChecksumCRC32`, as elements of XML are named. */
export function checksumElementName(algorithm: ChecksumAlgorithm): string {
  return `Checksum${algorithm.toUpperCase()}`;
}

/** Castagnoli's polynomial, reflected. */
const crc32cTable = Uint32Array.from({ length: 256 }, (_, byte) => {
  let value = byte;
  for (let bit = 0; bit < 8; bit += 1) value = (value & 1) === 1 ? (value >>> 1) ^ 0x82f6_3b78 : value >>> 1;
  return value;
});

function crc32c(chunk: Uint8Array, previous: number): number {
  let sum = ~previous;
  for (const byte of chunk) sum = (sum >>> 8) ^ (crc32cTable[(sum ^ byte) & 0xff] ?? 0);
  return ~sum >>> 0;
}
