/**
 * The name of an AES key in the EncryptionConfiguration of a hosted cluster, as it stands in each encrypted value
 * (`k8s:enc:aescbc:v1:<name>:`): "key-" and the FNV-1 hash (32 bits, multiplied before the XOR) of the raw bytes in decimal.
 * Source: control-plane-operator/controllers/hostedcontrolplane/v2/kas/aescbc.go in HyperShift.
 */
export function encryptionKeyName(key: Buffer): string {
  let hash = 0x811c9dc5;
  for (const byte of key) hash = (Math.imul(hash, 0x01000193) ^ byte) >>> 0;
  return `key-${String(hash)}`;
}
