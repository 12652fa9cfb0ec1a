import { endStep, findFailure, summarizeRefusal } from "./action/end.ts";
import { readHostedCluster, readKubeconfig, readFittingPrefix } from "./action/inputs/cluster.ts";
import { findModeName } from "./action/inputs/mode.ts";
import { readStore } from "./action/inputs/store.ts";
import { invalidInput } from "./action/inputs/value.ts";
import { readRunInfo } from "./action/run-info.ts";
import type { Runner } from "./action/runner.ts";
import {
  findHeld,
  findMade,
  findWritten,
  fingerprintServer,
  isSettled,
  restoreProxies,
  type Held,
  type Made,
} from "./action/state.ts";
import { summarizePost } from "./action/summary/post.ts";
import { bindDocs } from "./action/summary/summary.ts";
import { connectCluster, connectStore } from "./connect.ts";
import { tryRemove } from "./drill/pod.ts";
import { ActionError, describeError } from "./errors.ts";
import { persist } from "./persist.ts";
import { removeFiles } from "./pod/leftovers.ts";
import type { ManagementCluster, ObjectRef, SnapshotStore } from "./ports.ts";
import {
  cannotLook,
  cannotRelease,
  findOwnHold,
  finishMain,
  type HeldRun,
  type PostReport,
} from "./recover/after-main.ts";
import { removeWritten } from "./restore/leftovers.ts";
import { limits } from "./time-limits.ts";

/**
 * The post step: puts back what main held and did not put back, and removes what a main that was killed left: files with a key,
 * a pod, or a file in a pod. Throws `release-failed`, `leftovers-remain`, or a wrong input afterwards.
 */
export async function runPost(runner: Runner): Promise<void> {
  const { given, getState } = runner;
  if (isSettled(getState)) return;
  const held = findHeld(getState);
  if (held !== undefined) {
    const environment = restoreProxies(given.environment, held.proxies);
    await finish({ ...runner, given: { ...given, environment } }, held, held);
    return;
  }
  const written = findWritten(getState);
  if (written.length > 0) {
    const { environment } = given;
    await tellFailure(runner, () => removeWritten(written, { environment, log: runner.log }));
    return;
  }
  const made = findMade(getState);
  if (made !== undefined) {
    await tellFailure(runner, () => (made.what === "drill" ? removeDrill : removePodFile)(runner, made));
    return;
  }
  if (findModeName(given) !== "backup") return;
  let own: HeldRun | undefined;
  await tellFailure(runner, async () => {
    own = await findLost(runner);
  });
  if (own !== undefined) await finish(runner, own, undefined);
}

/** The file that a killed look at a restored cluster left in a pod. Throws `leftovers-remain`. */
async function removePodFile(runner: Runner, { pod, nonce, server }: Made): Promise<void> {
  const { clock, log } = runner;
  try {
    const cluster = connectSame(runner, server);
    const signal = clock.timeout(limits.cleanUpMs);
    await persist({ clock, signal }, (inTime) => removeFiles(cluster.withSignal(inTime), pod, nonce));
    log.info(`removed what main left in pod ${pod.name}`);
  } catch (error) {
    const { code, message } = describeError(error);
    throw new ActionError(
      "leftovers-remain",
      `a file of this run may have stayed in pod ${pod.name} of ${pod.namespace} (${code}: ${message})`,
      { hint: "the next backup removes it, or recover", cause: error },
    );
  }
}

/** Removes the pod of a main that was killed. Throws `leftovers-remain`, also for a kubeconfig of another management cluster. */
async function removeDrill(runner: Runner, { pod, nonce, server }: Made): Promise<void> {
  const { clock, log } = runner;
  let why = "the log says why";
  try {
    const cluster = connectSame(runner, server);
    const gone = await log.group("Post: remove the pod of the drill", () =>
      tryRemove({ cluster, clock, log }, { ...pod, nonce }),
    );
    if (gone) return;
  } catch (error) {
    const { code, message } = describeError(error);
    why = `${code}: ${message}`;
  }
  throw new ActionError("leftovers-remain", `pod ${pod.name} in ${pod.namespace} was not removed (${why})`, {
    hint: `it ends by itself, and with it what is secret in its memory; by hand:\n  kubectl delete pod ${pod.name} -n ${pod.namespace}`,
  });
}

