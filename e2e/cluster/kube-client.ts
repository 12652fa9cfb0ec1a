import { Agent, request } from "node:https";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { isJsonObject, type JsonObject } from "../../__tests__/world/management-cluster/json.ts";
import { listAt, stringAt } from "../../src/json-path.ts";
import { addresses, apiServerUrl, type Layout } from "./layout.ts";

/** Where an object of a kind is; kinds that are used here only. */
const resources = {
  Namespace: { prefix: "/api/v1", plural: "namespaces", namespaced: false },
  Node: { prefix: "/api/v1", plural: "nodes", namespaced: false },
  PersistentVolume: { prefix: "/api/v1", plural: "persistentvolumes", namespaced: false },
  Pod: { prefix: "/api/v1", plural: "pods", namespaced: true },
  Service: { prefix: "/api/v1", plural: "services", namespaced: true },
  Secret: { prefix: "/api/v1", plural: "secrets", namespaced: true },
  ConfigMap: { prefix: "/api/v1", plural: "configmaps", namespaced: true },
  ServiceAccount: { prefix: "/api/v1", plural: "serviceaccounts", namespaced: true },
  ResourceQuota: { prefix: "/api/v1", plural: "resourcequotas", namespaced: true },
  Deployment: { prefix: "/apis/apps/v1", plural: "deployments", namespaced: true },
  StatefulSet: { prefix: "/apis/apps/v1", plural: "statefulsets", namespaced: true },
  Role: { prefix: "/apis/rbac.authorization.k8s.io/v1", plural: "roles", namespaced: true },
  RoleBinding: { prefix: "/apis/rbac.authorization.k8s.io/v1", plural: "rolebindings", namespaced: true },
  CustomResourceDefinition: {
    prefix: "/apis/apiextensions.k8s.io/v1",
    plural: "customresourcedefinitions",
    namespaced: false,
  },
  HostedCluster: { prefix: "/apis/hypershift.openshift.io/v1beta1", plural: "hostedclusters", namespaced: true },
  HostedControlPlane: {
    prefix: "/apis/hypershift.openshift.io/v1beta1",
    plural: "hostedcontrolplanes",
    namespaced: true,
  },
  NodePool: { prefix: "/apis/hypershift.openshift.io/v1beta1", plural: "nodepools", namespaced: true },
} as const;

export type Kind = keyof typeof resources;

/** An answer of the API server that is not a success. */
export class ApiError extends Error {
  readonly status: number;
  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

export interface KubeRequest {
  readonly body?: JsonObject;
  readonly contentType?: string;
  readonly timeoutMs?: number;
}

/** Speaks to an API server with a client certificate. */
export interface KubeClient {
  call(method: string, path: string, options?: KubeRequest): Promise<JsonObject>;
  /** Makes or changes an object by server-side apply. */
  apply(object: JsonObject): Promise<JsonObject>;
  find(kind: Kind, namespace: string, name: string): Promise<JsonObject | undefined>;
  list(kind: Kind, namespace: string, labelSelector?: string): Promise<readonly JsonObject[]>;
  /** A merge patch. */
  patch(kind: Kind, namespace: string, name: string, patch: JsonObject, subresource?: string): Promise<JsonObject>;
  remove(kind: Kind, namespace: string, name: string): Promise<void>;
  close(): void;
}

export interface KubeCredentials {
  readonly url: string;
  readonly ca: string;
  readonly certificate: string;
  readonly privateKey: string;
  /** A name of the server's certificate, where the URL has none of them. */
  readonly serverName?: string;
}

/** The admin of the management cluster. */
export async function createAdminClient(layout: Layout): Promise<KubeClient> {
  const [ca, certificate, privateKey] = await Promise.all(
    ["ca.crt", "admin.crt", "admin.key"].map((name) => readFile(join(layout.pki, name), "utf8")),
  );
  return createKubeClient({
    url: apiServerUrl,
    ca: ca ?? "",
    certificate: certificate ?? "",
    privateKey: privateKey ?? "",
    serverName: addresses.node,
  });
}

export function createKubeClient(credentials: KubeCredentials): KubeClient {
  const { url, ca, certificate, privateKey, serverName } = credentials;
  // An IP address as a server name is refused by TLS itself.
  const named = serverName === undefined || /^[\d.]+$/.test(serverName) ? {} : { servername: serverName };
  const agent = new Agent({ keepAlive: true, ca, cert: certificate, key: privateKey, ...named });
  const call: KubeClient["call"] = (method, path, { body, contentType, timeoutMs = 15_000 } = {}) =>
    new Promise((resolve, reject) => {
      const text = body === undefined ? undefined : JSON.stringify(body);
      const headers = { "content-type": contentType ?? "application/json" };
      const sent = request(new URL(path, url), { method, agent, headers, timeout: timeoutMs }, (response) => {
        let answer = "";
        response.setEncoding("utf8").on("data", (chunk: string) => (answer += chunk));
        response.once("error", reject);
        response.once("end", () => {
          const status = response.statusCode ?? 0;
          if (status >= 300) reject(new ApiError(status, `${method} ${path}: ${String(status)} ${answer.trim()}`));
          else resolve(parseAnswer(answer));
        });
      });
      sent.once("timeout", () => sent.destroy(new Error(`${method} ${path}: no answer`)));
      sent.once("error", reject);
      sent.end(text);
    });
  const find: KubeClient["find"] = (kind, namespace, name) =>
    call("GET", pathOf(kind, namespace, name)).catch((error: unknown) => {
      if (error instanceof ApiError && error.status === 404) return undefined;
      throw error;
    });
  return {
    call,
    find,
    apply: (object) =>
      call("PATCH", `${pathOfObject(object)}?fieldManager=e2e&force=true`, {
        body: object,
        contentType: "application/apply-patch+yaml",
      }),
    list: async (kind, namespace, labelSelector) => {
      const query = labelSelector === undefined ? "" : `?labelSelector=${encodeURIComponent(labelSelector)}`;
      return listAt(await call("GET", `${pathOf(kind, namespace)}${query}`), "items").filter(isJsonObject);
    },
    patch: (kind, namespace, name, patch, subresource) =>
      call("PATCH", pathOf(kind, namespace, name) + (subresource === undefined ? "" : `/${subresource}`), {
        body: patch,
        contentType: "application/merge-patch+json",
      }),
    remove: async (kind, namespace, name) => {
      await call("DELETE", pathOf(kind, namespace, name)).catch((error: unknown) => {
        if (!(error instanceof ApiError && error.status === 404)) throw error;
      });
    },
    close: () => {
      agent.destroy();
    },
  };
}

export function pathOf(kind: Kind, namespace: string, name?: string): string {
  const { prefix, plural, namespaced } = resources[kind];
  return [prefix, ...(namespaced ? ["namespaces", namespace] : []), plural, ...(name === undefined ? [] : [name])].join(
    "/",
  );
}

function pathOfObject(object: JsonObject): string {
  const kind = Object.keys(resources).find((known): known is Kind => known === stringAt(object, "kind"));
  if (kind === undefined) throw new Error(`no path is known for kind ${String(object["kind"])}`);
  return pathOf(kind, stringAt(object, "metadata", "namespace") ?? "", stringAt(object, "metadata", "name"));
}

function parseAnswer(text: string): JsonObject {
  try {
    const value: unknown = JSON.parse(text);
    return isJsonObject(value) ? value : {};
  } catch {
    return {};
  }
}
