import { request } from "node:https";
import type { IncomingHttpHeaders } from "node:http";
import type { KeyPair } from "../../certificates.ts";
import type { ContractCluster } from "../management-cluster-contract.ts";

export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  /** Parsed JSON; text where it is none. */
  readonly body: unknown;
}

export interface CallOptions {
  /** An object is sent as JSON, text as it is. */
  readonly body?: object | string;
  /** Content-Type of the body; default that of a merge patch. */
  readonly type?: string;
}

/** Who asks: someone with a bearer token or a client certificate; nobody without either. */
export interface Credentials {
  readonly token?: string;
  readonly certificate?: KeyPair;
}

export interface ApiClient {
  call(method: string, path: string, options?: CallOptions): Promise<Answer>;
  get(path: string): Promise<Answer>;
  /** A JSON merge patch. */
  patch(path: string, body: object | string): Promise<Answer>;
}

export const mergePatch = "application/merge-patch+json";

/** Requests as they are, over bare HTTPS; a connection for each, so that no two depend on each other. */
export function createApiClient(cluster: ContractCluster, credentials: Credentials): ApiClient {
  const call: ApiClient["call"] = (method, path, { body, type = mergePatch } = {}) =>
    new Promise((resolve, reject) => {
      const text = typeof body === "object" ? JSON.stringify(body) : body;
      const outgoing = request(
        new URL(path, cluster.url),
        {
          method,
          agent: false,
          ...tlsOf(cluster, credentials),
          headers: {
            ...authorizationOf(credentials),
            ...(text === undefined ? {} : { "content-type": type, "content-length": Buffer.byteLength(text) }),
          },
          timeout: 30_000,
        },
        (response) => {
          const chunks: Buffer[] = [];
          response.on("data", (chunk: Buffer) => chunks.push(chunk));
          response.on("error", reject);
          response.on("end", () => {
            const content = Buffer.concat(chunks).toString();
            resolve({ status: response.statusCode ?? 0, headers: response.headers, body: parseJson(content) });
          });
        },
      );
      outgoing.on("timeout", () => outgoing.destroy(new Error(`no answer to ${method} ${path} in 30 s`)));
      outgoing.on("error", reject);
      outgoing.end(text);
    });
  return {
    call,
    get: (path) => call("GET", path),
    patch: (path, body) => call("PATCH", path, { body }),
  };
}

export function tlsOf(
  { certificateAuthority: ca }: ContractCluster,
  { certificate }: Credentials,
): { readonly ca: string; readonly cert?: string; readonly key?: string } {
  return certificate === undefined ? { ca } : { ca, cert: certificate.certificate, key: certificate.privateKey };
}

export function authorizationOf({ token }: Credentials): { readonly authorization?: string } {
  return token === undefined ? {} : { authorization: `Bearer ${token}` };
}

export function asUser(cluster: ContractCluster): ApiClient {
  return createApiClient(cluster, { token: cluster.user.token });
}

export function asAdministrator(cluster: ContractCluster): ApiClient {
  return createApiClient(cluster, cluster.administrator);
}

/** Paths of the objects that the action works with. */
export function pathsOf(cluster: ContractCluster) {
  const { hostedCluster, controlPlaneNamespace: namespace } = cluster;
  const hypershift = "/apis/hypershift.openshift.io/v1beta1";
  const apps = `/apis/apps/v1/namespaces/${namespace}`;
  return {
    hostedClusters: `${hypershift}/namespaces/${hostedCluster.namespace}/hostedclusters`,
    hostedCluster: `${hypershift}/namespaces/${hostedCluster.namespace}/hostedclusters/${hostedCluster.name}`,
    hostedControlPlane: `${hypershift}/namespaces/${namespace}/hostedcontrolplanes/${hostedCluster.name}`,
    deployments: `${apps}/deployments`,
    deployment: (name: string) => `${apps}/deployments/${name}`,
    scale: (name: string) => `${apps}/deployments/${name}/scale`,
    statefulSet: `${apps}/statefulsets/etcd`,
    pods: (selector = "") =>
      `/api/v1/namespaces/${namespace}/pods${selector && `?labelSelector=${encodeURIComponent(selector)}`}`,
    pod: (name: string) => `/api/v1/namespaces/${namespace}/pods/${name}`,
    accessReviews: "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews",
  };
}

/** The whole body of a refusal. `details` undefined: there are none. */
export function refusal(code: number, reason: string, message: string, details?: object): object {
  const rest = details === undefined ? {} : { details };
  return { kind: "Status", apiVersion: "v1", metadata: {}, status: "Failure", message, reason, ...rest, code };
}

export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
