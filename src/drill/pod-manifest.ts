import { etcdLabels } from "../hypershift/workload.ts";
import type { ContainerSpec, PodManifest, Quantities } from "../ports/own-pods.ts";
import { formatTime } from "../time.ts";
import { apiServerCommand, entryCommand } from "./entry-script.ts";
import type { LivingCluster } from "./living-cluster.ts";
import { sharedFolder, workFolder } from "./paths.ts";
import type { RestoreScript } from "../hypershift/restore-script.ts";

/** The name of every drill's pod and of its ServiceAccount: two drills exclude each other, and rights are granted by it. */
export const podName = "restore-drill";
export const nonceAnnotation = "hypershift-etcd-backup-action/drill";
export const deadlineAnnotation = "hypershift-etcd-backup-action/drill-until";

/** The containers of the pod. */
export const etcdContainer = "etcd";
export const apiServerContainer = "kube-apiserver";

interface PodTerms {
  readonly namespace: string;
  readonly nonce: string;
  /** By the API server's clock: a pod that no node took in all that time is nobody's any more. */
  readonly deadline: Date;
  readonly timeoutMs: number;
  readonly snapshotBytes: number;
  /** In the order in which they are tried. */
  readonly scripts: readonly RestoreScript[];
}

const mib = 1024 * 1024;
/** The API server's own files: its certificate, which lies in memory, and logs. */
const apiServerDisk = "64Mi";

/**
 * The pod of a drill: etcd's image restores and serves the snapshot, and the API server's image waits beside it. Nothing secret is
 * in it. It may be thrown off its node by everything else there, and never the other way round: it has no priority.
 */
export function renderPod(living: LivingCluster, terms: PodTerms): PodManifest {
  const { namespace, nonce, deadline, timeoutMs, snapshotBytes, scripts } = terms;
  // The fetched file and what is restored of it; a new etcd writes some 128 MiB of log of its own.
  const disk = `${String(Math.ceil((2 * snapshotBytes) / mib) + 1024)}Mi`;
  const memory = `${String(Math.ceil((2 * snapshotBytes) / mib) + 1024)}Mi`;
  return {
    metadata: {
      namespace,
      name: podName,
      labels: { app: podName },
      annotations: { [nonceAnnotation]: nonce, [deadlineAnnotation]: formatTime(deadline) },
    },
    spec: {
      serviceAccountName: podName,
      automountServiceAccountToken: false,
      enableServiceLinks: false,
      restartPolicy: "Never",
      activeDeadlineSeconds: Math.ceil(timeoutMs / 1000),
      terminationGracePeriodSeconds: 1,
      nodeSelector: living.etcd.nodeSelector,
      tolerations: [...living.etcd.tolerations],
      affinity: {
        podAntiAffinity: {
          preferredDuringSchedulingIgnoredDuringExecution: [
            {
              weight: 100,
              podAffinityTerm: {
                topologyKey: "kubernetes.io/hostname",
                namespaces: [living.controlPlane],
                labelSelector: { matchLabels: etcdLabels },
              },
            },
          ],
        },
      },
      securityContext: { runAsNonRoot: true, seccompProfile: { type: "RuntimeDefault" }, ...living.etcd.user },
      containers: [
        // A kubelet starts one after the other: etcd's course waits for no image of the other.
        container(apiServerContainer, living.apiServer.image, {
          command: apiServerCommand(living.apiServer.program),
          volumes: { shared: sharedFolder },
          requests: { cpu: "100m", memory: "256Mi", "ephemeral-storage": apiServerDisk },
          limits: { cpu: "2", memory: "4Gi", "ephemeral-storage": apiServerDisk },
        }),
        container(etcdContainer, living.etcdImage, {
          command: entryCommand(scripts, living),
          volumes: { shared: sharedFolder, work: workFolder },
          requests: { cpu: "100m", memory: "256Mi", "ephemeral-storage": disk },
          limits: { cpu: "2", memory, "ephemeral-storage": disk },
        }),
      ],
      volumes: [
        { name: "shared", emptyDir: { medium: "Memory", sizeLimit: "16Mi" } },
        { name: "work", emptyDir: { sizeLimit: disk } },
      ],
    },
  };
}

function container(
  name: string,
  image: string,
  plan: {
    readonly command: readonly string[];
    readonly volumes: Readonly<Record<string, string>>;
    readonly requests: Quantities;
    readonly limits: Quantities;
  },
): ContainerSpec {
  const { command, volumes, requests, limits } = plan;
  return {
    name,
    image,
    imagePullPolicy: "IfNotPresent",
    command: [...command],
    terminationMessagePolicy: "FallbackToLogsOnError",
    securityContext: {
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ["ALL"] },
    },
    resources: { requests, limits },
    volumeMounts: Object.entries(volumes).map(([volume, mountPath]) => ({ name: volume, mountPath })),
  };
}
