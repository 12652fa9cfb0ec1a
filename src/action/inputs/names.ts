/**
 * Every input of action.yml with its default, in its order; undefined for one that the runner fills in: none can tell it from one
 * that was given.
 */
export const inputDefaults = {
  mode: "",
  kubeconfig: "",
  "kubeconfig-context": "",
  "hosted-cluster": "",
  "hosted-cluster-namespace": "clusters",
  "github-token": undefined,
  "s3-bucket": "",
  "s3-prefix": "",
  "s3-region": "",
  "s3-endpoint": "",
  "s3-force-path-style": "",
  "s3-access-key-id": "",
  "s3-secret-access-key": "",
  "s3-session-token": "",
  "s3-expected-bucket-owner": "",
  "s3-server-side-encryption": "",
  "s3-kms-key-id": "",
  "s3-checksums": "auto",
  "allow-insecure-endpoint": "false",
  quiesce: "true",
  "max-pause": "15m",
  members: "one",
  "key-recipients": "",
  "keep-last": "",
  "keep-daily": "",
  "keep-weekly": "",
  "keep-monthly": "",
  "keep-within": "",
  "allow-unhealthy": "false",
  "dry-run": "false",
  presign: "true",
  "presign-expires-in": "1h",
  "presign-access-key-id": "",
  "presign-secret-access-key": "",
  "snapshot-uri": "",
  manifest: "",
  output: "",
  "encryption-key": "",
  "age-identity": "",
  "max-age": "",
  "allow-unrecorded": "false",
  "allow-unsafe-restore": "",
  comment: "false",
  "drill-namespace": "etcd-restore-drill",
  "drill-timeout": "15m",
  "drill-scripts": "release",
} as const;

export type InputName = keyof typeof inputDefaults;

export const inputNames = Object.keys(inputDefaults) as readonly InputName[];

export type ReadInput = (name: InputName) => string;
export type Environment = Readonly<Record<string, string | undefined>>;

/** All that a step was given. */
export interface Given {
  /** The input as it is, or its default; empty for one that is not set. */
  readonly read: ReadInput;
  /** Names, in lower case, of inputs that action.yml does not declare: the runner passes them on all the same. */
  readonly unknown: readonly string[];
  /** The variables of the step, without its inputs. */
  readonly environment: Environment;
}
