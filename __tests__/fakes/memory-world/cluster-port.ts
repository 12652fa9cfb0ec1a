import { describeAnswer, type ApiCall } from "../../../src/adapters/kubernetes-errors.ts";
import { ActionError, hasCode } from "../../../src/errors.ts";
import { parseHostedCluster, parseHostedControlPlane } from "../../../src/hypershift/hosted-cluster.ts";
import { textsAt } from "../../../src/hypershift/json-path.ts";
import { parsePod, parseWorkload } from "../../../src/hypershift/workload.ts";
import type { ExecOptions, ExecResult, ManagementCluster, ObjectRef } from "../../../src/ports.ts";
import { limits } from "../../../src/time-limits.ts";
import type { JsonObject } from "../management-cluster/json.ts";
import type { ObjectStore } from "../management-cluster/objects.ts";
import type { ResourceName } from "../management-cluster/resources.ts";
import { matchesSelector } from "../management-cluster/selectors.ts";
import { ApiError } from "../management-cluster/status.ts";
import { validateObject } from "../management-cluster/validation.ts";
import type { Machine } from "./machine.ts";
import type { Answer, Wire } from "./wire.ts";

/** What stands behind the API server. */
export interface ClusterBackend {
  readonly objects: ObjectStore;
  readonly now: () => Date;
  /** The command's end; rejects with ActionError where it cannot be started, or its connection is cut. */
  readonly exec: (pod: ObjectRef, argv: readonly string[]) => Promise<ExecResult>;
}

/** One machine's way to the cluster: how its requests are tried is what the adapter of the action does. */
interface Connection {
  readonly wire: Wire;
  readonly machine: Machine;
  readonly signal: AbortSignal | undefined;
  readonly seen: { answered: boolean };
}

/** The port to the management cluster, in memory. */
export function createMemoryCluster(backend: ClusterBackend, wire: Wire, machine: Machine): ManagementCluster {
  return connect(backend, { wire, machine, signal: undefined, seen: { answered: false } });
}

function connect(backend: ClusterBackend, connection: Connection): ManagementCluster {
  const { objects } = backend;
  const call = <T>(verb: string, resource: string, ref: Partial<ObjectRef>, effect: () => T): Promise<T> =>
    request(
      connection,
      { verb, resource, namespace: ref.namespace ?? "", ...(ref.name ? { name: ref.name } : {}) },
      effect,
    );
  const find = <T>(resource: ResourceName, ref: ObjectRef, parse: (object: unknown) => T): Promise<T | undefined> =>
    call("get", resource, ref, () => {
      const found = objects.find(resource, ref.namespace, ref.name);
      return found === undefined ? undefined : parse(found);
    });
  return {
    credentialsExpireAt: undefined,
    withSignal: (signal) => connect(backend, { ...connection, signal }),
    // Its Date header has whole seconds.
    readServerTime: () => call("get", "version", {}, () => new Date(Math.floor(backend.now().getTime() / 1000) * 1000)),
    findHostedCluster: (ref) => find("hostedclusters", ref, parseHostedCluster),
    findHostedControlPlane: (ref) => find("hostedcontrolplanes", ref, parseHostedControlPlane),
    findDeployment: (ref) => find("deployments", ref, parseWorkload),
    findStatefulSet: (ref) => find("statefulsets", ref, parseWorkload),
    findSecret: (ref) =>
      find("secrets", ref, (secret) =>
        Object.fromEntries(
          Object.entries(textsAt(secret, "data")).map(([key, value]) => [key, Buffer.from(value, "base64")]),
        ),
      ),
    patchHostedCluster: (ref, { pausedUntil, annotations }, options = {}) =>
      call("patch", options.dryRun === true ? "hostedclusters (dry run)" : "hostedclusters", ref, () => {
        const patch = {
          metadata: { annotations: annotations ?? {}, ...versionOf(options) },
          ...(pausedUntil === undefined ? {} : { spec: { pausedUntil } }),
        };
        return parseHostedCluster(write(objects, "hostedclusters", ref, patch, options.dryRun === true));
      }),
    scaleDeployment: (ref, replicas, options = {}) =>
      call("patch", options.dryRun === true ? "deployments/scale (dry run)" : "deployments/scale", ref, () => {
        const patch = { metadata: versionOf(options), spec: { replicas } };
        write(objects, "deployments", ref, patch, options.dryRun === true);
      }),
    listPods: (namespace, matchLabels) =>
      call("list", "pods", { namespace }, () => {
        const selector = Object.entries(matchLabels).map(([label, value]) => `${label}=${value}`);
        return objects
          .list("pods", namespace)
          .filter((pod) => matchesSelector(pod, selector.join(",")))
          .map(parsePod);
      }),
    findDeniedAccesses: () => call("create", "selfsubjectaccessreviews", {}, () => []),
    exec: (pod, argv, options) => exec(connection, backend, pod, argv, options),
  };
}

