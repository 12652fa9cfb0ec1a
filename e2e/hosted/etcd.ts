import type { JsonObject } from "../../__tests__/world/management-cluster/json.ts";
import { renderEtcdRestore, type Restore } from "./etcd-restore.ts";

export interface EtcdPlan {
  readonly namespace: string;
  readonly members: number;
  readonly image: string;
  /** The members start from a snapshot. */
  readonly restore?: Restore;
}

/** Any user but root: OpenShift gives each namespace a range of its own. */
export const userId = 1001;

/** The Services and the StatefulSet of etcd with the names, containers and mounts that HyperShift 4.20 gives them. */
export function renderEtcd(plan: EtcdPlan): readonly JsonObject[] {
  const { namespace, members, image, restore } = plan;
  const labels = { app: "etcd", "hypershift.openshift.io/control-plane-component": "etcd" };
  return [
    service(namespace, "etcd-client", { ports: [{ name: "client", port: 2379 }], publishNotReadyAddresses: false }),
    service(namespace, "etcd-discovery", {
      ports: [
        { name: "peer", port: 2380 },
        { name: "client", port: 2379 },
      ],
      publishNotReadyAddresses: true,
    }),
    {
      apiVersion: "apps/v1",
      kind: "StatefulSet",
      metadata: { name: "etcd", namespace },
      spec: {
        replicas: members,
        serviceName: "etcd-discovery",
        podManagementPolicy: "Parallel",
        selector: { matchLabels: { app: "etcd" } },
        template: {
          metadata: { labels },
          spec: {
            automountServiceAccountToken: false,
            terminationGracePeriodSeconds: 30,
            securityContext: { runAsUser: userId, runAsGroup: 0, fsGroup: userId },
            initContainers: renderInitContainers(plan),
            containers: [
              etcdContainer(plan),
              sidecar("etcd-metrics", image, ["peer-tls", "server-tls", "etcd-ca", "etcd-metrics-ca", "tmp-dir"]),
              sidecar("healthz", image, ["server-tls", "client-tls", "etcd-ca", "tmp-dir"]),
              ...(members > 1 ? [sidecar("etcd-defrag", image, ["client-tls", "etcd-ca", "tmp-dir"])] : []),
            ],
            volumes: [
              ...["peer", "server", "client"].map((name) => ({
                name: `${name}-tls`,
                secret: { secretName: `etcd-${name}-tls`, defaultMode: 0o640 },
              })),
              ...["etcd-ca", "etcd-metrics-ca"].map((name) => ({ name, configMap: { name } })),
              ...["cluster-state", "tmp-dir"].map((name) => ({ name, emptyDir: {} })),
              ...(restore?.volumes ?? []),
            ],
          },
        },
        volumeClaimTemplates: [
          {
            metadata: { name: "data" },
            spec: {
              accessModes: ["ReadWriteOnce"],
              storageClassName: "",
              resources: { requests: { storage: "8Gi" } },
            },
          },
        ],
      },
    },
  ];
}

function service(namespace: string, name: string, spec: JsonObject): JsonObject {
  return {
    apiVersion: "v1",
    kind: "Service",
    metadata: { name, namespace },
    spec: { clusterIP: "None", selector: { app: "etcd" }, ...spec },
  };
}

/** The script that joins the members comes before the one that adds a member without data to its cluster. */
function renderInitContainers({ image, restore, namespace, members }: EtcdPlan): readonly JsonObject[] {
  const usual = [ensureDns(image), resetMember(image)];
  if (restore === undefined) return usual;
  const container = renderEtcdRestore(image, restore, renderInitialCluster(namespace, members));
  return restore.script === "joining" ? usual.toSpliced(1, 0, container) : [...usual, container];
}

function peerUrl(namespace: string, name: string): string {
  return `https://${name}.etcd-discovery.${namespace}.svc:2380`;
}

function renderInitialCluster(namespace: string, members: number): string {
  const names = Array.from({ length: members }, (_, index) => `etcd-${String(index)}`);
  return names.map((name) => `${name}=${peerUrl(namespace, name)}`).join(",");
}

const mountPaths: Readonly<Record<string, string>> = {
  data: "/var/lib",
  "peer-tls": "/etc/etcd/tls/peer",
  "server-tls": "/etc/etcd/tls/server",
  "client-tls": "/etc/etcd/tls/client",
  "etcd-ca": "/etc/etcd/tls/etcd-ca",
  "etcd-metrics-ca": "/etc/etcd/tls/etcd-metrics-ca",
  "cluster-state": "/etc/etcd/clusterstate",
  "tmp-dir": "/tmp",
};

function mounts(names: readonly string[]): readonly JsonObject[] {
  return names.map((name) => ({ name, mountPath: mountPaths[name] }));
}

