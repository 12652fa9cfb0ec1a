import { ApiException } from "@kubernetes/client-node";
import { ActionError, type ErrorCode } from "../errors.ts";
import { at, stringAt } from "../hypershift/json-path.ts";

/** What was asked of the API server, for messages. */
export interface ApiCall {
  readonly verb: string;
  /** With its subresource: `deployments/scale`. */
  readonly resource: string;
  readonly namespace: string;
  /** Absent for verbs on a collection. */
  readonly name?: string;
}

const oddAnswerHint =
  "look at cluster.server of the kubeconfig: it must be the API server of the management cluster, and nothing before it (a proxy, a login page, a load balancer) may answer in its place";

/** An error of a typed client, or of its transport, in the user's words. */
export function describeApiError(error: unknown, call: ApiCall): unknown {
  if (!(error instanceof ApiException)) return error;
  return describeAnswer(error.code, parseBody(error.body), call, error);
}

/** An answer of the API server that is no success; `status` is its body, of which only reason and message are used. */
export function describeAnswer(httpStatus: number, status: unknown, call: ApiCall, cause?: unknown): ActionError {
  const { code, hint } = classify(httpStatus, status, call);
  const said = isStatus(status) ? stringAt(status, "message")?.slice(0, 500) : undefined;
  const answer = `${String(httpStatus)}${said === undefined ? "" : `: ${said}`}`;
  return new ActionError(code, `the API server refused to ${renderCall(call)} (${answer})`, { hint, cause });
}

/** A success that is none: no JSON, or another object than the one that was asked for. */
export function oddAnswer(what: string): ActionError {
  return new ActionError("cluster-unreachable", `the answer to ${what} is not that of an API server`, {
    hint: oddAnswerHint,
  });
}

/** True for the API server's own word that it has no object of this name, and not somebody's that it has no such page. */
export function isAbsent(error: unknown, name: string): boolean {
  if (!(error instanceof ApiException) || error.code !== 404) return false;
  const status = parseBody(error.body);
  return isStatus(status) && stringAt(status, "details", "name") === name;
}

/** A request that was not answered. */
export function describeConnectionError(error: Error, host: string): ActionError {
  const errno = findErrno(error);
  const why = errno === undefined ? "" : ` (${errno})`;
  return new ActionError("cluster-unreachable", `the API server at ${host} cannot be reached${why}`, {
    hint: isCertificateError(errno)
      ? "look at certificate-authority-data and tls-server-name of the kubeconfig: the server's certificate does not fit them"
      : "look at cluster.server of the kubeconfig, at its proxy-url and HTTPS_PROXY, and whether this runner may connect there",
    cause: error,
  });
}

/** An answer that did not come in time. */
export function timedOut(): Error {
  return Object.assign(new Error("no answer in time"), { code: "ETIMEDOUT" });
}

/** True for a failure that the next try would meet again. */
export function isLasting(error: Error): boolean {
  return isCertificateError(findErrno(error)) || error instanceof TypeError;
}

/** `get secrets key in clusters`, for messages. */
export function renderCall({ verb, resource, namespace, name }: ApiCall): string {
  return `${verb} ${resource} ${name === undefined ? "" : `${name} `}in ${namespace}`;
}

function isCertificateError(errno: string | undefined): boolean {
  return (
    errno !== undefined &&
    /CERT|SELF_SIGNED|UNABLE_TO_|INVALID_(?:CA|PURPOSE)|PATH_LENGTH|ERR_TLS|ERR_SSL|EPROTO/.test(errno)
  );
}

/** `ECONNREFUSED`, `CERT_HAS_EXPIRED`, …; undefined where the error has none. */
function findErrno(error: Error): string | undefined {
  const code: unknown = at(error, "code");
  return typeof code === "string" && /^[A-Z][A-Z0-9_]{2,60}$/.test(code) ? code : undefined;
}

function classify(httpStatus: number, status: unknown, call: ApiCall): { code: ErrorCode; hint: string } {
  if (httpStatus === 401)
    return { code: "cluster-unauthorized", hint: "make a new token for the kubeconfig, and store it as the secret" };
  if (httpStatus === 408 || httpStatus === 429 || httpStatus >= 500)
    return {
      code: "cluster-unreachable",
      hint: "the API server is overloaded or in trouble; try kubectl get --raw /readyz from the same runner",
    };
  // A redirect, a page or a text is no answer of an API server, whatever its status says.
  if (httpStatus < 400 || !isStatus(status)) return { code: "cluster-unreachable", hint: oddAnswerHint };
  if (httpStatus === 403)
    return {
      code: "permission-missing",
      hint: `grant ${call.verb} on ${call.resource} in ${call.namespace}, as docs/rbac.yaml does; an admission policy can refuse it too`,
    };
  if (httpStatus === 409)
    return {
      code: "hold-conflict",
      hint: "somebody else changed the object at the same moment; find out who, then run again",
    };
  return { code: "cluster-refused", hint: "look at the object, and at policies that guard it" };
}

/** What the API server says when it refuses; only its sentence is shown, never a body, which may hold a Secret. */
function isStatus(body: unknown): boolean {
  return stringAt(body, "kind") === "Status";
}

function parseBody(body: unknown): unknown {
  if (typeof body !== "string") return body;
  try {
    return JSON.parse(body);
  } catch {
    return undefined;
  }
}
