import { createCertificateAuthority, type CertificateAuthority } from "../../__tests__/world/certificates.ts";
import { aesKeyName } from "../../__tests__/world/etcd/fill.ts";
import type { JsonObject } from "../../__tests__/world/management-cluster/json.ts";
import { imageNames } from "../images.ts";
import { userId } from "./etcd.ts";

export interface WritersPlan {
  readonly namespace: string;
  readonly replicas: number;
  readonly etcdImage: string;
  /** Empty: nothing is encrypted. */
  readonly encryptionKey: Buffer;
  /** A folder of the node in which each counter notes the last write that etcd has acknowledged. */
  readonly acknowledged: string;
  /** `--shutdown-delay-duration`, and how long the counters write on after they were told to end. */
  readonly drainSeconds: number;
  readonly gracePeriodSeconds: number;
}

export const kubeApiserverPort = 6443;
export const counterPrefix = "/openshift.io/counters/";
const countingWriters = ["openshift-apiserver", "openshift-oauth-apiserver"];

/** The authority whose clients the hosted kube-apiserver believes, and which signs its certificate. */
export function createHostedAuthority(): Promise<CertificateAuthority> {
  return createCertificateAuthority("hosted-cluster");
}

/** The three deployments that write to etcd, and what they mount. */
export async function renderWriters(
  plan: WritersPlan,
  authority: CertificateAuthority,
): Promise<readonly JsonObject[]> {
  return [
    await kubeApiserverSecret(plan, authority),
    kubeApiserver(plan),
    ...countingWriters.map((name) => counter(plan, name)),
  ];
}

async function kubeApiserverSecret(
  { namespace, encryptionKey }: WritersPlan,
  authority: CertificateAuthority,
): Promise<JsonObject> {
  const names = ["kube-apiserver", `kube-apiserver.${namespace}.svc`, "localhost"];
  const server = await authority.issue({ commonName: "kube-apiserver" }, { names });
  const aescbc = { keys: [{ name: aesKeyName(encryptionKey), secret: encryptionKey.toString("base64") }] };
  const providers = [...(encryptionKey.length === 0 ? [] : [{ aescbc }]), { identity: {} }];
  const encryption = {
    apiVersion: "apiserver.config.k8s.io/v1",
    kind: "EncryptionConfiguration",
    resources: [{ resources: ["secrets"], providers }],
  };
  return {
    apiVersion: "v1",
    kind: "Secret",
    metadata: { name: "kube-apiserver-files", namespace },
    stringData: {
      "ca.crt": authority.certificate,
      "server.crt": server.certificate,
      "server.key": server.privateKey,
      "encryption.json": JSON.stringify(encryption),
    },
  };
}

function kubeApiserver(plan: WritersPlan): JsonObject {
  const flags = {
    "etcd-servers": "https://etcd-client:2379",
    "etcd-cafile": "/etcd/ca/ca.crt",
    "etcd-certfile": "/etcd/client/etcd-client.crt",
    "etcd-keyfile": "/etcd/client/etcd-client.key",
    "etcd-prefix": "kubernetes.io",
    "encryption-provider-config": "/files/encryption.json",
    "secure-port": String(kubeApiserverPort),
    "service-cluster-ip-range": "172.31.0.0/16",
    "authorization-mode": "RBAC",
    "client-ca-file": "/files/ca.crt",
    "tls-cert-file": "/files/server.crt",
    "tls-private-key-file": "/files/server.key",
    "service-account-issuer": "https://kubernetes.default.svc",
    // Nobody asks this API server for a token: any pair of keys will do.
    "service-account-key-file": "/files/server.crt",
    "service-account-signing-key-file": "/files/server.key",
    "shutdown-delay-duration": `${String(plan.drainSeconds)}s`,
  };
  return deployment(plan, "kube-apiserver", {
    name: "kube-apiserver",
    image: imageNames.kubeApiserver,
    command: ["kube-apiserver", ...Object.entries(flags).map(([flag, value]) => `--${flag}=${value}`)],
    ports: [{ name: "client", containerPort: kubeApiserverPort }],
    readinessProbe: {
      httpGet: { path: "readyz", port: "client", scheme: "HTTPS" },
      // Asked more often than by HyperShift, so that a start is seen at once; given up after the same 15 s.
      periodSeconds: 1,
      timeoutSeconds: 10,
      failureThreshold: 15,
    },
    volumeMounts: [
      { name: "files", mountPath: "/files" },
      { name: "etcd-ca", mountPath: "/etcd/ca" },
      { name: "etcd-client", mountPath: "/etcd/client" },
      { name: "tmp-dir", mountPath: "/tmp" },
    ],
  });
}

/** Counts in etcd, notes what was acknowledged, and writes on for a while when it is told to end. */
function counter(plan: WritersPlan, name: string): JsonObject {
  const script = `
count=0
last=
trap 'last=$(( $(date +%s) + ${String(plan.drainSeconds)} ))' TERM
while [ -z "$last" ] || [ "$(date +%s)" -lt "$last" ]; do
  count=$((count + 1))
  etcdctl put "${counterPrefix}$HOSTNAME" "$count" >/dev/null && echo "$count" >"/acknowledged/$HOSTNAME"
  sleep 1
done
`;
  const environment = {
    ETCDCTL_ENDPOINTS: "https://etcd-client:2379",
    ETCDCTL_CACERT: "/etcd/ca/ca.crt",
    ETCDCTL_CERT: "/etcd/client/etcd-client.crt",
    ETCDCTL_KEY: "/etcd/client/etcd-client.key",
  };
  return deployment(plan, name, {
    name,
    image: plan.etcdImage,
    command: ["/bin/sh", "-c", script],
    env: Object.entries(environment).map(([variable, value]) => ({ name: variable, value })),
    // Ready is who has written once. A probe that goes on would start a process of the runtime each second, in every pod.
    startupProbe: {
      exec: { command: ["/bin/sh", "-c", 'test -e "/acknowledged/$HOSTNAME"'] },
      periodSeconds: 1,
      failureThreshold: 600,
    },
    volumeMounts: [
      { name: "etcd-ca", mountPath: "/etcd/ca" },
      { name: "etcd-client", mountPath: "/etcd/client" },
      { name: "acknowledged", mountPath: "/acknowledged" },
    ],
  });
}

function deployment(plan: WritersPlan, name: string, container: JsonObject): JsonObject {
  const labels = { app: name, "hypershift.openshift.io/control-plane-component": name };
  return {
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: { name, namespace: plan.namespace },
    spec: {
      replicas: plan.replicas,
      selector: { matchLabels: { app: name } },
      strategy: { type: "RollingUpdate", rollingUpdate: { maxSurge: 0, maxUnavailable: 1 } },
      template: {
        metadata: { labels },
        spec: {
          automountServiceAccountToken: false,
          terminationGracePeriodSeconds: plan.gracePeriodSeconds,
          securityContext: { runAsUser: userId, runAsGroup: 0, fsGroup: userId },
          containers: [{ ...container, securityContext: { readOnlyRootFilesystem: true } }],
          volumes: [
            { name: "files", secret: { secretName: "kube-apiserver-files", defaultMode: 0o640 } },
            { name: "etcd-ca", configMap: { name: "etcd-ca" } },
            { name: "etcd-client", secret: { secretName: "etcd-client-tls", defaultMode: 0o640 } },
            { name: "acknowledged", hostPath: { path: plan.acknowledged } },
            { name: "tmp-dir", emptyDir: {} },
          ],
        },
      },
    },
  };
}
