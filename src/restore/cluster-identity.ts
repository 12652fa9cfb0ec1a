import { ActionError } from "../errors.ts";
import type { HostedCluster } from "../hypershift/hosted-cluster.ts";
import { listAt, stringAt } from "../hypershift/json-path.ts";
import type { Log } from "../ports.ts";
import type { SnapshotRecord } from "../snapshot/record.ts";
import { quote } from "./target-cluster.ts";

/** A field that stands in the snapshot's objects, too. */
interface Comparison {
  readonly field: string;
  readonly recorded: string | undefined;
  readonly given: string | undefined;
  /** What follows where they differ. */
  readonly consequence: string;
}

/** What HyperShift's CRD gives a HostedCluster without one. */
const defaultIssuerURL = "https://kubernetes.default.svc";

/**
 * Compares what the snapshot's objects carry of their cluster with the manifest; what the record does not know is passed over.
 * Throws `hosted-cluster-differs` for another infraID or clusterID; every other difference is a warning.
 */
export function checkIdentity(record: SnapshotRecord, cluster: HostedCluster, log: Log): void {
  const ids = (["infraID", "clusterID"] as const).map((field) => ({
    field: `spec.${field}`,
    recorded: stringAt(record.hostedCluster, field),
    given: cluster[field],
    consequence: "HyperShift will make a new one, and the objects in the snapshot carry the old one",
  }));
  for (const { field, recorded, given } of ids)
    if (recorded !== undefined && given !== undefined && recorded !== given)
      throw new ActionError(
        "hosted-cluster-differs",
        `the manifest's ${field} is ${quote(given)}, the snapshot's cluster has ${quote(recorded)}`,
        {
          hint: `set ${field} to ${quote(recorded)}: objects in the snapshot carry it, and it cannot be changed later`,
        },
      );
  for (const { field, recorded, given, consequence } of [...ids, ...listComparisons(record, cluster)])
    if (recorded !== undefined && recorded !== given)
      log.warning(
        `${field} is ${given === undefined ? "not" : quote(given)} in the manifest, and ${quote(recorded)} in the snapshot's cluster: ${consequence}`,
      );
}

function listComparisons(record: SnapshotRecord, cluster: HostedCluster): readonly Comparison[] {
  const recorded = (field: string): string | undefined => stringAt(record.hostedCluster, field);
  const addresses = "certificates and addresses in the snapshot name the old one";
  const ranges = "addresses of the objects in the snapshot lie in the old ranges";
  return [
    { field: "metadata.namespace", recorded: recorded("namespace"), given: cluster.namespace, consequence: addresses },
    { field: "metadata.name", recorded: recorded("name"), given: cluster.name, consequence: addresses },
    {
      field: "spec.dns.baseDomain",
      recorded: recorded("baseDomain"),
      given: cluster.baseDomain,
      consequence: addresses,
    },
    {
      field: "spec.platform.type",
      recorded: recorded("platform"),
      given: cluster.platform,
      consequence: "nodes, volumes and load balancers in the snapshot belong to the old platform",
    },
    {
      field: "spec.issuerURL",
      recorded: stringAt(record, "issuerURL"),
      given: cluster.issuerURL ?? defaultIssuerURL,
      consequence: "tokens of service accounts in the snapshot name the old issuer",
    },
    ...["clusterNetwork", "serviceNetwork", "machineNetwork"].map((list) => ({
      field: `spec.networking.${list}`,
      recorded: renderRanges(record.networking, list),
      given: renderRanges(cluster.networking, list),
      consequence: ranges,
    })),
    ...listAt(record.hostedCluster, "services").map((service) => {
      const name = stringAt(service, "service");
      return {
        field: `the hostname of spec.services ${name ?? ""}`,
        recorded: stringAt(service, "hostname"),
        given: cluster.services.find((candidate) => candidate.service === name)?.hostname,
        consequence: "clients and nodes reach the cluster by the old one",
      };
    }),
  ];
}

/** undefined for an absent or empty list. */
function renderRanges(networking: unknown, list: string): string | undefined {
  const ranges = listAt(networking, list).flatMap((range) => stringAt(range, "cidr") ?? []);
  return ranges.length === 0 ? undefined : ranges.join(", ");
}
