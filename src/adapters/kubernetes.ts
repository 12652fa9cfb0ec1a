import {
  AppsV1Api,
  AuthorizationV1Api,
  CoreV1Api,
  createConfiguration,
  CustomObjectsApi,
  PatchStrategy,
  ServerConfiguration,
  setHeaderOptions,
  V1ResourceAttributes,
  V1SelfSubjectAccessReview,
  V1SelfSubjectAccessReviewSpec,
  VersionApi,
} from "@kubernetes/client-node";
import { ActionError } from "../errors.ts";
import { parseHostedCluster, parseHostedControlPlane } from "../hypershift/hosted-cluster.ts";
import { at, stringAt, textsAt } from "../hypershift/json-path.ts";
import { parsePod, parseWorkload } from "../hypershift/workload.ts";
import type { Access, Clock, Log, ManagementCluster, ObjectRef, WriteOptions } from "../ports.ts";
import type { Kubeconfig } from "./kubeconfig.ts";
import { createConnection, type ClusterLimits, type Connection } from "./kubernetes-connection.ts";
import { describeApiError, isAbsent, oddAnswer, renderCall, type ApiCall } from "./kubernetes-errors.ts";
import { createTransport } from "./kubernetes-transport.ts";
import { checkName, pathOf } from "./object-path.ts";
import { execInPod } from "./pod-exec.ts";

interface ClusterWorld {
  readonly clock: Clock;
  readonly log: Log;
  readonly limits?: ClusterLimits;
}

const hypershift = { group: "hypershift.openshift.io", version: "v1beta1" } as const;
const fieldManager = "hypershift-etcd-backup-action";

/** The management cluster behind a kubeconfig; nothing is contacted before the first call. */
export function createManagementCluster(kubeconfig: Kubeconfig, world: ClusterWorld): ManagementCluster {
  return connect(kubeconfig, { ...world, seen: { answered: false } }, undefined);
}

function connect(
  kubeconfig: Kubeconfig,
  world: ClusterWorld & Pick<Connection, "seen">,
  signal: AbortSignal | undefined,
): ManagementCluster {
  const connection = createConnection(kubeconfig, { ...world, signal });
  const { custom, apps, core, authorization, version } = createClients(connection);
  const merge = setHeaderOptions("Content-Type", PatchStrategy.MergePatch);
  return {
    credentialsExpireAt: kubeconfig.credentialsExpireAt,
    withSignal: (next) => connect(kubeconfig, world, next),
    readServerTime: async () => {
      const asked = { verb: "get", resource: "version", namespace: "the cluster" };
      const { headers } = await request(asked, () => version.getCodeWithHttpInfo());
      const date = new Date(headers["date"] ?? "");
      if (!Number.isNaN(date.getTime())) return date;
      throw new ActionError("cluster-refused", "the API server answers without a Date header", {
        hint: "look for a proxy before it that takes the header away: deadlines go by the API server's clock",
      });
    },
    findHostedCluster: (ref) =>
      find("hostedclusters", ref, parseHostedCluster, (path) =>
        custom.getNamespacedCustomObject({ ...hypershift, plural: "hostedclusters", ...path }),
      ),
    patchHostedCluster: (ref, patch, options = {}) => {
      const { pausedUntil, annotations } = patch;
      const metadata = { ...(annotations ? { annotations } : {}), ...versionOf(options) };
      const body = { metadata, ...(pausedUntil === undefined ? {} : { spec: { pausedUntil } }) };
      return call({ verb: "patch", resource: "hostedclusters", ...ref }, parseHostedCluster, (path) =>
        custom.patchNamespacedCustomObject(
          {
            ...hypershift,
            plural: "hostedclusters",
            ...path,
            body,
            fieldManager,
            fieldValidation: "Strict",
            ...dryRunOf(options),
          },
          merge,
        ),
      );
    },
    findHostedControlPlane: (ref) =>
      find("hostedcontrolplanes", ref, parseHostedControlPlane, (path) =>
        custom.getNamespacedCustomObject({ ...hypershift, plural: "hostedcontrolplanes", ...path }),
      ),
    findDeployment: (ref) => find("deployments", ref, parseWorkload, (path) => apps.readNamespacedDeployment(path)),
    findStatefulSet: (ref) => find("statefulsets", ref, parseWorkload, (path) => apps.readNamespacedStatefulSet(path)),
    scaleDeployment: async (ref, replicas, options = {}) => {
      const body = { metadata: versionOf(options), spec: { replicas } };
      await call(
        { verb: "patch", resource: "deployments/scale", ...ref },
        () => undefined,
        (path) => apps.patchNamespacedDeploymentScale({ ...path, body, fieldManager, ...dryRunOf(options) }, merge),
      );
    },
    listPods: async (namespace, matchLabels) => {
      const asked = { verb: "list", resource: "pods", namespace };
      const labelSelector = Object.entries(matchLabels)
        .map(([label, value]) => `${label}=${value}`)
        .join(",");
      const list: unknown = await request(asked, () =>
        core.listNamespacedPod({ namespace: checkName(namespace), labelSelector }),
      );
      const pods = at(list, "items");
      if (!Array.isArray(pods)) throw oddAnswer(renderCall(asked));
      return pods.map((pod: unknown) => parsePod(pod));
    },
    findSecret: (ref) => find("secrets", ref, parseSecret, (path) => core.readNamespacedSecret(path)),
    findDeniedAccesses: async (accesses) => {
      const allowed = await Promise.all(accesses.map((access) => isAllowed(authorization, access)));
      return accesses.filter((_, index) => allowed[index] !== true);
    },
    exec: (pod, argv, options) => execInPod(connection, pod, argv, options),
  };
}

