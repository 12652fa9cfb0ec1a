import { tmpdir } from "node:os";
import { maskSecrets, listKeySecrets, listSignedUrlSecrets } from "./action/secrets.ts";
import type { ClusterInputs } from "./action/inputs/cluster.ts";
import type { Runner } from "./action/runner.ts";
import { readRunInfo } from "./action/run-info.ts";
import { createComments } from "./adapters/github/pull-request.ts";
import { createWorkflowRuns } from "./adapters/github/workflow-runs.ts";
import { createManagementCluster } from "./adapters/kubernetes/management-cluster.ts";
import type { StoreSettings } from "./adapters/s3/client.ts";
import { createSnapshotStore } from "./adapters/s3/snapshot-store.ts";
import type { Kubeconfig } from "./kubeconfig/context.ts";
import type { Comments, ManagementCluster, SnapshotStore } from "./ports.ts";
import { createFileSpools, type OpenSpool } from "./snapshots/spool.ts";

export function connectCluster(kubeconfig: Kubeconfig, { clock, log }: Runner): ManagementCluster {
  return createManagementCluster(kubeconfig, { clock, log });
}

export function connectStore(settings: StoreSettings, { clock, log, given }: Runner): SnapshotStore {
  return createSnapshotStore(settings, { clock, log, environment: given.environment });
}

/** Files of the runner, which empties its RUNNER_TEMP after each job. */
export function connectSpool({ given }: Runner): OpenSpool {
  const folder = given.environment["RUNNER_TEMP"] ?? "";
  return createFileSpools(folder === "" ? tmpdir() : folder);
}

/** All of the world but the store. */
export function connectWorld({ kubeconfig, githubToken }: ClusterInputs, runner: Runner, signal: AbortSignal) {
  const { clock, log } = runner;
  const { environment } = runner.given;
  const run = readRunInfo(environment);
  const runs = githubToken === undefined ? undefined : createWorkflowRuns(githubToken, run, { log, environment });
  return { cluster: connectCluster(kubeconfig, runner).withSignal(signal), clock, log, signal, run, runs };
}

/** All of the world but the store that the proof of a stored snapshot needs. */
export function connectProof(runner: Runner, signal: AbortSignal) {
  const { clock, log, given } = runner;
  const { environment } = given;
  return { clock, log, signal, environment, openSpool: connectSpool(runner), onSecret: bindMask(runner) };
}

/** The comments of the pull request that started the workflow. */
export function connectComments(token: string | undefined, { clock, log, given }: Runner): Comments {
  return createComments(token, { clock, log, environment: given.environment });
}

/** Masks a secret that came up on the way: a signed URL, or the bytes of a key. */
export function bindMask(runner: Runner): (secret: string | Buffer) => void {
  return (secret) => {
    maskSecrets(runner, typeof secret === "string" ? listSignedUrlSecrets(secret) : listKeySecrets(secret));
  };
}
