import { backOffMs, type BackOff } from "../../back-off.ts";
import { ActionError, hasCode } from "../../errors.ts";
import type { Clock, ManagementCluster } from "../../ports.ts";
import { formatTime } from "../../time.ts";
import { TransientError } from "./errors.ts";

export interface RetryLimits extends BackOff {
  readonly requestTries: number;
  readonly requestPatienceMs: number;
  readonly serverWarmUpMs: number;
}

interface World {
  readonly clock: Clock;
  readonly limits: RetryLimits;
}

/** Everything that all views of a server have in common. */
interface Shared extends World {
  readonly seen: Seen;
  readonly credentialsExpireAt: Date | undefined;
}

/** The facts known of a server from the calls so far, of all views of it. */
interface Seen {
  answered: boolean;
  /** When a call was last not answered, or by a server in trouble. */
  awayMs?: number;
}

/**
 * `cluster`, whose calls are tried again where that may help: each sets something to a value, so that doing it twice is
 * doing it once. Commands in a pod are not tried again, see pod/exec-again.ts.
 */
export function retryCluster(cluster: ManagementCluster, world: World): ManagementCluster {
  const { credentialsExpireAt } = cluster;
  return createView(cluster, { ...world, credentialsExpireAt, seen: { answered: false } }, undefined);
}

function createView(cluster: ManagementCluster, world: Shared, signal: AbortSignal | undefined): ManagementCluster {
  const again = <T>(call: () => Promise<T>): Promise<T> => tryAgain(world, signal, call);
  const once = async <T>(call: () => Promise<T>): Promise<T> => {
    try {
      return await call();
    } catch (error) {
      note(world, error);
      throw isWarmingUp(world, error) ? describeWarmUp(error) : error;
    }
  };
  return {
    credentialsExpireAt: cluster.credentialsExpireAt,
    withSignal: (next) => createView(cluster.withSignal(next), world, next),
    readServerTime: (...args) => again(() => cluster.readServerTime(...args)),
    findHostedCluster: (...args) => again(() => cluster.findHostedCluster(...args)),
    patchHostedCluster: (...args) => again(() => cluster.patchHostedCluster(...args)),
    findHostedControlPlane: (...args) => again(() => cluster.findHostedControlPlane(...args)),
    findDeployment: (...args) => again(() => cluster.findDeployment(...args)),
    findStatefulSet: (...args) => again(() => cluster.findStatefulSet(...args)),
    scaleDeployment: (ref, replicas, options = {}) =>
      (options.once === true ? once : again)(() => cluster.scaleDeployment(ref, replicas, options)),
    listPods: (...args) => again(() => cluster.listPods(...args)),
    findSecret: (...args) => again(() => cluster.findSecret(...args)),
    findPod: (...args) => again(() => cluster.findPod(...args)),
    createPod: (...args) => again(() => cluster.createPod(...args)),
    deletePod: (...args) => again(() => cluster.deletePod(...args)),
    findDeniedAccesses: (...args) => again(() => cluster.findDeniedAccesses(...args)),
    exec: (...args) => once(() => cluster.exec(...args)),
  };
}

async function tryAgain<T>(world: Shared, signal: AbortSignal | undefined, call: () => Promise<T>): Promise<T> {
  const { clock, limits, seen } = world;
  const firstMs = clock.nowMs();
  for (let tries = 1; ; tries += 1) {
    try {
      const value = await call();
      seen.answered = true;
      return value;
    } catch (error) {
      note(world, error);
      // A server that never answered is not waited for; one that did is only away.
      const patient = seen.answered && clock.nowMs() - firstMs < limits.requestPatienceMs;
      const enough = tries >= limits.requestTries && !patient;
      const transient = error instanceof TransientError;
      if (enough || !(transient || isWarmingUp(world, error))) throw withEnd(world, error);
      await clock.sleep(backOffMs(tries, limits, transient ? error.retryAfterMs : 0), signal);
    }
  }
}

function note({ clock, seen }: { readonly clock: Clock; readonly seen: Seen }, error: unknown): void {
  if (error instanceof TransientError) seen.awayMs = clock.nowMs();
  if (error instanceof TransientError ? error.answered : isRefusal(error)) seen.answered = true;
}

/** A server that is just back says that it knows no such user and no such grant, until it has read them. */
function isWarmingUp({ clock, limits, seen }: World & { readonly seen: Seen }, error: unknown): error is ActionError {
  const recent = seen.awayMs !== undefined && clock.nowMs() - seen.awayMs < limits.serverWarmUpMs;
  return recent && hasCode(error, "cluster-unauthorized", "permission-missing");
}

/** A server says of a token that it does not take it, and not that its time is over. */
function withEnd({ credentialsExpireAt: end, clock }: Shared, error: unknown): unknown {
  if (!hasCode(error, "cluster-unauthorized") || end === undefined || end.getTime() > clock.wallMs()) return error;
  return new ActionError(error.code, `${error.message}; its credentials ended at ${formatTime(end)}`, {
    hint: "make a new token for the kubeconfig that is valid for max-pause and 10 minutes more, and store it as the secret",
    cause: error,
  });
}

function isRefusal(error: unknown): boolean {
  return hasCode(
    error,
    "cluster-unauthorized",
    "permission-missing",
    "hold-conflict",
    "cluster-refused",
    "pod-refused",
    "exec-failed",
  );
}

function describeWarmUp(refusal: ActionError): ActionError {
  return new ActionError("cluster-unreachable", `${refusal.message}, just after it was away`, {
    hint: "the API server may not have read its users and roles yet; run again",
    cause: refusal,
  });
}
