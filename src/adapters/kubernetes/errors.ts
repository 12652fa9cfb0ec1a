import { ApiException } from "@kubernetes/client-node";
import { ActionError, type ErrorCode, type ErrorDetails } from "../../errors.ts";
import { at, stringAt } from "../../json-path.ts";
import { renderLine } from "../../shown-text.ts";

/** A call of the API server, for messages. */
export interface ApiCall {
  readonly verb: string;
  /** With its subresource: `deployments/scale`. */
  readonly resource: string;
  readonly namespace: string;
  /** Absent for verbs on a collection. */
  readonly name?: string;
}

/** A failure that the same call may not meet a moment later. */
export class TransientError extends ActionError {
  /** False where nobody answered. */
  readonly answered: boolean;
  /** The wait that the server asked for; 0 where it asked for none. */
  readonly retryAfterMs: number;

  constructor(
    code: ErrorCode,
    message: string,
    details: ErrorDetails & { readonly answered: boolean; readonly retryAfter?: string | undefined },
  ) {
    super(code, message, details);
    this.answered = details.answered;
    this.retryAfterMs = /^\d+$/.test(details.retryAfter ?? "") ? Number(details.retryAfter) * 1000 : 0;
  }
}

const oddAnswerHint =
  "look at cluster.server of the kubeconfig: it must be the API server of the management cluster, and nothing before it (a proxy, a login page, a load balancer) may answer in its place";

/** An error of a typed client, or of its transport, in the user's words. */
export function describeApiError(error: unknown, call: ApiCall): unknown {
  if (!(error instanceof ApiException)) return error;
  const retryAfter = stringAt(error.headers, "retry-after");
  return describeAnswer(error.code, parseBody(error.body), call, { cause: error, retryAfter });
}

/** An answer of the API server that is not a success; `status` is its body, used for reason and message only. */
export function describeAnswer(
  httpStatus: number,
  status: unknown,
  call: ApiCall,
  details: { readonly cause?: unknown; readonly retryAfter?: string | undefined } = {},
): ActionError {
  const { code, hint } = classify(httpStatus, status, call);
  const said = isStatus(status) ? stringAt(status, "message") : undefined;
  const answer = `${String(httpStatus)}${said === undefined ? "" : `: ${renderLine(said).slice(0, 500)}`}`;
  const message = `the API server refused to ${renderCall(call)} (${answer})`;
  return isInTrouble(httpStatus)
    ? new TransientError(code, message, { ...details, hint, answered: true })
    : new ActionError(code, message, { hint, cause: details.cause });
}

/** Too many requests, and what an API server or a proxy before it says while it starts, ends or is overloaded. */
function isInTrouble(httpStatus: number): boolean {
  return [408, 429, 500, 502, 503, 504].includes(httpStatus);
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
  const message = `the API server at ${host} cannot be reached${why}`;
  const details = {
    hint: findErrnoHint(errno),
    cause: error,
  };
  return isLasting(error)
    ? new ActionError("cluster-unreachable", message, details)
    : new TransientError("cluster-unreachable", message, { ...details, answered: false });
}

function findErrnoHint(errno: string | undefined): string {
  if (errno === "EPROTO" || errno?.startsWith("ERR_SSL") === true)
    return "no TLS is spoken there: look at the port of cluster.server in the kubeconfig, and at proxies before it";
  if (isCertificateError(errno)) return renderCertificateHint(errno);
  if (errno === "ENOTFOUND")
    return "this runner does not know that name: look at cluster.server of the kubeconfig; a name of a private network needs a runner inside of it";
  return "look at cluster.server of the kubeconfig, at its proxy-url and HTTPS_PROXY, and whether this runner may connect there";
}

function renderCertificateHint(errno: string | undefined): string {
  const fields = "look at certificate-authority-data and tls-server-name of the kubeconfig";
  return errno?.startsWith("UNABLE_TO_GET_ISSUER") === true
    ? `${fields}: an authority is missing between the server's certificate and those that are given`
    : `${fields}: the server's certificate does not fit them`;
}

/** An answer that did not come in time. */
export function timedOut(): Error {
  return Object.assign(new Error("no answer in time"), { code: "ETIMEDOUT" });
}

/** True for a failure that the next try would meet again. */
function isLasting(error: Error): boolean {
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
    return {
      code: "cluster-unauthorized",
      hint: "make a new token for the kubeconfig, and store it as the secret; one of the hosted cluster, or of another management cluster, is not taken",
    };
  const webhook = findWebhook(status);
  if (httpStatus >= 500 && webhook !== undefined)
    return {
      code: "cluster-unreachable",
      hint: `the webhook "${webhook}" does not answer, and nothing goes on without it: look at the pods behind it; HyperShift's own is the operator in namespace hypershift`,
    };
  if (httpStatus === 408 || httpStatus === 429 || httpStatus >= 500)
    return {
      code: "cluster-unreachable",
      hint: "the API server is overloaded or in trouble; try kubectl get --raw /readyz from the same runner",
    };
  // A redirect, a page or a text is not an answer of an API server, whatever its status says.
  if (httpStatus < 400 || !isStatus(status)) return { code: "cluster-unreachable", hint: oddAnswerHint };
  if (httpStatus === 403 && isRefusedByAdmission(status, call))
    return {
      code: "pod-refused",
      hint: `look at the rule that the message names, in namespace ${call.namespace}: docs/rbac.yaml has the quota and the level of PodSecurity that are enough`,
    };
  if (httpStatus === 404 && isPodCreation(call))
    return {
      code: "pod-refused",
      hint: `the namespace ${call.namespace} does not exist: apply the part for drills of docs/rbac.yaml, or set drill-namespace`,
    };
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

/** True where the user may make pods, and this one is not taken: an authorizer says what the user cannot do. */
function isRefusedByAdmission(status: unknown, call: ApiCall): boolean {
  const said = stringAt(status, "message") ?? "";
  return isPodCreation(call) && / is forbidden: (?!User )/.test(said);
}

function isPodCreation({ verb, resource }: ApiCall): boolean {
  return verb === "create" && resource === "pods";
}

/** The answer of an API server that refuses; only its sentence is shown, never a body, which may hold a Secret. */
function isStatus(body: unknown): boolean {
  return stringAt(body, "kind") === "Status";
}

/**
 * The webhook that was not reached, with `failurePolicy: Fail`, or that converts objects between versions.
 * Source: k8s.io/apiserver, pkg/admission/plugin/webhook/errors, and apiextensions-apiserver, pkg/apiserver/conversion.
 */
function findWebhook(status: unknown): string | undefined {
  const said = /failed calling webhook "([^"\s]{1,253})"|conversion webhook for ([^\s,]{1,253})/;
  const [, admission, conversion] = said.exec(stringAt(status, "message") ?? "") ?? [];
  return admission ?? conversion;
}

function parseBody(body: unknown): unknown {
  if (typeof body !== "string") return body;
  try {
    return JSON.parse(body);
  } catch {
    return undefined;
  }
}