/** Does `work`; a failure of it gets a summary as every other does. */
async function tellFailure(runner: Runner, work: () => Promise<void>): Promise<void> {
  const failure = await findFailure(work);
  if (failure === undefined) return;
  const summary = summarizeRefusal(failure, bindDocs(runner.given.environment));
  await endStep(runner, summary, { outputs: {}, failure });
}

/**
 * Main was ended before it could say anything, or the runner lost what it said. Throws `release-failed` where the hosted
 * cluster cannot be looked at: nobody knows then whether this run holds it.
 */
async function findLost(runner: Runner): Promise<HeldRun | undefined> {
  const { given, clock, log } = runner;
  let ref: ObjectRef | undefined;
  try {
    ref = readHostedCluster(given.read);
    const cluster = connectCluster(readKubeconfig(given), runner);
    const own = await findOwnHold({ cluster, clock, log }, ref, readRunInfo(given.environment));
    const found = own === undefined ? "holds nothing" : "holds it";
    log.info(`main left no state; as ${ref.namespace}/${ref.name} tells it, this run ${found}`);
    return own;
  } catch (error) {
    throw cannotLook(ref, describeError(error));
  }
}

async function finish(runner: Runner, held: HeldRun, saved: Held | undefined): Promise<void> {
  const { clock, log, given } = runner;
  const stopped = Object.keys(held.journal.original.replicas).length > 0;
  const report: PostReport = { apiServers: stopped ? "down" : "untouched" };
  const failure = await findFailure(async () => {
    const cluster = connectAgain(runner, held, saved?.server);
    const { store, prefix, wrong } = findStore(runner, saved?.store);
    await log.group("Post: see that everything is put back", () =>
      finishMain(held, { cluster, store, clock, log }, { prefix, report }),
    );
    if (wrong !== undefined) throw wrong;
  });
  const { hostedCluster } = held;
  const summary = summarizePost({ hostedCluster, report, failure, findDocs: bindDocs(given.environment) });
  await endStep(runner, summary, { outputs: {}, failure });
}

/** With the kubeconfig as it is now. Throws `release-failed` where it cannot be used, or is of another management cluster. */
function connectAgain(runner: Runner, held: HeldRun, server: string | undefined): ManagementCluster {
  try {
    return connectSame(runner, server);
  } catch (error) {
    throw cannotRelease(held, describeError(error));
  }
}

/** The cluster that the kubeconfig names now, which must be main's where `server` says which that was. */
function connectSame(runner: Runner, server: string | undefined): ManagementCluster {
  const kubeconfig = readKubeconfig(runner.given);
  if (server !== undefined && server !== fingerprintServer(kubeconfig.server))
    throw new ActionError("hosted-cluster-not-found", "its kubeconfig is of another management cluster than main's");
  return connectCluster(kubeconfig, runner);
}

/** A later step may have changed what the store's inputs need, or their values: the API servers come back all the same. */
function findStore(
  runner: Runner,
  saved: Held["store"] | undefined,
): { readonly store: SnapshotStore | undefined; readonly prefix: string; readonly wrong?: ActionError } {
  const { given } = runner;
  const prefix = saved?.prefix ?? "";
  try {
    const settings = readStore(given);
    if (saved !== undefined && settings.bucket !== saved.bucket)
      throw invalidInput("s3-bucket", settings.bucket, {
        rule: `${saved.bucket}, as it was for main`,
        hint: "what this run left in that bucket stays there: run recover with the inputs of the backup",
      });
    return { store: connectStore(settings, runner), prefix: saved?.prefix ?? readFittingPrefix(given.read) };
  } catch (error) {
    return { store: undefined, prefix, wrong: describeError(error) };
  }
}
