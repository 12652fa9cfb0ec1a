import { parseAllDocuments } from "yaml";

export const newKey = Buffer.alloc(32, "n");
export const oldKey = Buffer.alloc(32, "a");

export interface ManifestParts {
  readonly name?: string;
  readonly namespace?: string;
  readonly infraID?: string;
  readonly release?: string;
  readonly policy?: "SingleReplica" | "HighlyAvailable";
  /** Lines of spec.secretEncryption. */
  readonly encryption?: readonly string[];
  /** Lines of spec.etcd. */
  readonly etcd?: readonly string[];
  /** More lines of spec. */
  readonly spec?: readonly string[];
  /** A document; null leaves it out, as `--render` does without `--render-sensitive`. */
  readonly secret?: string | null;
}

/** What `hypershift create cluster --render --render-sensitive` prints: a separator after each document, the last one too. */
export function buildManifest(parts: ManifestParts = {}): string {
  const { secret = buildSecret() } = parts;
  return [buildNamespace(), ...(secret === null ? [] : [secret]), buildCluster(parts), buildNodePool()]
    .map((document) => `${document}---\n`)
    .join("");
}

function buildNamespace(): string {
  return lines("apiVersion: v1", "kind: Namespace", "metadata:", "  name: clusters", "spec: {}", "status: {}");
}

export function buildSecret(data: readonly string[] = [`data:`, `  key: ${newKey.toString("base64")}`]): string {
  return lines(
    "apiVersion: v1",
    ...data,
    "kind: Secret",
    "metadata:",
    "  labels:",
    '    hypershift.openshift.io/safe-to-delete-with-cluster: "true"',
    "  name: tenant-etcd-encryption-key",
    "  namespace: clusters",
    "type: Opaque",
  );
}

export function buildCluster(parts: ManifestParts = {}): string {
  return lines(
    "apiVersion: hypershift.openshift.io/v1beta1",
    "kind: HostedCluster",
    "metadata:",
    `  name: ${parts.name ?? "tenant"}`,
    `  namespace: ${parts.namespace ?? "clusters"}`,
    "spec:",
    `  controllerAvailabilityPolicy: ${parts.policy ?? "SingleReplica"}`,
    "  dns:",
    "    baseDomain: tenants.example",
    ...(parts.etcd ?? managedEtcd),
    "  fips: false",
    `  infraID: ${parts.infraID ?? "tenant-x7k2p"}`,
    "  networking:",
    "    clusterNetwork:",
    "    - cidr: 10.132.0.0/14",
    "    serviceNetwork:",
    "    - cidr: 172.31.0.0/16",
    "  platform:",
    "    type: None",
    "  release:",
    `    image: ${parts.release ?? "registry.example/ocp-release:4.20.3-x86_64"}`,
    ...(parts.encryption ?? aescbc("tenant-etcd-encryption-key")),
    "  services:",
    "  - service: APIServer",
    "    servicePublishingStrategy:",
    "      type: LoadBalancer",
    "  sshKey: {}",
    ...(parts.spec ?? []),
    "status:",
    "  controlPlaneEndpoint:",
    '    host: ""',
    "    port: 0",
  );
}

function buildNodePool(): string {
  return lines(
    "apiVersion: hypershift.openshift.io/v1beta1",
    "kind: NodePool",
    "metadata:",
    "  name: tenant",
    "  namespace: clusters",
    "spec:",
    "  clusterName: tenant",
    "  replicas: 0",
    "status:",
    "  replicas: 0",
  );
}

export const managedEtcd = [
  "  etcd:",
  "    managed:",
  "      storage:",
  "        persistentVolume:",
  "          size: 8Gi",
  "        type: PersistentVolume",
  "    managementType: Managed",
];

export function aescbc(secret: string): readonly string[] {
  return ["  secretEncryption:", "    aescbc:", "      activeKey:", `        name: ${secret}`, "    type: aescbc"];
}

/** The objects that kubectl would find in `text`: its documents without the empty ones. */
export function readObjects(text: string): readonly unknown[] {
  return parseAllDocuments(text, { version: "1.1" })
    .map((document) => {
      if (document.errors.length > 0) throw new Error("not YAML");
      return document.toJS() as unknown;
    })
    .filter((value) => value !== null);
}

function lines(...given: readonly string[]): string {
  return given.map((line) => `${line}\n`).join("");
}
