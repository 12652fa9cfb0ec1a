/** A request to the API server, as RBAC and the log see it. */
export interface ApiRequest {
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  /** get, list, watch, create, update, patch, delete; or the method in lower case where no resource is named. */
  readonly verb: string;
  /** Empty for the core group, and where the path names no resource. */
  readonly group: string;
  readonly version: string;
  /** Empty where the path names none: `/version`. */
  readonly resource: string;
  readonly subresource?: string;
  readonly namespace?: string;
  readonly name?: string;
  readonly dryRun: boolean;
}

const verbs: Readonly<Record<string, string>> = { POST: "create", PUT: "update", PATCH: "patch", DELETE: "delete" };

/** Reads method and URL; the path's parts as they are, decoded. Throws URIError for a path that cannot be decoded. */
export function parseRequest(method: string, url: string): ApiRequest {
  const { pathname, searchParams: query } = new URL(url, "https://localhost");
  const parts = pathname.split("/").filter(Boolean).map(decodeURIComponent);
  const common = { method, path: pathname, query, dryRun: query.getAll("dryRun").includes("All") };
  const inGroup = parts[0] === "apis" && parts.length >= 4;
  const inCore = parts[0] === "api" && parts.length >= 3;
  if (!inGroup && !inCore) return { ...common, verb: method.toLowerCase(), group: "", version: "", resource: "" };
  const [group = "", version = "", ...rest] = inGroup ? parts.slice(1) : ["", ...parts.slice(1)];
  const namespaced = rest[0] === "namespaces" && rest.length > 2;
  const [resource = "", name, subresource] = namespaced ? rest.slice(2) : rest;
  const namespace = rest[0] === "namespaces" ? rest[1] : undefined;
  return {
    ...common,
    verb: method === "GET" || method === "HEAD" ? readingVerb(name, query) : (verbs[method] ?? method.toLowerCase()),
    group,
    version,
    resource,
    ...(subresource === undefined ? {} : { subresource }),
    ...(namespace === undefined ? {} : { namespace }),
    ...(name === undefined ? {} : { name }),
  };
}

function readingVerb(name: string | undefined, query: URLSearchParams): string {
  if (name !== undefined) return "get";
  return ["true", "1"].includes(query.get("watch") ?? "") ? "watch" : "list";
}
