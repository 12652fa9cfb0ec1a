import { ActionError } from "../errors.ts";
import { at, listAt, stringAt } from "../json-path.ts";
import { quote } from "../shown-text.ts";
import { describeYamlProblem } from "../yaml-words.ts";
import { parseCertificates, parseClientCertificate, parseTokenExpiry } from "./credentials.ts";
import {
  isDecodable,
  parseHttpProxy,
  readProxyEnvironment,
  requireCheckedProxy,
  requireProxies,
  type Environment,
  type ProxyEnvironment,
} from "./proxies.ts";
import {
  clusterFields,
  decodeKubeconfig,
  ignoredFields,
  kubeconfigMaxCharacters,
  parseDocuments,
  refusals,
  userFields,
} from "./text.ts";
import { findWrapping, isKubeconfig } from "./wrapping.ts";

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
  /** Fields that were passed over although they look as if they had an effect, each a sentence. */
  readonly warnings: readonly string[];
}

/** An empty one of these has an effect in kubectl: it fails. */
const neverPassedOver = ["exec", "auth-provider"];

/**
 * Reads the current context, or `context`, of a kubeconfig given as text or base64 of it; runs nothing, reads no file and
 * contacts nothing. Throws `kubeconfig-invalid`, or `kubeconfig-refused` with the field that is not accepted.
 */
export function parseKubeconfig(
  given: string,
  options: { readonly context?: string; readonly environment: Environment },
): Kubeconfig {
  const document = parseYaml(given);
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
  if (token?.startsWith("ENC[") === true)
    throw invalid(
      "has a token that SOPS encrypted",
      "decrypt the file first (sops --decrypt), and store what comes out",
    );
  if (token !== undefined && /^Bearer\s/i.test(token))
    throw invalid("has a token that begins with Bearer", "store what stands behind that word alone");
  if (token !== undefined && !/^[\x21-\x7e]+$/.test(token))
    throw invalid(
      "has a token that is not one line of printable characters",
      "store the token again, without line breaks",
    );
  if (token === "REDACTED")
    throw invalid("has a token that was left out", "make it anew with kubectl config view --minify --flatten --raw");
  if (token !== undefined) refuseEncodedToken(token);
  const keyAlone = token !== undefined && isKeyAlone(user);
  const client = keyAlone
    ? undefined
    : parseClientCertificate(stringAt(user, "client-certificate-data"), stringAt(user, "client-key-data"));
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
    warnings: keyAlone
      ? ["the field client-key-data of the kubeconfig is passed over: without client-certificate-data it has no effect"]
      : [],
  };
}

/** A key without a certificate is passed over, as by kubectl, where another credential is there. */
function isKeyAlone(user: unknown): boolean {
  return stringAt(user, "client-key-data") !== undefined && stringAt(user, "client-certificate-data") === undefined;
}

/** The data of a ServiceAccount's Secret is base64, which no API server takes for a token. */
function refuseEncodedToken(token: string): void {
  const decoded = Buffer.from(token, "base64").toString("latin1");
  if (/^[A-Za-z0-9+/]+={0,2}$/.test(token) && /^eyJ[\w-]+\.[\w-]+\.[\w-]+$/.test(decoded))
    throw invalid("has a token that is base64 of a token", "decode it once: base64 -d");
}

/** Errors of the parser show the line, which may hold the token: only the place is told. */
function parseYaml(given: string): unknown {
  const text = decodeKubeconfig(given);
  if (text.length > kubeconfigMaxCharacters) throw invalid("has more than 1 MiB", "keep only the context that is used");
  try {
    const [document, second] = parseDocuments(text);
    const value: unknown = document?.errors.length === 0 ? document.toJS({ maxAliasCount: 0 }) : undefined;
    const found = isKubeconfig(value) ? undefined : findWrapping(given);
    if (found !== undefined) throw invalid(found.problem, found.hint);
    if (second !== undefined) throw invalid("has more than one document", "keep the one that is used");
    const [problem] = [...(document?.errors ?? []), ...(document?.warnings ?? [])];
    if (problem) {
      const line = text.slice(0, problem.pos[0]).split("\n").length;
      throw invalid(describeYamlProblem(problem.code, line));
    }
    if (typeof value === "object" && value !== null && !Array.isArray(value)) return value;
  } catch (error) {
    if (error instanceof ActionError) throw error;
    // A mask of a log, for one, is an alias.
    const found = findWrapping(given);
    throw found === undefined
      ? invalid("uses aliases (& and *) or nests too deeply")
      : invalid(found.problem, found.hint);
  }
  throw invalid("is no YAML mapping");
}

