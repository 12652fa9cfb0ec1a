import * as core from "@actions/core";
import {
  findMistypedInputs,
  listOptOuts,
  parseInputs,
  readClusterInputs,
  readFittingPrefix,
  type BackupInputs,
  type ClusterInputs,
  type RecoverInputs,
  type RestoreRenderInputs,
} from "./action/inputs.ts";
import { createLog } from "./action/log.ts";
import { writeOutputs, type Outputs } from "./action/outputs.ts";
import { summarizeRecovery } from "./action/recover-summary.ts";
import { readRunInfo } from "./action/run-info.ts";
import { listKeySecrets, listSecrets, listSignedUrlSecrets, maskSecrets } from "./action/secrets.ts";
import { findHold, isPost, isSettled, markMain, markSettled, saveHold } from "./action/state.ts";
import { parseStoreInputs, type StoreInputs } from "./action/store-inputs.ts";
import { summarizeBackup, summarizeFailure, summarizeRestore, writeSummary } from "./action/summary.ts";
import { createWorkflowRuns } from "./action/workflow-runs.ts";
import { createClock } from "./adapters/clock.ts";
import { parseKubeconfig } from "./adapters/kubeconfig.ts";
import { createManagementCluster } from "./adapters/kubernetes.ts";
import { createSnapshotStore } from "./adapters/s3.ts";
import { backUp } from "./backup/backup.ts";
import { createReport, type BackupReport } from "./backup/world.ts";
import { describeError, type ActionError } from "./errors.ts";
import type { ManagementCluster, ObjectRef, SnapshotStore } from "./ports.ts";
import { finishRun } from "./recover/after-run.ts";
import { createRecoverReport, recover, type RecoverReport } from "./recover/recover.ts";
import { renderRestore } from "./restore/restore-render.ts";
import { limits } from "./time-limits.ts";
import manifest from "../package.json" with { type: "json" };

const clock = createClock();
const log = createLog(core);
const read = (name: string): string => core.getInput(name);

/** Main or post step: from inputs to adapters, to the use case of the mode, to outputs. Throws whatever failed. */
export async function run(signal: AbortSignal): Promise<void> {
  mask(listSecrets(read, process.env));
  log.debug(`limits: ${JSON.stringify(limits)}`);
  if (isPost(core.getState)) return runPost();
  markMain(core.saveState);
  for (const { given, meant } of findMistypedInputs(process.env))
    log.warning(`there is no input ${given}; did you mean ${meant}?`);
  const inputs = parseInputs(read, process.env);
  for (const optOut of listOptOuts(inputs)) log.warning(optOut);
  switch (inputs.mode) {
    case "backup":
      return runBackup(inputs, signal);
    case "restore-render":
      return runRestoreRender(inputs, signal);
    case "recover":
      return runRecover(inputs, signal);
  }
}

async function runBackup(inputs: BackupInputs, signal: AbortSignal): Promise<void> {
  const report: BackupReport = createReport();
  const ref = refOf(inputs);
  const failure = await findFailure(async () => {
    const world = {
      ...createWorld(inputs, signal),
      store: connectStore(inputs.store).withSignal(signal),
      version: manifest.version,
      saveJournal: saveHold.bind(undefined, core.saveState),
      onSecret: maskSecret,
    };
    await backUp({ ...inputs, hostedCluster: ref }, world, report);
    markSettled(core.saveState);
  });
  await writeSummary(
    core.summary,
    failure ? summarizeFailure(inputs.mode, failure, ref, report) : summarizeBackup(ref, report),
  );
  end(report, failure);
}

async function runRecover(inputs: RecoverInputs, signal: AbortSignal): Promise<void> {
  const report: RecoverReport = createRecoverReport();
  const ref = refOf(inputs);
  const failure = await findFailure(async () => {
    const store = inputs.store && connectStore(inputs.store).withSignal(signal);
    await recover({ ...inputs, hostedCluster: ref }, { ...createWorld(inputs, signal), store }, report);
  });
  await writeSummary(core.summary, summarizeRecovery(ref, report, failure));
  end(report, failure);
}

async function runRestoreRender(inputs: RestoreRenderInputs, signal: AbortSignal): Promise<void> {
  try {
    const store = connectStore(inputs.store).withSignal(signal);
    const result = await renderRestore(inputs, { store, clock, log, environment: process.env, onSecret: maskSecret });
    writeOutputs(core.setOutput, result);
    await writeSummary(core.summary, summarizeRestore(result.hostedCluster, result));
  } catch (error) {
    await writeSummary(core.summary, summarizeFailure(inputs.mode, describeError(error)));
    throw error;
  }
}

/** Puts back what main could not, with the inputs as the runner evaluates them again. */
async function runPost(): Promise<void> {
  const journal = findHold(core.getState);
  if (isSettled(core.getState) || journal === undefined) return;
  const inputs = readClusterInputs(read);
  const cluster = connectCluster(inputs);
  const { store, prefix, unusable } = findPostStore(inputs);
  await log.group("Post: see that everything is put back", () =>
    finishRun({ cluster, store, clock, log }, refOf(inputs), journal, prefix),
  );
  if (unusable) throw unusable;
}

/** A later step may have changed the environment that the store's inputs need; the API servers come back all the same. */
function findPostStore(cluster: ClusterInputs) {
  try {
    const store = connectStore(parseStoreInputs(read, process.env));
    return { store, prefix: readFittingPrefix(read, cluster) };
  } catch (error) {
    return { store: undefined, prefix: "", unusable: describeError(error) };
  }
}

async function findFailure(work: () => Promise<void>): Promise<ActionError | undefined> {
  try {
    await work();
    return undefined;
  } catch (error) {
    return describeError(error);
  }
}

/** Sets the outputs: what is true is set on failure too. A file that cannot be written must not hide the failure. */
function end(outputs: Outputs, failure: ActionError | undefined): void {
  let thrown = failure;
  try {
    writeOutputs(core.setOutput, outputs);
  } catch (error) {
    thrown ??= describeError(error);
  }
  if (thrown) throw thrown;
}

/** All of the world but the store. */
function createWorld(inputs: ClusterInputs, signal: AbortSignal) {
  const run = readRunInfo();
  const runs = inputs.githubToken === undefined ? undefined : createWorkflowRuns(inputs.githubToken, run, log);
  return { cluster: connectCluster(inputs).withSignal(signal), clock, log, signal, run, runs };
}

function connectCluster(inputs: ClusterInputs): ManagementCluster {
  const options = inputs.kubeconfigContext === undefined ? {} : { context: inputs.kubeconfigContext };
  const kubeconfig = parseKubeconfig(inputs.kubeconfig, { ...options, environment: process.env });
  return createManagementCluster(kubeconfig, { clock, log });
}

function connectStore(inputs: StoreInputs): SnapshotStore {
  return createSnapshotStore(inputs, { clock, log });
}

function refOf(inputs: ClusterInputs): ObjectRef {
  return { namespace: inputs.hostedClusterNamespace, name: inputs.hostedCluster };
}

function maskSecret(secret: string | Buffer): void {
  mask(typeof secret === "string" ? listSignedUrlSecrets(secret) : listKeySecrets(secret));
}

function mask(secrets: readonly string[]): void {
  maskSecrets(core.setSecret, secrets);
}
