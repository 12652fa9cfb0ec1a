import {
  ApiException,
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
import { textsAt } from "../hypershift/json-path.ts";
import { parsePod, parseWorkload, type Workload } from "../hypershift/workload.ts";
import type { Access, Clock, Log, ManagementCluster, ObjectRef, WriteOptions } from "../ports.ts";
import type { Kubeconfig } from "./kubeconfig.ts";
import { createConnection, type ClusterLimits, type Connection } from "./kubernetes-connection.ts";
import { describeApiError, type ApiCall } from "./kubernetes-errors.ts";
import { createTransport } from "./kubernetes-transport.ts";
import { execInPod } from "./pod-exec.ts";

export interface ClusterWorld {
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
      const call = { verb: "get", resource: "version", namespace: "the cluster" };
      const { headers } = await request(call, () => version.getCodeWithHttpInfo());
      const date = new Date(headers["date"] ?? "");
      if (!Number.isNaN(date.getTime())) return date;
      throw new ActionError("cluster-refused", "the API server answers without a Date header", {
        hint: "look for a proxy before it that takes the header away: deadlines go by the API server's clock",
      });
    },
    findHostedCluster: (ref) =>
      find({ verb: "get", resource: "hostedclusters", ...ref }, async () =>
        parseHostedCluster(
          await custom.getNamespacedCustomObject({ ...hypershift, plural: "hostedclusters", ...nameOf(ref) }),
        ),
      ),
    patchHostedCluster: (ref, patch, options = {}) =>
      request({ verb: "patch", resource: "hostedclusters", ...ref }, async () => {
        const { pausedUntil, annotations } = patch;
        const metadata = { ...(annotations ? { annotations } : {}), ...versionOf(options) };
        const body = { metadata, ...(pausedUntil === undefined ? {} : { spec: { pausedUntil } }) };
        const written: unknown = await custom.patchNamespacedCustomObject(
          {
            ...hypershift,
            plural: "hostedclusters",
            ...nameOf(ref),
            body,
            fieldManager,
            fieldValidation: "Strict",
            ...dryRunOf(options),
          },
          merge,
        );
        return parseHostedCluster(written);
      }),
    findHostedControlPlane: (ref) =>
      find({ verb: "get", resource: "hostedcontrolplanes", ...ref }, async () =>
        parseHostedControlPlane(
          await custom.getNamespacedCustomObject({ ...hypershift, plural: "hostedcontrolplanes", ...nameOf(ref) }),
        ),
      ),
    findDeployment: (ref) => findWorkload("deployments", ref, () => apps.readNamespacedDeployment(nameOf(ref))),
    findStatefulSet: (ref) => findWorkload("statefulsets", ref, () => apps.readNamespacedStatefulSet(nameOf(ref))),
    scaleDeployment: (ref, replicas, options = {}) =>
      request({ verb: "patch", resource: "deployments/scale", ...ref }, async () => {
        const body = { metadata: versionOf(options), spec: { replicas } };
        await apps.patchNamespacedDeploymentScale({ ...nameOf(ref), body, fieldManager, ...dryRunOf(options) }, merge);
      }),
    listPods: (namespace, matchLabels) =>
      request({ verb: "list", resource: "pods", namespace }, async () => {
        const labelSelector = Object.entries(matchLabels)
          .map(([label, value]) => `${label}=${value}`)
          .join(",");
        const { items } = await core.listNamespacedPod({ namespace, labelSelector });
        return items.map((pod) => parsePod(pod));
      }),
    findSecret: (ref) =>
      find({ verb: "get", resource: "secrets", ...ref }, async () => {
        const encoded = textsAt(await core.readNamespacedSecret(nameOf(ref)), "data");
        return Object.fromEntries(Object.entries(encoded).map(([key, value]) => [key, Buffer.from(value, "base64")]));
      }),
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

async function request<T>(call: ApiCall, send: () => Promise<T>): Promise<T> {
  try {
    return await send();
  } catch (error) {
    throw describeApiError(error, call);
  }
}

async function find<T>(call: ApiCall, send: () => Promise<T>): Promise<T | undefined> {
  return request(call, async () => {
    try {
      return await send();
    } catch (error) {
      if (error instanceof ApiException && error.code === 404) return undefined;
      throw error;
    }
  });
}

function findWorkload(resource: string, ref: ObjectRef, read: () => Promise<unknown>): Promise<Workload | undefined> {
  return find({ verb: "get", resource, ...ref }, async () => parseWorkload(await read()));
}

async function isAllowed(authorization: AuthorizationV1Api, access: Access): Promise<boolean> {
  const [resource = "", subresource] = access.resource.split("/");
  const { verb, group, namespace, name } = access;
  const call = { verb: "create", resource: "selfsubjectaccessreviews", namespace };
  const attributes = Object.assign(new V1ResourceAttributes(), { verb, group, resource, subresource, namespace, name });
  const spec = Object.assign(new V1SelfSubjectAccessReviewSpec(), { resourceAttributes: attributes });
  const body = Object.assign(new V1SelfSubjectAccessReview(), { spec });
  const review = await request(call, () => authorization.createSelfSubjectAccessReview({ body }));
  return review.status?.allowed === true;
}

/** Of an object that may carry more than its name. */
function nameOf({ namespace, name }: ObjectRef): ObjectRef {
  return { namespace, name };
}

function versionOf(options: WriteOptions): { readonly resourceVersion?: string } {
  return options.resourceVersion === undefined ? {} : { resourceVersion: options.resourceVersion };
}

function dryRunOf(options: WriteOptions): { readonly dryRun?: "All" } {
  return options.dryRun === true ? { dryRun: "All" } : {};
}