function findEntry(document: unknown, list: string, field: string, name: string): unknown {
  const entries = listAt(document, list).filter((entry) => at(entry, "name") === name);
  const [entry] = entries;
  const value = at(entry, field);
  if (entries.length > 1) throw invalid(`has more than one entry ${quote(name)} in ${list}`);
  if (typeof value === "object" && value !== null) return value;
  throw invalid(`has no ${field} ${quote(name)}`, hintEntry(listAt(document, list).length, field));
}

/** A file that was cut off has none of its last list. */
function hintEntry(entries: number, field: string): string {
  if (entries === 0) return `it has no ${field}s at all: was it cut off? ${anew}`;
  return field === "context"
    ? "look at kubeconfig-context and current-context; kubectl config get-contexts lists what there is"
    : `a context names it: ${anew}`;
}

function readName(context: unknown, field: string, contextName: string): string {
  const name = stringAt(context, field);
  if (name === undefined) throw invalid(`names no ${field} in context ${quote(contextName)}`);
  return name;
}

/** Refuses all but `allowed` fields of texts, those without effect, and those that are passed over on purpose. */
function refuseFields(entry: unknown, kind: string, allowed: readonly string[]): void {
  if (typeof entry !== "object" || entry === null) return;
  for (const [field, value] of Object.entries(entry)) {
    if (allowed.includes(field) || ignoredFields.includes(field) || isWithoutEffect(field, value)) continue;
    const shown = /^[\w-]{1,60}$/.test(field) ? field : "of an odd name";
    throw refused(
      `${kind}.${shown}`,
      refusals.get(field) ?? "it is not one of the fields that the action knows to be safe: remove it",
    );
  }
  for (const field of allowed) {
    const value = at(entry, field);
    if (value !== undefined && value !== null && typeof value !== "string")
      throw invalid(`has a field ${kind}.${field} that is no text`, "put its value into quotes");
  }
}

/** True for an empty or false field, which kubectl passes over as well. */
function isWithoutEffect(field: string, value: unknown): boolean {
  if (value === "" || value === false || value === null) return true;
  return typeof value === "object" && Object.keys(value).length === 0 && !neverPassedOver.includes(field);
}

function readServer(cluster: unknown): string {
  const text = stringAt(cluster, "server");
  if (text === undefined) throw invalid("names no server");
  const hint = "give cluster.server as https://<host>:<port>, as https://api.example.com:6443";
  const server = URL.parse(text);
  if (server?.protocol === "http:")
    throw refused(
      "cluster.server",
      "over http:// anyone between runner and cluster could read the credentials: give its https:// address",
    );
  // An empty query or fragment is kept in the address, but not told by its own field.
  if (server?.protocol !== "https:" || server.href !== server.origin + server.pathname)
    throw invalid("has a server that is no https:// address", hint);
  return server.href.replace(/\/+$/, "");
}

/** proxy-url wins over the environment, and NO_PROXY does not count for it, as for kubectl. */
function readProxy(proxyUrl: string | undefined, environment: Environment): Pick<Kubeconfig, "proxy" | "socksProxy"> {
  if (proxyUrl === undefined) return { proxy: readProxyEnvironment(environment) };
  const httpProxy = parseHttpProxy(proxyUrl);
  if (httpProxy !== undefined) {
    requireProxies("cluster.proxy-url");
    requireCheckedProxy("cluster.proxy-url", httpProxy, environment);
    return { proxy: { HTTPS_PROXY: httpProxy } };
  }
  const url = URL.parse(proxyUrl);
  if (url === null || !["socks5:", "socks5h:"].includes(url.protocol) || url.hostname === "" || !isDecodable(url))
    throw refused("cluster.proxy-url", "only http://, https:// and socks5:// proxies are supported");
  return { proxy: {}, socksProxy: url.href.replace(/^socks5h?:/, "socks5h:") };
}

const anew = "make the kubeconfig anew with kubectl config view --minify --flatten --raw";

function invalid(problem: string, hint = anew): ActionError {
  return new ActionError("kubeconfig-invalid", `the input kubeconfig ${problem}`, { hint });
}

function refused(field: string, reason: string): ActionError {
  return new ActionError("kubeconfig-refused", `the field ${field} of the input kubeconfig is not accepted`, {
    hint: reason,
  });
}
