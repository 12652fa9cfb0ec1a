/** Every input of action.yml, in its order. */
export const inputNames = [
  "mode",
  "kubeconfig",
  "kubeconfig-context",
  "hosted-cluster",
  "hosted-cluster-namespace",
  "github-token",
  "s3-bucket",
  "s3-prefix",
  "s3-region",
  "s3-endpoint",
  "s3-force-path-style",
  "s3-access-key-id",
  "s3-secret-access-key",
  "s3-session-token",
  "s3-expected-bucket-owner",
  "s3-checksums",
  "allow-insecure-endpoint",
  "quiesce",
  "max-pause",
  "allow-unhealthy",
  "dry-run",
  "presign",
  "presign-expires-in",
  "presign-access-key-id",
  "presign-secret-access-key",
  "snapshot-uri",
  "manifest",
  "output",
  "encryption-key",
  "allow-unsafe-restore",
] as const;

export type InputName = (typeof inputNames)[number];

export type ReadInput = (name: InputName) => string;
export type Environment = Readonly<Record<string, string | undefined>>;