function write(
  objects: ObjectStore,
  resource: ResourceName,
  ref: ObjectRef,
  patch: JsonObject,
  dryRun: boolean,
): unknown {
  return objects.patch(resource, ref.namespace, ref.name, patch, {
    dryRun,
    validate: (object) => {
      validateObject(resource, ref.name, object);
    },
  });
}

/** Tried as src/adapters/kubernetes-transport.ts does, without its chance. */
function request<T>(connection: Connection, call: ApiCall, effect: () => T): Promise<T> {
  const { wire, machine, signal, seen } = connection;
  const operation = `${call.verb} ${call.resource}`;
  const sendUntilAnswered = async (): Promise<T> => {
    const firstMs = machine.clock.nowMs();
    for (let tries = 1; ; tries += 1) {
      const answer = await wire.send({ service: "cluster", operation, machine }, limits.requestTimeoutMs, effect);
      if (answer.kind !== "cut" && answer.kind !== "silent") seen.answered = true;
      if (answer.kind === "value") return answer.value;
      if (["error", "refused", "barred"].includes(answer.kind)) throw describeRefusal(answer, call);
      const tookMs = machine.clock.nowMs() - firstMs;
      const enough = tries >= limits.requestTries && (!seen.answered || tookMs >= limits.requestPatienceMs);
      if (enough) throw unreachable();
      await machine.sleep(Math.min(limits.retryDelayMs * 2 ** (tries - 1), limits.retryDelayMaxMs), signal);
    }
  };
  return machine.receive(sendUntilAnswered, signal);
}

/** Never tried again; see src/adapters/pod-exec.ts. */
function exec(
  connection: Connection,
  backend: ClusterBackend,
  pod: ObjectRef,
  argv: readonly string[],
  options: ExecOptions,
): Promise<ExecResult> {
  const { wire, machine, signal } = connection;
  const sent = { service: "exec", operation: `exec ${argv[3] ?? ""}`, machine } as const;
  const sendOnce = async (): Promise<ExecResult> => {
    // A stream whose pings are not answered is taken for cut.
    const silentMs = Math.min(options.timeoutMs, limits.execStallMs);
    const answer = await wire.send(sent, options.timeoutMs, () => backend.exec(pod, argv), silentMs);
    const call = { verb: "get", resource: "pods/exec", namespace: pod.namespace, name: pod.name };
    if (answer.kind === "busy") throw describeAnswer(503, undefined, call);
    if (["error", "refused", "barred"].includes(answer.kind)) throw describeExecRefusal(answer, call);
    const { expectedBytes } = options;
    if (
      answer.kind === "value" &&
      (answer.value.exitCode !== 0 || answer.value.stdout.length === (expectedBytes ?? answer.value.stdout.length))
    )
      return answer.value;
    throw new ActionError("exec-interrupted", `the command in pod ${pod.name} was cut off`, {
      hint: "look for proxies",
    });
  };
  return machine.receive(sendOnce, signal);
}

/** What the API server said, or rejected the command with. */
function describeRefusal(answer: Answer<unknown>, call: ApiCall): unknown {
  if (answer.kind === "barred") return describeAnswer(403, undefined, call);
  if (answer.kind !== "error") return describeAnswer(403, new ApiError(403, "Forbidden", "it is forbidden").body, call);
  return answer.error instanceof ApiError ? describeAnswer(answer.error.code, answer.error.body, call) : answer.error;
}

/** A pod that is not there may have been replaced. */
function describeExecRefusal(answer: Answer<unknown>, call: ApiCall): unknown {
  const error = describeRefusal(answer, call);
  return hasCode(error, "cluster-refused")
    ? new ActionError("exec-failed", error.message, { hint: "look at the pod" })
    : error;
}

function unreachable(): ActionError {
  return new ActionError("cluster-unreachable", "the API server cannot be reached", { hint: "look at the network" });
}

function versionOf(options: { readonly resourceVersion?: string }): { readonly resourceVersion?: string } {
  return options.resourceVersion === undefined ? {} : { resourceVersion: options.resourceVersion };
}
