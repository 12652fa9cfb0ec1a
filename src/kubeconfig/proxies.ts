import { isIPv4 } from "node:net";
import { ActionError } from "../errors.ts";

export type Environment = Readonly<Record<string, string | undefined>>;

/** The variables that Node's agents take as `proxyEnv`; without a proxy in it they connect directly. */
export type ProxyEnvironment = Readonly<Partial<Record<"HTTP_PROXY" | "HTTPS_PROXY" | "NO_PROXY", string>>>;

/** Node takes certificates as they are where this is "0", but for agents that say otherwise. */
const uncheckedVariable = "NODE_TLS_REJECT_UNAUTHORIZED";

/** The first Node.js whose agents look at `proxyEnv`; an older one would connect directly, without a word. */
const firstWithProxies = [24, 5] as const;

/**
 * The proxies of the environment; a name in lower case wins, as for curl. Throws `input-invalid` for what Node would pass
 * over in silence.
 */
export function readProxyEnvironment(environment: Environment): ProxyEnvironment {
  const proxies = (["HTTPS_PROXY", "HTTP_PROXY"] as const).flatMap((name) => {
    const [setName, value] = readEither(environment, name);
    if (value === undefined) return [];
    const proxy = parseHttpProxy(value);
    if (proxy === undefined)
      throw new ActionError("input-invalid", `${setName} is no address of an HTTP proxy`, {
        hint: `give ${setName} as http://host:port; other kinds of proxies are not supported`,
      });
    requireProxies(setName);
    requireCheckedProxy(setName, proxy, environment);
    return [[name, proxy] as const];
  });
  const [, passedBy] = readEither(environment, "NO_PROXY");
  return {
    ...Object.fromEntries(proxies),
    ...(passedBy === undefined ? {} : { NO_PROXY: renderPassedBy(passedBy) }),
  };
}

/** Throws `input-invalid` where Node.js would pass over the proxy that `name` sets. */
export function requireProxies(name: string, nodeVersion: string = process.versions.node): void {
  const [major = 0, minor = 0] = nodeVersion.split(".").map(Number);
  const [firstMajor, firstMinor] = firstWithProxies;
  if (major > firstMajor || (major === firstMajor && minor >= firstMinor)) return;
  throw new ActionError("input-invalid", `${name} is set, but Node.js ${nodeVersion} of this runner knows no proxies`, {
    hint: `update the runner: it needs Node.js ${firstWithProxies.join(".")} or newer`,
  });
}

/** The name of the variable that keeps Node from checking certificates; undefined where it is not set. */
export function findUncheckedVariable(environment: Environment): string | undefined {
  return environment[uncheckedVariable] === "0" ? uncheckedVariable : undefined;
}

/**
 * Throws `input-invalid` for an https:// proxy whose certificate Node would not check: no option of an agent is about the
 * connection to its proxy.
 */
export function requireCheckedProxy(name: string, proxy: string, environment: Environment): void {
  const variable = findUncheckedVariable(environment);
  if (variable === undefined || !proxy.startsWith("https:")) return;
  throw new ActionError("input-invalid", `${name} is an https:// proxy, and ${variable} is 0`, {
    hint: `take ${variable} away, and give a private CA as a file in NODE_EXTRA_CA_CERTS: anyone could be that proxy`,
  });
}

/** The address of an HTTP proxy as Node takes it; undefined for anything else. */
export function parseHttpProxy(text: string): string | undefined {
  const url = URL.parse(text);
  if (url === null || !["http:", "https:"].includes(url.protocol) || !isDecodable(url)) return undefined;
  return url.href;
}

/** False where the user or password of a URL has a `%` that stands for nothing. */
export function isDecodable({ username, password }: URL): boolean {
  try {
    decodeURIComponent(username + password);
    return true;
  } catch {
    return false;
  }
}

function readEither(environment: Environment, name: string): readonly [name: string, value: string | undefined] {
  const lower = name.toLowerCase();
  return environment[lower] ? [lower, environment[lower]] : [name, environment[name] || undefined];
}

/**
 * NO_PROXY as kubectl reads it, in Node's words: a domain stands for its subdomains too, and a block of IPv4 addresses
 * (`10.0.0.0/8`, as OpenShift's own proxy settings have it) is a range.
 */
function renderPassedBy(list: string): string {
  return list
    .split(/[\s,]+/)
    .filter((entry) => entry !== "")
    .map((entry) => {
      const [address = "", length] = entry.split("/");
      if (length !== undefined && isIPv4(address) && /^\d+$/.test(length) && Number(length) <= 32)
        return renderRange(address, Number(length));
      if (/^\[.*\]$/.test(entry)) return entry.slice(1, -1);
      return /^[a-z0-9_][a-z0-9._-]*$/i.test(entry) && /[a-z]/i.test(entry) ? `.${entry}` : entry;
    })
    .join(",");
}

function renderRange(address: string, prefixLength: number): string {
  const size = 2 ** (32 - prefixLength);
  const number = address.split(".").reduce((sum, octet) => sum * 256 + Number(octet), 0);
  const first = number - (number % size);
  return `${renderAddress(first)}-${renderAddress(first + size - 1)}`;
}

function renderAddress(number: number): string {
  return [2 ** 24, 2 ** 16, 2 ** 8, 1].map((place) => String(Math.floor(number / place) % 256)).join(".");
}
