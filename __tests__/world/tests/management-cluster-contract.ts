import { describe } from "vitest";
import type { Credentials } from "./management-cluster/api-client.ts";
import { describeAccess } from "./management-cluster/access.ts";
import { describeExec } from "./management-cluster/exec.ts";
import { describeExecLifetime } from "./management-cluster/exec-lifetime.ts";
import { describeObjects } from "./management-cluster/objects.ts";
import { describePatches } from "./management-cluster/patches.ts";
import { describeScale } from "./management-cluster/scale.ts";
import { describeValidation } from "./management-cluster/validation.ts";

/**
 * A Kubernetes API that the contract is held against. It is at rest: no operator runs, and nobody else writes to the
 * objects named here. It holds a HostedCluster that is not paused, its HostedControlPlane, the three deployments that
 * write to etcd, with pods that are ready where kubelets run, and the StatefulSet etcd with a pod `etcd-0`, whose
 * container `etcd` among several has a shell and coreutils and can write to /tmp.
 */
export interface ContractCluster {
  readonly url: string;
  /** PEM. */
  readonly certificateAuthority: string;
  /** May do what docs/rbac.yaml grants, and no more. `name` as the API server writes it. */
  readonly user: { readonly name: string; readonly token: string };
  /** May do everything. */
  readonly administrator: Credentials;
  readonly hostedCluster: { readonly namespace: string; readonly name: string };
  readonly controlPlaneNamespace: string;
}

/** What every management cluster must do for the action; all of it was seen on Kubernetes 1.34. */
export function describeManagementCluster(name: string, open: () => ContractCluster): void {
  describe(`${name}: a management cluster`, () => {
    describeAccess(open);
    describeObjects(open);
    describePatches(open);
    describeValidation(open);
    describeScale(open);
    describeExec(open);
    describeExecLifetime(open);
  });
}
