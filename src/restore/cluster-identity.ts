import type { HostedCluster } from "../hypershift/hosted-cluster.ts";
import { at, listAt, stringAt } from "../json-path.ts";
import type { SnapshotRecord } from "../snapshots/record.ts";
import { quote } from "../shown-text.ts";
import { refuse, type Finding } from "./findings.ts";

/** A field that stands in the snapshot's objects, too. */
interface Comparison {
  readonly field: string;
  readonly recorded: string | undefined;
  readonly given: string | undefined;
  /** The effect of a difference. */
  readonly consequence: string;
}

/** The CRD of HyperShift gives it to a HostedCluster without one. */
const defaultIssuerURL = "https://kubernetes.default.svc";

const idFields = ["infraID", "clusterID"] as const;

/** Values of the record for fields that the manifest leaves empty, by their name in `spec`. */
export type FilledIds = Partial<Record<(typeof idFields)[number], string>>;

/**
 * Compares what the snapshot's objects carry of their cluster with the manifest; a field that the record does not know is
 * passed over. Another name, namespace, infraID or clusterID is refused with `hosted-cluster-differs`; an empty infraID or
 * clusterID is `filled`; every other difference is told.
 */
export function compareIdentity(record: SnapshotRecord, cluster: HostedCluster, value: unknown): readonly Finding[] {
  const { hostedCluster } = record;
  const names = (["namespace", "name"] as const).map((field) =>
    compareFixed(`metadata.${field}`, hostedCluster[field], cluster[field]),
  );
  const ids = idFields.flatMap((field) => {
    const recorded = stringAt(hostedCluster, field);
    if (recorded === undefined) return [];
    const given = at(value, "spec", field);
    const guard = `spec.${field}`;
    return given === undefined || given === null || given === ""
      ? [{ guard, verdict: "filled", text: `${quote(recorded)} is taken from the record` } as const]
      : [compareFixed(guard, recorded, typeof given === "string" ? given : JSON.stringify(given))];
  });
  const others = listComparisons(record, cluster).flatMap(({ field, recorded, given, consequence }): Finding[] => {
    if (recorded === undefined) return [];
    if (recorded === given) return [{ guard: field, verdict: "equal", text: quote(recorded) }];
    const shown = given === undefined ? "not" : quote(given);
    const text = `it is ${shown} in the manifest, and ${quote(recorded)} in the snapshot's cluster: ${consequence}`;
    return [{ guard: field, verdict: "differs", text }];
  });
  return [...names, ...ids, ...others];
}

/** The ids that `compareIdentity` found to be filled. */
export function listFilledIds(record: SnapshotRecord | undefined, findings: readonly Finding[]): FilledIds {
  const filled = findings.filter(({ verdict }) => verdict === "filled").map(({ guard }) => guard);
  return Object.fromEntries(
    idFields
      .filter((field) => filled.includes(`spec.${field}`))
      .map((field) => [field, stringAt(record?.hostedCluster, field) ?? ""]),
  );
}

function compareFixed(guard: string, recorded: string, given: string): Finding {
  if (recorded === given) return { guard, verdict: "equal", text: quote(recorded) };
  return refuse(
    guard,
    "hosted-cluster-differs",
    `the manifest's ${guard} is ${quote(given)}, the snapshot's cluster has ${quote(recorded)}`,
    `set ${guard} to ${quote(recorded)}: objects in the snapshot carry it, and it cannot be changed later`,
  );
}

function listComparisons(record: SnapshotRecord, cluster: HostedCluster): readonly Comparison[] {
  const recorded = (field: string): string | undefined => stringAt(record.hostedCluster, field);
  const addresses = "certificates and addresses in the snapshot name the old one";
  const ranges = "addresses of the objects in the snapshot lie in the old ranges";
  return [
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
      field: "spec.controllerAvailabilityPolicy",
      recorded: recorded("availabilityPolicy"),
      given: cluster.availabilityPolicy ?? "HighlyAvailable",
      consequence: "the new cluster has another number of members, and keeps it",
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
    ...record.hostedCluster.services.map(({ service, hostname }) => ({
      field: `the hostname of spec.services ${service}`,
      recorded: hostname,
      given: cluster.services.find((candidate) => candidate.service === service)?.hostname,
      consequence: "clients and nodes reach the cluster by the old one",
    })),
  ];
}

/** undefined for an absent or empty list. */
function renderRanges(networking: unknown, list: string): string | undefined {
  const ranges = listAt(networking, list).flatMap((range) => stringAt(range, "cidr") ?? []);
  return ranges.length === 0 ? undefined : ranges.join(", ");
}
