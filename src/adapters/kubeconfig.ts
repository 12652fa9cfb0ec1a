import { parseDocument } from "yaml";
import { ActionError } from "../errors.ts";
import { at, listAt, stringAt } from "../hypershift/json-path.ts";
import { parseCertificates, parseClientCertificate, parseTokenExpiry } from "./kubeconfig-credentials.ts";
import {
  isDecodable,
  parseHttpProxy,
  readProxyEnvironment,
  requireProxies,
  type Environment,
  type ProxyEnvironment,
} from "./proxy-environment.ts";

/** One context of a kubeconfig, rebuilt from the fields that are allowed. PEM as text. */
export interface Kubeconfig {
  /** `https://host:port/path`, without a slash at its end. */
  readonly server: string;
  readonly tlsServerName?: string;
  /** Absent: the system's roots, and those of NODE_EXTRA_CA_CERTS. */
  readonly certificateAuthority?: string;
  readonly token?: string;
  readonly clientCertificate?: { readonly certificate: string; readonly key: string };
  /** Without an address in it the connection is direct, or through `socksProxy`. */
  readonly proxy: ProxyEnvironment;
  /** `socks5h://host:port`: the proxy looks the server's name up. */
  readonly socksProxy?: string;
  /** The earlier of the token's `exp` and the certificate's `notAfter`; absent where neither says. */
  readonly credentialsExpireAt?: Date;
}

/** As the API's own limit for one object. */
const maxCharacters = 1024 * 1024;

/** Harmless and without effect here; everything else that is not read below is refused. */
const ignoredFields = ["extensions", "disable-compression"];

const clusterFields = ["server", "certificate-authority-data", "tls-server-name", "proxy-url"];
const userFields = ["token", "client-certificate-data", "client-key-data"];

/** Why a field is refused, and what stands for it. */
const refusals = new Map([
  ["exec", "it runs a program on the runner; use the token of a ServiceAccount (docs/rbac.yaml)"],
  ["auth-provider", "it runs a program on the runner; use the token of a ServiceAccount (docs/rbac.yaml)"],
  ["certificate-authority", "it reads a file of the runner; put its content into certificate-authority-data as base64"],
  ["client-certificate", "it reads a file of the runner; put its content into client-certificate-data as base64"],
  ["client-key", "it reads a file of the runner; put its content into client-key-data as base64"],
  ["tokenFile", "it reads a file of the runner; put its content into token"],
  [
    "insecure-skip-tls-verify",
    "anyone between runner and cluster could read the credentials; give certificate-authority-data",
  ],
  ["username", "API servers take no passwords any more; use the token of a ServiceAccount (docs/rbac.yaml)"],
  ["password", "API servers take no passwords any more; use the token of a ServiceAccount (docs/rbac.yaml)"],
]);

/**
 * Reads the current context, or `context`, of a kubeconfig given as text or base64 of it; runs nothing, reads no file and
 * contacts nothing. Throws `kubeconfig-invalid`, or `kubeconfig-refused` with the field that is not accepted.
 */
export function parseKubeconfig(
  given: string,
  options: { readonly context?: string; readonly environment: Environment },
): Kubeconfig {
  const document = parseYaml(decode(given));
  const contextName = options.context ?? stringAt(document, "current-context");
  if (contextName === undefined)
    throw invalid(
      "has no current-context",
      "name one with kubeconfig-context, or run kubectl config use-context first",
    );
  const context = findEntry(document, "contexts", "context", contextName);
  const cluster = findEntry(document, "clusters", "cluster", readName(context, "cluster", contextName));
  const user = findEntry(document, "users", "user", readName(context, "user", contextName));
  refuseFields(cluster, "cluster", clusterFields);
  refuseFields(user, "user", userFields);
  const server = readServer(cluster);
  const authority = stringAt(cluster, "certificate-authority-data");
  const tlsServerName = stringAt(cluster, "tls-server-name");
  const token = stringAt(user, "token")?.trim();
  if (token !== undefined && !/^[\x21-\x7e]+$/.test(token))
    throw invalid(
      "has a token that is not one line of printable characters",
      "store the token again, without line breaks",
    );
  const client = parseClientCertificate(stringAt(user, "client-certificate-data"), stringAt(user, "client-key-data"));
  if (token === undefined && client === undefined)
    throw invalid("has neither a token nor a client certificate", "use the token of a ServiceAccount (docs/rbac.yaml)");
  const ends = [client?.notAfter, token === undefined ? undefined : parseTokenExpiry(token)].filter(
    (end) => end !== undefined,
  );
  return {
    server,
    ...(tlsServerName === undefined ? {} : { tlsServerName }),
    ...(authority === undefined
      ? {}
      : { certificateAuthority: parseCertificates(authority, "certificate-authority-data") }),
    ...(token === undefined ? {} : { token }),
    ...(client === undefined ? {} : { clientCertificate: { certificate: client.certificate, key: client.key } }),
    ...readProxy(stringAt(cluster, "proxy-url"), options.environment),
    ...(ends.length === 0 ? {} : { credentialsExpireAt: new Date(Math.min(...ends.map((end) => end.getTime()))) }),
  };
}

