import { ApiException } from "@kubernetes/client-node";
import { ActionError, type ErrorCode } from "../errors.ts";
import { stringAt } from "../hypershift/json-path.ts";

/** What was asked of the API server, for messages. */
export interface ApiCall {
  readonly verb: string;
  /** With its subresource: `deployments/scale`. */
  readonly resource: string;
  readonly namespace: string;
  /** Absent for verbs on a collection. */
  readonly name?: string;
}

/** An error of a typed client, or of its transport, in the user's words. */
export function describeApiError(error: unknown, call: ApiCall): unknown {
  if (!(error instanceof ApiException)) return error;
  return describeAnswer(error.code, parseBody(error.body), call, error);
}

/** An answer of the API server that is no success; `status` is its body, of which only reason and message are used. */
export function describeAnswer(httpStatus: number, status: unknown, call: ApiCall, cause?: unknown): ActionError {
  const code = findCode(httpStatus);
  const where = call.name === undefined ? `in ${call.namespace}` : `${call.name} in ${call.namespace}`;
  const said = readMessage(status);
  const answer = `${String(httpStatus)}${said === undefined ? "" : `: ${said}`}`;
  return new ActionError(code, `the API server refused to ${call.verb} ${call.resource} ${where} (${answer})`, {
    hint: findHint(code, call),
    cause,
  });
}

/** A request that was not answered. */
export function describeConnectionError(error: Error, host: string): ActionError {
  const errno = findErrno(error);
  const certificate = isCertificateError(errno);
  return new ActionError("cluster-unreachable", `the API server at ${host} cannot be reached (${errno})`, {
    hint: certificate
      ? "look at certificate-authority-data and tls-server-name of the kubeconfig: the server's certificate does not fit them"
      : "look at cluster.server of the kubeconfig, at HTTPS_PROXY, and whether this runner may connect there",
    cause: error,
  });
}

/** True for a failure that the next try would meet again. */
export function isLasting(error: Error): boolean {
  return isCertificateError(findErrno(error)) || error instanceof TypeError;
}

function isCertificateError(errno: string): boolean {
  return /CERT|SELF_SIGNED|UNABLE_TO_(?:GET|VERIFY)|ERR_TLS|ERR_SSL|EPROTO/.test(errno);
}

/** `ECONNREFUSED`, `CERT_HAS_EXPIRED`, …; a request that is ended by its time-out has the code ABORT_ERR. */
function findErrno(error: Error): string {
  const code = "code" in error ? error.code : undefined;
  if (typeof code !== "string" || code === "ABORT_ERR") return "timed out";
  return /^[A-Z][A-Z0-9_]{2,60}$/.test(code) ? code : "unknown";
}

function findCode(httpStatus: number): ErrorCode {
  switch (httpStatus) {
    case 401:
      return "cluster-unauthorized";
    case 403:
      return "permission-missing";
    case 409:
      return "hold-conflict";
    default:
      // A redirect is no answer of an API server; 429 and 5xx were tried again until no try was left.
      return httpStatus < 400 || httpStatus === 408 || httpStatus === 429 || httpStatus >= 500
        ? "cluster-unreachable"
        : "cluster-refused";
  }
}

function findHint(code: ErrorCode, call: ApiCall): string {
  switch (code) {
    case "cluster-unauthorized":
      return "make a new token for the kubeconfig, and store it as the secret";
    case "permission-missing":
      return `grant ${call.verb} on ${call.resource} in ${call.namespace}, as docs/rbac.yaml does; an admission policy can refuse it too`;
    case "hold-conflict":
      return "somebody else changed the object at the same moment; find out who, then run again";
    case "cluster-unreachable":
      return "the API server is overloaded or in trouble; try kubectl get --raw /readyz from the same runner";
    default:
      return "look at the object, and at policies that guard it";
  }
}

/** The server's own sentence, cut; never a body, which may hold a Secret. */
function readMessage(status: unknown): string | undefined {
  if (stringAt(status, "kind") !== "Status") return undefined;
  return stringAt(status, "message")?.slice(0, 500);
}

function parseBody(body: unknown): unknown {
  if (typeof body !== "string") return body;
  try {
    return JSON.parse(body);
  } catch {
    return undefined;
  }
}