function createClients(connection: Connection) {
  const configuration = createConfiguration({
    baseServer: new ServerConfiguration(connection.server, {}),
    httpApi: createTransport(connection),
  });
  return {
    custom: new CustomObjectsApi(configuration),
    apps: new AppsV1Api(configuration),
    core: new CoreV1Api(configuration),
    authorization: new AuthorizationV1Api(configuration),
    version: new VersionApi(configuration),
  };
}

/** Sends a request about one object, and reads the object that it answers. */
async function call<T>(
  asked: ApiCall & ObjectRef,
  parse: (value: unknown) => T,
  send: (path: ObjectRef) => Promise<unknown>,
): Promise<T> {
  const path = pathOf(asked);
  const value = await request(asked, () => send(path));
  // An object without fields would look like a cluster without a pause, or a deployment without replicas.
  if (stringAt(value, "metadata", "name") !== asked.name) throw oddAnswer(renderCall(asked));
  return parse(value);
}

async function find<T>(
  resource: string,
  ref: ObjectRef,
  parse: (value: unknown) => T,
  send: (path: ObjectRef) => Promise<unknown>,
): Promise<T | undefined> {
  try {
    return await call({ verb: "get", resource, ...ref }, parse, send);
  } catch (error) {
    if (error instanceof ActionError && isAbsent(error.cause, ref.name)) return undefined;
    throw error;
  }
}

async function request<T>(asked: ApiCall, send: () => Promise<T>): Promise<T> {
  try {
    return await send();
  } catch (error) {
    throw describeApiError(error, asked);
  }
}

function parseSecret(value: unknown): Readonly<Record<string, Buffer>> {
  return Object.fromEntries(
    Object.entries(textsAt(value, "data")).map(([key, text]) => [key, Buffer.from(text, "base64")]),
  );
}

async function isAllowed(authorization: AuthorizationV1Api, access: Access): Promise<boolean> {
  const [resource = "", subresource] = access.resource.split("/");
  const { verb, group, namespace, name } = access;
  const asked = { verb: "create", resource: "selfsubjectaccessreviews", namespace };
  const attributes = Object.assign(new V1ResourceAttributes(), { verb, group, resource, subresource, namespace, name });
  const spec = Object.assign(new V1SelfSubjectAccessReviewSpec(), { resourceAttributes: attributes });
  const body = Object.assign(new V1SelfSubjectAccessReview(), { spec });
  const review = await request(asked, () => authorization.createSelfSubjectAccessReview({ body }));
  return review.status?.allowed === true;
}

function versionOf(options: WriteOptions): { readonly resourceVersion?: string } {
  return options.resourceVersion === undefined ? {} : { resourceVersion: options.resourceVersion };
}

function dryRunOf(options: WriteOptions): { readonly dryRun?: "All" } {
  return options.dryRun === true ? { dryRun: "All" } : {};
}