function etcdContainer({ namespace, members, image }: EtcdPlan): JsonObject {
  const tls = "/etc/etcd/tls";
  const environment = {
    ETCD_NAME: "$(HOSTNAME)",
    ETCD_QUOTA_BACKEND_BYTES: String(8 * 1024 ** 3),
    ETCD_DATA_DIR: "/var/lib/data",
    ETCD_INITIAL_ADVERTISE_PEER_URLS: peerUrl(namespace, "$(HOSTNAME)"),
    ETCD_LISTEN_PEER_URLS: "https://$(POD_IP):2380",
    ETCD_LISTEN_CLIENT_URLS: "https://$(POD_IP):2379,https://localhost:2379",
    ETCD_ADVERTISE_CLIENT_URLS: peerUrl(namespace, "$(HOSTNAME)").replace("2380", "2379"),
    ETCD_LISTEN_METRICS_URLS: "https://0.0.0.0:2382",
    ETCD_SNAPSHOT_COUNT: "10000",
    ETCD_PEER_CLIENT_CERT_AUTH: "true",
    ETCD_PEER_CERT_FILE: `${tls}/peer/peer.crt`,
    ETCD_PEER_KEY_FILE: `${tls}/peer/peer.key`,
    ETCD_PEER_TRUSTED_CA_FILE: `${tls}/etcd-ca/ca.crt`,
    ETCD_CLIENT_CERT_AUTH: "true",
    ETCD_CERT_FILE: `${tls}/server/server.crt`,
    ETCD_KEY_FILE: `${tls}/server/server.key`,
    ETCD_TRUSTED_CA_FILE: `${tls}/etcd-ca/ca.crt`,
    ETCD_INITIAL_CLUSTER: renderInitialCluster(namespace, members),
  };
  const health = [
    ...["etcdctl", "--endpoints=https://localhost:2379", `--cacert=${tls}/etcd-ca/ca.crt`],
    ...[`--cert=${tls}/client/etcd-client.crt`, `--key=${tls}/client/etcd-client.key`, "endpoint", "health"],
  ];
  return {
    name: "etcd",
    image,
    command: ["/bin/sh", "-c", "ETCD_INITIAL_CLUSTER_STATE=$(cat /etc/etcd/clusterstate/state) exec /usr/bin/etcd"],
    env: [fromPod("POD_IP", "status.podIP"), fromPod("HOSTNAME", "metadata.name"), ...toEnv(environment)],
    securityContext: { readOnlyRootFilesystem: true },
    readinessProbe: { exec: { command: health }, periodSeconds: 2, timeoutSeconds: 10, failureThreshold: 3 },
    volumeMounts: mounts([...["data", "peer-tls", "server-tls", "client-tls", "etcd-ca", "cluster-state", "tmp-dir"]]),
  };
}

/** Stands where HyperShift has one; what is in it is of no concern to a backup. */
function sidecar(name: string, image: string, volumes: readonly string[]): JsonObject {
  return {
    name,
    image,
    command: ["/bin/sh", "-c", "trap exit TERM; sleep infinity & wait"],
    securityContext: { readOnlyRootFilesystem: true },
    volumeMounts: mounts(volumes),
  };
}

/** Waits until the pod's own name resolves; curl ends with 6 as long as it does not. */
function ensureDns(image: string): JsonObject {
  const script = `until curl -s -m 1 "http://$HOSTNAME.etcd-discovery.$NAMESPACE.svc:1/"; [ $? -ne 6 ]; do sleep 0.3; done`;
  return {
    name: "ensure-dns",
    image,
    command: ["/bin/sh", "-c", script],
    env: [fromPod("HOSTNAME", "metadata.name"), fromPod("NAMESPACE", "metadata.namespace")],
  };
}

/** Beside the data directory: what has no data joins the cluster that is there, and makes none. */
export const joiningMark = "joining";

/** What HyperShift's does, but that somebody else tells the cluster of a member that joins. */
function resetMember(image: string): JsonObject {
  const script = `[ -e /var/lib/${joiningMark} ] && state=existing; echo "\${state:-new}" >/etc/etcd/clusterstate/state`;
  return {
    name: "reset-member",
    image,
    command: ["/bin/sh", "-c", script],
    volumeMounts: mounts(["data", "server-tls", "etcd-ca", "cluster-state"]),
  };
}

function fromPod(name: string, fieldPath: string): JsonObject {
  return { name, valueFrom: { fieldRef: { fieldPath } } };
}

function toEnv(values: Readonly<Record<string, string>>): readonly JsonObject[] {
  return Object.entries(values).map(([name, value]) => ({ name, value }));
}
