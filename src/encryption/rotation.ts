import { ActionError } from "../errors.ts";
import type { HostedCluster } from "../hypershift/hosted-cluster.ts";
import type { Encryption } from "./secret.ts";

/**
 * Throws `encryption-key-rotating` where data may be encrypted with another key than the one that was read: in a rotation, and
 * after the spec has changed and before HyperShift has begun one.
 */
export function refuseRotation(hostedCluster: HostedCluster, encryption: Encryption): void {
  const { confirmedKeySha256: confirmed, keyRotating } = hostedCluster;
  const activeSha256 = encryption.keys.find(({ role }) => role === "active")?.sha256 ?? "";
  const isRotating = encryption.type === "aescbc" && keyRotating;
  if (!isRotating && (confirmed === undefined || confirmed === activeSha256)) return;
  const name = `${hostedCluster.namespace}/${hostedCluster.name}`;
  throw new ActionError("encryption-key-rotating", `the encryption key of ${name} is being rotated, or is to be`, {
    hint: "wait until status.secretEncryption of the hosted cluster says Completed, with the key that its spec names; until then data is encrypted with another one",
  });
}
