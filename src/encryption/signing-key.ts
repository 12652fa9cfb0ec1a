import { createHash } from "node:crypto";
import { describeError, hasCode } from "../errors.ts";
import type { HostedCluster } from "../hypershift/hosted-cluster.ts";
import type { ManagementCluster, ObjectRef } from "../ports.ts";

/**
 * The key that signs tokens of ServiceAccounts: of a Secret that the HostedCluster names, or made by HyperShift. With another
 * one every token in a snapshot is void.
 */
export type SigningKey =
  | { readonly origin: "hypershift" }
  | { readonly origin: "secret"; readonly secret: ObjectRef; readonly read: ReadSigningKey };

type ReadSigningKey = { readonly bytes: Buffer; readonly sha256: string } | { readonly unread: string };

/** The Secret with the signing key; undefined where HyperShift made it. */
export function findSigningKeySecret({
  namespace,
  serviceAccountSigningKey: name,
}: Pick<HostedCluster, "namespace" | "serviceAccountSigningKey">): ObjectRef | undefined {
  return name === undefined ? undefined : { namespace, name };
}

/** Reads the key, masked by `onSecret` first. A Secret that cannot be read is told in the result: a snapshot is whole without it. */
export async function readSigningKey(
  secret: ObjectRef,
  world: {
    readonly cluster: Pick<ManagementCluster, "findSecret">;
    readonly onSecret: (value: Buffer) => void;
  },
): Promise<Extract<SigningKey, { readonly origin: "secret" }>> {
  const read = await world.cluster
    .findSecret(secret)
    .then((data): ReadSigningKey => {
      const bytes = data?.["key"];
      if (bytes === undefined || bytes.length === 0)
        return { unread: data === undefined ? "the Secret is missing" : "the Secret has no data.key" };
      world.onSecret(bytes);
      return { bytes, sha256: createHash("sha256").update(bytes).digest("hex") };
    })
    .catch((error: unknown): ReadSigningKey => {
      if (hasCode(error, "permission-missing")) return { unread: describeError(error).message };
      throw error;
    });
  return { origin: "secret", secret, read };
}

/** True where there is a block of base64 between its marks, without which kube-apiserver starts with no key; it passes over what stands around it. */
export function isPem(bytes: Buffer): boolean {
  return /-----BEGIN [A-Z ]+-----[A-Za-z0-9+/=\s]+-----END [A-Z ]+-----/.test(bytes.toString("latin1"));
}
