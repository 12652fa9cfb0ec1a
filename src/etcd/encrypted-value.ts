import { bufferOf, latin1Of, type Span } from "./span.ts";

/** The prefix that kube-apiserver writes in front of an encrypted value: `k8s:enc:<provider>:<version>:<key name>:`. */
const prefixStart = Buffer.from("k8s:enc:");
/** Longest that a provider, a version and a key's name may be together; a Kubernetes name has 253 at most. */
const longestPrefix = 400;
const prefixForm = /^k8s:enc:(aescbc|aesgcm|secretbox|kms):(v[0-9]{1,2}):([A-Za-z0-9._/-]{1,253}):/;

/** Source: storage/value/encrypt and server/options/encryptionconfig in k8s.io/apiserver. */
export type EncryptionProvider = "aescbc" | "aesgcm" | "secretbox" | "kms";

/** A value that was encrypted by kube-apiserver. */
export interface EncryptedValue {
  /** `unknown` for a prefix that no provider of Kubernetes writes. */
  readonly provider: EncryptionProvider | "unknown";
  /** Empty for an unknown provider, as is the key's name. */
  readonly version: string;
  /** With `kms` the name of the plugin. */
  readonly keyName: string;
  /** The bytes behind the prefix. */
  readonly payload: Buffer;
}

/** The encryption of a value; undefined for one in clear. */
export function findEncryptedValue(value: Span): EncryptedValue | undefined {
  if (!startsWith(value, prefixStart)) return undefined;
  const [prefix = "", provider, version = "", keyName = ""] = prefixForm.exec(latin1Of(value, longestPrefix)) ?? [];
  return {
    provider: providers.find((known) => known === provider) ?? "unknown",
    version,
    keyName,
    payload: bufferOf(value).subarray(prefix.length),
  };
}

function startsWith({ bytes, start, end }: Span, expected: Buffer): boolean {
  if (end - start < expected.length) return false;
  for (let index = 0; index < expected.length; index += 1) if (bytes[start + index] !== expected[index]) return false;
  return true;
}

const providers: readonly EncryptionProvider[] = ["aescbc", "aesgcm", "secretbox", "kms"];