function decode(given: string): string {
  const digits = given.replaceAll(/\s/g, "");
  return /^[A-Za-z0-9+/]{40,}={0,2}$/.test(digits) ? Buffer.from(digits, "base64").toString("utf8") : given;
}

/** Errors of the parser show the line, which may hold the token: only the place is told. */
function parseYaml(text: string): unknown {
  if (text.length > maxCharacters) throw invalid("has more than 1 MiB", "keep only the context that is used");
  try {
    // A silent parser does not say that there is a second document. Nothing is printed by one that is not.
    const document = parseDocument(text, { prettyErrors: false, schema: "core" });
    const [problem] = [...document.errors, ...document.warnings];
    if (problem) {
      const line = text.slice(0, problem.pos[0]).split("\n").length;
      throw invalid(`is no valid YAML (${problem.code} in line ${String(line)})`);
    }
    const value: unknown = document.toJS({ maxAliasCount: 0 });
    if (typeof value === "object" && value !== null && !Array.isArray(value)) return value;
  } catch (error) {
    if (error instanceof ActionError) throw error;
    throw invalid("uses aliases or nests too deeply");
  }
  throw invalid("is no YAML mapping");
}

function findEntry(document: unknown, list: string, field: string, name: string): unknown {
  const entries = listAt(document, list).filter((entry) => at(entry, "name") === name);
  const [entry] = entries;
  const value = at(entry, field);
  if (entries.length > 1) throw invalid(`has more than one entry ${quote(name)} in ${list}`);
  if (typeof value === "object" && value !== null) return value;
  throw invalid(
    `has no ${field} ${quote(name)}`,
    field === "context" ? "look at kubeconfig-context and current-context" : undefined,
  );
}

function readName(context: unknown, field: string, contextName: string): string {
  const name = stringAt(context, field);
  if (name === undefined) throw invalid(`names no ${field} in context ${quote(contextName)}`);
  return name;
}

/** An empty or false field has no effect and is passed over, as kubectl does. */
function refuseFields(entry: unknown, kind: string, allowed: readonly string[]): void {
  if (typeof entry !== "object" || entry === null) return;
  for (const [field, value] of Object.entries(entry)) {
    const unset = value === "" || value === false || value === null;
    if (unset || allowed.includes(field) || ignoredFields.includes(field)) continue;
    const shown = /^[\w-]{1,60}$/.test(field) ? field : "of an odd name";
    throw refused(
      `${kind}.${shown}`,
      refusals.get(field) ?? "it is not one of the fields that the action knows to be safe",
    );
  }
  for (const field of allowed) {
    const value = at(entry, field);
    if (value !== undefined && value !== null && typeof value !== "string")
      throw invalid(`has a field ${kind}.${field} that is no text`);
  }
}

function readServer(cluster: unknown): string {
  const text = stringAt(cluster, "server");
  if (text === undefined) throw invalid("names no server");
  const server = URL.parse(text);
  if (server?.protocol === "http:")
    throw refused("cluster.server", "over http:// anyone between runner and cluster could read the credentials");
  // An empty query or fragment is kept in the address, but not told by its own field.
  if (server?.protocol !== "https:" || server.href !== server.origin + server.pathname)
    throw invalid("has a server that is no https:// address");
  return server.href.replace(/\/+$/, "");
}

/** proxy-url wins over the environment, and NO_PROXY does not count for it, as for kubectl. */
function readProxy(proxyUrl: string | undefined, environment: Environment): Pick<Kubeconfig, "proxy" | "socksProxy"> {
  if (proxyUrl === undefined) return { proxy: readProxyEnvironment(environment) };
  const httpProxy = parseHttpProxy(proxyUrl);
  if (httpProxy !== undefined) {
    requireProxies("cluster.proxy-url");
    return { proxy: { HTTPS_PROXY: httpProxy } };
  }
  const url = URL.parse(proxyUrl);
  if (url === null || !["socks5:", "socks5h:"].includes(url.protocol) || url.hostname === "" || !isDecodable(url))
    throw refused("cluster.proxy-url", "only http://, https:// and socks5:// proxies are supported");
  return { proxy: {}, socksProxy: url.href.replace(/^socks5h?:/, "socks5h:") };
}

/** A name in an error; the limit of a name in Kubernetes is 253. */
function quote(name: string): string {
  return JSON.stringify(name.slice(0, 253));
}

function invalid(problem: string, hint = "look at it with kubectl config view --minify --flatten"): ActionError {
  return new ActionError("kubeconfig-invalid", `the input kubeconfig ${problem}`, { hint });
}

function refused(field: string, reason: string): ActionError {
  return new ActionError("kubeconfig-refused", `the field ${field} of the input kubeconfig is not accepted`, {
    hint: reason,
  });
}
