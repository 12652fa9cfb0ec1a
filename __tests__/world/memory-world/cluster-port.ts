import { describeAnswer, TransientError, type ApiCall } from "../../../src/adapters/kubernetes/errors.ts";
import { retryCluster } from "../../../src/adapters/kubernetes/retries.ts";
import { ActionError, hasCode } from "../../../src/errors.ts";
import {
  parseHostedCluster,
  parseHostedControlPlane,
  type HostedCluster,
} from "../../../src/hypershift/hosted-cluster.ts";
import { textsAt } from "../../../src/json-path.ts";
import { parseOwnPod, parsePod, parseWorkload } from "../../../src/hypershift/workload.ts";
import type { ExecInput, ExecOptions, ExecResult } from "../../../src/ports/exec.ts";
import type { Answered, ManagementCluster, ObjectRef } from "../../../src/ports.ts";
import { limits } from "../../../src/time-limits.ts";
import type { JsonObject } from "../management-cluster/json.ts";
import type { ObjectStore } from "../management-cluster/objects.ts";
import type { ResourceName } from "../management-cluster/resources.ts";
import { matchesSelector } from "../management-cluster/selectors.ts";
import { ApiError } from "../management-cluster/status.ts";
import { validateObject } from "../management-cluster/validation.ts";
import type { PodManifest } from "../../../src/ports/own-pods.ts";
import type { Machine } from "./machine.ts";
import type { Answer, Wire } from "./wire.ts";

/** What stands behind the API server. */
export interface ClusterBackend {
  readonly objects: ObjectStore;
  readonly now: () => Date;
  /**
   * The command's end, given all its input; rejects with ActionError where it cannot be started, or its connection is cut. Of
   * a command that answers each piece of its input, the answer to one: `session` is the same for all of them.
   */
  readonly exec: (pod: ObjectRef, argv: readonly string[], input: Buffer, session: object) => Promise<ExecResult>;
  /** Makes a pod; throws ApiError where its namespace takes none. */
  readonly createPod: (pod: PodManifest) => JsonObject;
  /** Ends a pod, which its node confirms later; at once with no grace. */
  readonly deletePod: (ref: ObjectRef, graceSeconds: number) => void;
}

/** One machine's way to the cluster. */
interface Connection {
  readonly wire: Wire;
  readonly machine: Machine;
  readonly signal: AbortSignal | undefined;
}

/** The port to the management cluster, in memory, tried again as the action does, without its chance. */
export function createMemoryCluster(backend: ClusterBackend, wire: Wire, machine: Machine): ManagementCluster {
  const cluster = connect(backend, { wire, machine, signal: undefined });
  return retryCluster(cluster, { clock: machine.clock, limits: { ...limits, chance: () => 1 } });
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
  /** Whole seconds. */
  const dateHeader = (): Date => new Date(Math.floor(backend.now().getTime() / 1000) * 1000);
  const answer = (object: unknown): Answered<HostedCluster> => ({
    ...parseHostedCluster(object),
    answeredAt: dateHeader(),
  });
  return {
    credentialsExpireAt: undefined,
    withSignal: (signal) => connect(backend, { ...connection, signal }),
    readServerTime: () => call("get", "version", {}, dateHeader),
    findHostedCluster: (ref) => find("hostedclusters", ref, answer),
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
        return answer(write(objects, "hostedclusters", ref, patch, options.dryRun === true));
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
    findPod: (ref) => find("pods", ref, parseOwnPod),
    createPod: (pod) =>
      call("create", "pods", pod.metadata, () => {
        if (objects.find("pods", pod.metadata.namespace, pod.metadata.name) !== undefined)
          throw new ApiError(409, "AlreadyExists", `pods "${pod.metadata.name}" already exists`);
        return parseOwnPod(backend.createPod(pod));
      }),
    deletePod: (ref, uid, graceSeconds) =>
      call("delete", "pods", ref, () => {
        const found = objects.find("pods", ref.namespace, ref.name);
        if (found !== undefined && parseOwnPod(found).uid === uid) backend.deletePod(ref, graceSeconds);
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

/** One try. */
function request<T>(connection: Connection, call: ApiCall, effect: () => T): Promise<T> {
  const { wire, machine, signal } = connection;
  const operation = `${call.verb} ${call.resource}`;
  const sendOnce = async (): Promise<T> => {
    const answer = await wire.send({ service: "cluster", operation, machine }, limits.requestTimeoutMs, effect);
    if (answer.kind === "value") return answer.value;
    if (answer.kind === "busy") throw describeAnswer(503, undefined, call);
    if (["error", "refused", "barred"].includes(answer.kind)) throw describeRefusal(answer, call);
    throw unreachable();
  };
  return machine.receive(sendOnce, signal);
}

/** Never tried again; see src/adapters/kubernetes/pod-exec.ts. */
async function exec(
  connection: Connection,
  backend: ClusterBackend,
  pod: ObjectRef,
  argv: readonly string[],
  options: ExecOptions,
): Promise<ExecResult> {
  const session = {};
  const ask = (input: Buffer, isOpen: boolean): Promise<ExecResult> =>
    askPod(connection, { pod, argv, options, isOpen }, () => backend.exec(pod, argv, input, session));
  if (options.onStdout === undefined) return ask(await collect(options.input), false);
  let isOpen = false;
  // Each piece of the input is a request of its own, as is each answer; the first one opens the stream.
  for await (const piece of options.input ?? []) {
    const answer = await ask(piece, isOpen);
    isOpen = true;
    if (answer.exitCode !== 0) return answer;
    await options.onStdout(answer.stdout);
  }
  return { exitCode: 0, stdout: Buffer.alloc(0), stderr: "" };
}

function askPod(
  { wire, machine, signal }: Connection,
  {
    pod,
    argv,
    options,
    isOpen,
  }: {
    readonly pod: ObjectRef;
    readonly argv: readonly string[];
    readonly options: ExecOptions;
    readonly isOpen: boolean;
  },
  effect: () => Promise<ExecResult>,
): Promise<ExecResult> {
  const sent = { service: "exec", operation: `exec ${argv[3] ?? ""}`, machine } as const;
  const sendOnce = async (): Promise<ExecResult> => {
    // A stream whose pings are not answered is taken for cut.
    const silentMs = Math.min(options.timeoutMs, limits.execStallMs);
    const answer = await wire.send(sent, options.timeoutMs, effect, silentMs);
    const call = { verb: "get", resource: "pods/exec", namespace: pod.namespace, name: pod.name };
    // What is open is not refused any more, only cut.
    if (answer.kind === "busy" && !isOpen) throw describeAnswer(503, undefined, call);
    if (answer.kind === "error" || (!isOpen && ["refused", "barred"].includes(answer.kind)))
      throw describeExecRefusal(answer, call);
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

async function collect(input: ExecInput = []): Promise<Buffer> {
  const pieces: Buffer[] = [];
  for await (const piece of input) pieces.push(piece);
  return Buffer.concat(pieces);
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
  const details = { hint: "look at the network", answered: false };
  return new TransientError("cluster-unreachable", "the API server cannot be reached", details);
}

function versionOf(options: { readonly resourceVersion?: string }): { readonly resourceVersion?: string } {
  return options.resourceVersion === undefined ? {} : { resourceVersion: options.resourceVersion };
}
