import * as core from "@actions/core";
import {
  findMistypedInputs,
  listOptOuts,
  parseInputs,
  type BackupInputs,
  type RestoreRenderInputs,
} from "./action/inputs.ts";
import { createLog } from "./action/log.ts";
import { writeOutputs } from "./action/outputs.ts";
import { readRunInfo } from "./action/run-info.ts";
import { listSecrets, listSignedUrlSecrets, maskSecrets } from "./action/secrets.ts";
import { findHold, isPost, isSettled, markMain, markSettled, saveHold } from "./action/state.ts";
import { summarizeBackup, summarizeFailure, summarizeRestore, writeSummary } from "./action/summary.ts";
import { createClock } from "./adapters/clock.ts";
import { parseKubeconfig } from "./adapters/kubeconfig.ts";
import { createManagementCluster } from "./adapters/kubernetes.ts";
import { createSnapshotStore } from "./adapters/s3.ts";
import { backUp } from "./backup/backup.ts";
import { createReport, type BackupReport } from "./backup/world.ts";
import { describeError, type ActionError } from "./errors.ts";
import type { ManagementCluster, ObjectRef, SnapshotStore } from "./ports.ts";
import { finishRun } from "./recover/after-run.ts";
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
  return inputs.mode === "backup" ? runBackup(inputs, signal) : runRestoreRender(inputs, signal);
}

async function runBackup(inputs: BackupInputs, signal: AbortSignal): Promise<void> {
  const report: BackupReport = createReport();
  const ref = refOf(inputs);
  let failure: ActionError | undefined;
  try {
    const { cluster, store } = connect(inputs);
    const world = {
      cluster: cluster.withSignal(signal),
      store: store.withSignal(signal),
      clock,
      log,
      signal,
      run: readRunInfo(),
      version: manifest.version,
      saveJournal: saveHold.bind(undefined, core.saveState),
      onSecret: maskSecret,
    };
    await backUp({ ...inputs, hostedCluster: ref }, world, report);
    markSettled(core.saveState);
  } catch (error) {
    failure = describeError(error);
  }
  await writeSummary(
    core.summary,
    failure ? summarizeFailure(inputs.mode, failure, ref, report) : summarizeBackup(ref, report),
  );
  // What is true is set on failure too, and a file that cannot be written must not hide the failure.
  try {
    writeOutputs(core.setOutput, report);
  } catch (error) {
    failure ??= describeError(error);
  }
  if (failure) throw failure;
}

async function runRestoreRender(inputs: RestoreRenderInputs, signal: AbortSignal): Promise<void> {
  try {
    const store = createSnapshotStore(inputs.store, { clock, log }).withSignal(signal);
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
  const journal = findHold(core.getState, new Date());
  if (isSettled(core.getState) || journal === undefined) return;
  const inputs = parseInputs(read, process.env);
  if (inputs.mode !== "backup") return;
  const world = { ...connect(inputs), clock, log };
  await log.group("Post: see that everything is put back", () =>
    finishRun(world, refOf(inputs), journal, inputs.prefix),
  );
}

function connect(inputs: BackupInputs): { readonly cluster: ManagementCluster; readonly store: SnapshotStore } {
  const options = inputs.kubeconfigContext === undefined ? {} : { context: inputs.kubeconfigContext };
  const kubeconfig = parseKubeconfig(inputs.kubeconfig, { ...options, environment: process.env });
  return {
    cluster: createManagementCluster(kubeconfig, { clock, log }),
    store: createSnapshotStore(inputs.store, { clock, log }),
  };
}

function refOf(inputs: BackupInputs): ObjectRef {
  return { namespace: inputs.hostedClusterNamespace, name: inputs.hostedCluster };
}

function maskSecret(secret: string): void {
  mask(listSignedUrlSecrets(secret));
}

function mask(secrets: readonly string[]): void {
  maskSecrets(core.setSecret, secrets);
}
