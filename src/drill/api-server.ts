import { at, listAt, numberAt, stringAt } from "../json-path.ts";
import type { KeyedObject } from "./keyspace.ts";
import { certificateFolder, sharedFiles, sharedFolder } from "./paths.ts";

const address = "https://127.0.0.1:6443";

/**
 * The arguments of an API server that serves the restored etcd to this pod alone, and calls nobody; see delivery.ts for the files.
 * It has no watch cache: a large cluster would not fit into the pod, and nothing is watched.
 */
export function renderArguments(prefix: string, serviceNetworks: readonly string[]): readonly string[] {
  const flags = {
    "etcd-servers": "http://127.0.0.1:2379",
    "etcd-prefix": prefix,
    "etcd-compaction-interval": "0",
    "watch-cache": "false",
    "bind-address": "127.0.0.1",
    "secure-port": "6443",
    // Of nobody (RFC 5737): it stands in the certificate, and is not written to etcd.
    "advertise-address": "192.0.2.1",
    "endpoint-reconciler-type": "none",
    "cert-dir": certificateFolder,
    "token-auth-file": `${sharedFolder}/${sharedFiles.tokens}`,
    "anonymous-auth": "false",
    "authorization-mode": "AlwaysAllow",
    "service-account-issuer": "https://drill.invalid",
    "service-account-key-file": `${sharedFolder}/${sharedFiles.signingKey}`,
    "service-account-signing-key-file": `${sharedFolder}/${sharedFiles.signingKey}`,
    "service-cluster-ip-range": serviceNetworks.join(","),
    "encryption-provider-config": `${sharedFolder}/${sharedFiles.encryption}`,
    "egress-selector-config-file": `${sharedFolder}/${sharedFiles.egress}`,
    "disable-admission-plugins": "MutatingAdmissionWebhook,ValidatingAdmissionWebhook",
  };
  return Object.entries(flags).map(([flag, value]) => `--${flag}=${value}`);
}

/** HyperShift's default where the record does not say. */
const usualServiceNetwork = "172.31.0.0/16";

/** The service networks of the cluster that was saved: an API server ends where its Services have addresses of another one. */
export function serviceNetworksOf(networking: unknown): readonly string[] {
  const cidrs = listAt(networking, "serviceNetwork").flatMap((entry) => stringAt(entry, "cidr") ?? []);
  const known = cidrs.filter((cidr) => /^[0-9a-fA-F.:]{2,45}\/\d{1,3}$/.test(cidr)).slice(0, 2);
  return known.length === 0 ? [usualServiceNetwork] : known;
}

const serving = `set -eu
shared=$1
shift
printf '%s\\n' "$@" >"$shared/serve.part"
mv "$shared/serve.part" "$shared/${sharedFiles.serve}"
`;

/** argv that lets the API server start with these arguments. It may run twice. */
export function serveCommand(given: readonly string[]): readonly string[] {
  return ["sh", "-c", serving, "serve", sharedFolder, ...given];
}

const ask = `curl -sS --max-time 30 --config "$1/${sharedFiles.client}"`;

/** argv that lists one namespace, and says how many there are; for parseNamespaces. */
export function namespacesCommand(): readonly string[] {
  return [
    "sh",
    "-c",
    `${ask} "$2" 2>/dev/null || :`,
    "namespaces",
    sharedFolder,
    `${address}/api/v1/namespaces?limit=1`,
  ];
}

/** How many namespaces an API server lists; undefined while it does not answer. */
export function parseNamespaces(output: string): number | undefined {
  try {
    const list: unknown = JSON.parse(output);
    if (at(list, "kind") !== "NamespaceList") return undefined;
    return listAt(list, "items").length + (numberAt(list, "metadata", "remainingItemCount") ?? 0);
  } catch {
    return undefined;
  }
}

// Names come by standard input: arguments stand in the audit log of the management cluster. What is read stays in the pod.
const reading = `set -u
while read -r path; do
  [ "$path" != . ] || exit 0
  ${ask} -o /dev/null -w '%{http_code}\\n' "$2$path" 2>/dev/null || :
done
exit 1
`;

/** argv that reads the objects that renderReads gave it, and prints a status for each; for parseReads. It may run twice. */
export function readCommand(): readonly string[] {
  return ["sh", "-c", reading, "read", sharedFolder, address];
}

export function renderReads(objects: readonly KeyedObject[]): Buffer {
  const paths = objects.map(({ resource, namespace, name }) => `/api/v1/namespaces/${namespace}/${resource}/${name}\n`);
  return Buffer.from(`${paths.join("")}.\n`);
}

/** The HTTP status of each object that was read, in the order of what was asked for. */
export function parseReads(output: string): readonly number[] {
  return output.split("\n").flatMap((line) => (/^\d{3}$/.test(line) ? [Number(line)] : []));
}
