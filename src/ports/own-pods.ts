import type { Toleration } from "../hypershift/pod-template.ts";
import type { OwnPod } from "../hypershift/workload.ts";
import type { ObjectRef } from "../ports.ts";

/** Quantities by the names that Kubernetes has for resources. */
export type Quantities = Readonly<Record<string, string>>;

export interface ContainerSpec {
  readonly name: string;
  readonly image: string;
  readonly imagePullPolicy: "IfNotPresent";
  readonly command: string[];
  readonly terminationMessagePolicy: "FallbackToLogsOnError";
  readonly securityContext: {
    readonly allowPrivilegeEscalation: false;
    readonly readOnlyRootFilesystem: true;
    readonly capabilities: { readonly drop: string[] };
  };
  readonly resources: { readonly requests: Quantities; readonly limits: Quantities };
  readonly volumeMounts: { readonly name: string; readonly mountPath: string }[];
}

/** The fields of a pod that this action sets. */
export interface PodSpec {
  readonly serviceAccountName: string;
  readonly automountServiceAccountToken: false;
  readonly enableServiceLinks: false;
  readonly restartPolicy: "Never";
  readonly activeDeadlineSeconds: number;
  readonly terminationGracePeriodSeconds: number;
  readonly nodeSelector: Readonly<Record<string, string>>;
  readonly tolerations: Toleration[];
  readonly affinity: {
    readonly podAntiAffinity: {
      readonly preferredDuringSchedulingIgnoredDuringExecution: {
        readonly weight: number;
        readonly podAffinityTerm: {
          readonly topologyKey: string;
          readonly namespaces: string[];
          readonly labelSelector: { readonly matchLabels: Readonly<Record<string, string>> };
        };
      }[];
    };
  };
  readonly securityContext: {
    readonly runAsNonRoot: true;
    readonly seccompProfile: { readonly type: "RuntimeDefault" };
    readonly runAsUser?: number;
    readonly runAsGroup?: number;
    readonly fsGroup?: number;
  };
  readonly containers: ContainerSpec[];
  readonly volumes: {
    readonly name: string;
    readonly emptyDir: { readonly medium?: "Memory"; readonly sizeLimit: string };
  }[];
}

/** A pod that is to be made. */
export interface PodManifest {
  readonly metadata: ObjectRef & {
    readonly labels: Readonly<Record<string, string>>;
    readonly annotations: Readonly<Record<string, string>>;
  };
  readonly spec: PodSpec;
}

/** Pods that this action makes itself, in a namespace that is there for them. */
export interface OwnPods {
  findPod(ref: ObjectRef): Promise<OwnPod | undefined>;
  /**
   * Throws `hold-conflict` where a pod of this name is there, also one of a try of this call whose answer was lost;
   * `pod-refused` where an admission rule (PodSecurity, a quota, a policy) does not take it.
   */
  createPod(pod: PodManifest): Promise<OwnPod>;
  /**
   * Ends the pod, where it is the one with this `uid`; nothing where that one is gone. Its node confirms the end, for which it
   * has so many seconds; with 0 the pod is forgotten at once, whatever its node says.
   */
  deletePod(ref: ObjectRef, uid: string, graceSeconds: number): Promise<void>;
}
