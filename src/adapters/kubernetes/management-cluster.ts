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
  type HttpInfo,
} from "@kubernetes/client-node";
import { ActionError } from "../../errors.ts";
import { parseHostedCluster, parseHostedControlPlane, type HostedCluster } from "../../hypershift/hosted-cluster.ts";
import { at, textsAt } from "../../json-path.ts";
import { parsePod, parseWorkload } from "../../hypershift/workload.ts";
import type { Access, Answered, Clock, Log, ManagementCluster, WriteOptions } from "../../ports.ts";
import type { Kubeconfig } from "../../kubeconfig/context.ts";
import { createConnection, type ClusterLimits, type Connection } from "./connection.ts";
import { call, find, request } from "./calls.ts";
import { oddAnswer, renderCall } from "./errors.ts";
import { createTransport } from "./transport.ts";
import { checkName } from "./object-path.ts";
import { createOwnPods } from "./own-pods.ts";
import { execInPod } from "./pod-exec.ts";
import { retryCluster } from "./retries.ts";

interface ClusterWorld {
  readonly clock: Clock;
  readonly log: Log;
  readonly limits?: ClusterLimits;
}

const hypershift = { group: "hypershift.openshift.io", version: "v1beta1" } as const;
const fieldManager = "hypershift-etcd-backup-action";

/** The management cluster behind a kubeconfig; nothing is contacted before the first call. */
export function createManagementCluster(kubeconfig: Kubeconfig, world: ClusterWorld): ManagementCluster {
  for (const warning of kubeconfig.warnings) world.log.warning(warning);
  const connection = createConnection(kubeconfig, world);
  const cluster = createView(kubeconfig, connection, createClients(connection));
  return retryCluster(cluster, { clock: world.clock, limits: connection.limits });
}

/** All views of a cluster share its agents and clients; a view has its signal alone. */
function createView(kubeconfig: Kubeconfig, connection: Connection, clients: Clients): ManagementCluster {
  const { custom, apps, core, authorization, version } = clients;
  const bound = { httpApi: createTransport(connection) };
  const merge = setHeaderOptions("Content-Type", PatchStrategy.MergePatch, bound);
  return {
    credentialsExpireAt: kubeconfig.credentialsExpireAt,
    withSignal: (signal) => createView(kubeconfig, { ...connection, signal }, clients),
    readServerTime: async () => {
      const asked = { verb: "get", resource: "version", namespace: "the cluster" };
      const { headers } = await request(asked, () => version.getCodeWithHttpInfo({}, bound));
      return parseDate(headers);
    },
    findHostedCluster: (ref) =>
      find(
        "hostedclusters",
        ref,
        parseAnswer,
        (path) =>
          custom.getNamespacedCustomObjectWithHttpInfo({ ...hypershift, plural: "hostedclusters", ...path }, bound),
        bodyOf,
      ),
    patchHostedCluster: (ref, patch, options = {}) => {
      const { pausedUntil, annotations } = patch;
      const metadata = { ...(annotations ? { annotations } : {}), ...versionOf(options) };
      const body = { metadata, ...(pausedUntil === undefined ? {} : { spec: { pausedUntil } }) };
      return call(
        { verb: "patch", resource: "hostedclusters", ...ref },
        parseAnswer,
        (path) =>
          custom.patchNamespacedCustomObjectWithHttpInfo(
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
        bodyOf,
      );
    },
    findHostedControlPlane: (ref) =>
      find("hostedcontrolplanes", ref, parseHostedControlPlane, (path) =>
        custom.getNamespacedCustomObject({ ...hypershift, plural: "hostedcontrolplanes", ...path }, bound),
      ),
    findDeployment: (ref) =>
      find("deployments", ref, parseWorkload, (path) => apps.readNamespacedDeployment(path, bound)),
    findStatefulSet: (ref) =>
      find("statefulsets", ref, parseWorkload, (path) => apps.readNamespacedStatefulSet(path, bound)),
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
        core.listNamespacedPod({ namespace: checkName(namespace), labelSelector }, bound),
      );
      const pods = at(list, "items");
      if (!Array.isArray(pods)) throw oddAnswer(renderCall(asked));
      return pods.map((pod: unknown) => parsePod(pod));
    },
    findSecret: (ref) => find("secrets", ref, parseSecret, (path) => core.readNamespacedSecret(path, bound)),
    findDeniedAccesses: async (accesses) => {
      const allowed = await Promise.all(
        accesses.map((access) =>
          isAllowed(access, (body) => authorization.createSelfSubjectAccessReview({ body }, bound)),
        ),
      );
      return accesses.filter((_, index) => allowed[index] !== true);
    },
    ...createOwnPods(core, bound),
    exec: (pod, argv, options) => execInPod(connection, pod, argv, options),
  };
}

type Clients = ReturnType<typeof createClients>;

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

function bodyOf({ data }: HttpInfo<unknown>): unknown {
  return data;
}

function parseAnswer({ data, headers }: HttpInfo<unknown>): Answered<HostedCluster> {
  return { ...parseHostedCluster(data), answeredAt: parseDate(headers) };
}

/** The API server's clock at an answer. Throws `cluster-refused` where the answer does not tell it. */
function parseDate(headers: Readonly<Record<string, string>>): Date {
  const date = new Date(headers["date"] ?? "");
  if (!Number.isNaN(date.getTime())) return date;
  throw new ActionError("cluster-refused", "the API server answers without a Date header", {
    hint: "look for a proxy before it that takes the header away: deadlines go by the API server's clock",
  });
}

function parseSecret(value: unknown): Readonly<Record<string, Buffer>> {
  return Object.fromEntries(
    Object.entries(textsAt(value, "data")).map(([key, text]) => [key, Buffer.from(text, "base64")]),
  );
}

async function isAllowed(
  access: Access,
  send: (body: V1SelfSubjectAccessReview) => Promise<V1SelfSubjectAccessReview>,
): Promise<boolean> {
  const [resource = "", subresource] = access.resource.split("/");
  const { verb, group, namespace, name } = access;
  const asked = { verb: "create", resource: "selfsubjectaccessreviews", namespace };
  const attributes = Object.assign(new V1ResourceAttributes(), { verb, group, resource, subresource, namespace, name });
  const spec = Object.assign(new V1SelfSubjectAccessReviewSpec(), { resourceAttributes: attributes });
  const body = Object.assign(new V1SelfSubjectAccessReview(), { spec });
  const review = await request(asked, () => send(body));
  return review.status?.allowed === true;
}

function versionOf(options: WriteOptions): { readonly resourceVersion?: string } {
  return options.resourceVersion === undefined ? {} : { resourceVersion: options.resourceVersion };
}

function dryRunOf(options: WriteOptions): { readonly dryRun?: "All" } {
  return options.dryRun === true ? { dryRun: "All" } : {};
}
