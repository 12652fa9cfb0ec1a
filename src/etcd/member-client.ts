import { ActionError } from "../errors.ts";
import { at, listAt, numberAt, stringAt } from "../hypershift/json-path.ts";

/** The volume of the etcd container, and etcd's certificates in it: HyperShift's StatefulSet `etcd`, 4.12 and newer. */
const volume = "/var/lib";
const endpoint = "https://localhost:2379";
const clientCertificate = "/etc/etcd/tls/client/etcd-client.crt";
const clientKey = "/etc/etcd/tls/client/etcd-client.key";
/** The first that exists; the second was the path up to 4.11. */
const authorities = ["/etc/etcd/tls/etcd-ca/ca.crt", "/etc/etcd/tls/client/etcd-client-ca.crt"] as const;
/** A key that does not exist: reading it costs nothing, and its answer carries the revision. */
const probeKey = "hypershift-etcd-backup-action";

const requiredTools = [
  "etcdctl",
  "cat",
  "dd",
  "df",
  "mv",
  "od",
  "rm",
  "sleep",
  "stat",
  "tail",
  "timeout",
  "tr",
] as const;

/** What one etcd member says of itself. Ids are lower-case hex, as etcdctl prints them; sizes bytes. */
export interface MemberReport {
  readonly pod: string;
  readonly id: string;
  readonly clusterId: string;
  readonly version: string;
  readonly revision: number;
  readonly dbSizeBytes: number;
  readonly leader: boolean;
  readonly learner: boolean;
  /** Of all members, by their ids. */
  readonly alarms: readonly { readonly memberId: string; readonly name: string }[];
  readonly memberCount: number;
  readonly volume: { readonly sizeBytes: number; readonly freeBytes: number };
  readonly tools: MemberTools;
}

/** How a member's container is to be asked. */
export interface MemberTools {
  readonly authority: string;
  /** etcdctl lost `snapshot status` in 3.6; etcdutl has it since 3.5. */
  readonly statusTool: "etcdutl" | "etcdctl";
}

/** The etcdctl of a container, to which a command is appended. Without a --command-timeout a save has none. */
export function etcdctl(authority: string): readonly string[] {
  return [
    "etcdctl",
    `--endpoints=${endpoint}`,
    `--cacert=${authority}`,
    `--cert=${clientCertificate}`,
    `--key=${clientKey}`,
  ];
}

/** The words that make etcdctl answer with the member's revision, read linearizably; read by `parseRevision`. */
export const revisionCommand = `get ${probeKey} -w json --command-timeout=10s`;

// Three of the questions wait for the other members, one after the other: all of them end before the exec is given up.
// Values reach the scripts as arguments only. A shell builtin or coreutils is all that they use: grep and ps are not
// in every image.
const inspection = `
volume=$1 first=$2 second=$3 certificate=$4 key=$5 endpoint=$6
shift 6
for tool in "$@" etcdutl; do
  command -v "$tool" >/dev/null 2>&1 && echo "tool $tool"
done
for file in "$certificate" "$key"; do
  [ -s "$file" ] || echo "missing $file"
done
if [ -s "$first" ]; then authority=$first; echo "authority 0"
elif [ -s "$second" ]; then authority=$second; echo "authority 1"
else exit 0; fi
ask() {
  echo "$1 $(etcdctl --endpoints="$endpoint" --cacert="$authority" --cert="$certificate" --key="$key" --command-timeout=5s "$@" -w json 2>/dev/null)"
}
ask endpoint status
ask member list
ask alarm list
ask get ${probeKey}
echo "df $(df -P -k "$volume" | tail -n 1)"
`;

/** argv that reports on the member in whose container it runs; its standard output is for `parseInspection`. */
export function inspectionCommand(): readonly string[] {
  return [
    "sh",
    "-c",
    inspection,
    "inspect",
    volume,
    ...authorities,
    clientCertificate,
    clientKey,
    endpoint,
    ...requiredTools,
  ];
}

/** Reads what `inspectionCommand` printed; throws `etcd-tools-missing` or `etcd-unhealthy` with the pod's name. */
export function parseInspection(pod: string, output: string): MemberReport {
  const lines = output.split("\n").map((line): readonly [string, string] => {
    const space = line.indexOf(" ");
    return space < 0 ? [line, ""] : [line.slice(0, space), line.slice(space + 1)];
  });
  const all = (word: string): readonly string[] => lines.filter(([first]) => first === word).map(([, rest]) => rest);
  const tools = all("tool");
  const missing = [
    ...requiredTools.filter((tool) => !tools.includes(tool)),
    ...all("missing"),
    ...(all("authority").length === 0 ? [authorities[0]] : []),
  ];
  if (missing.length > 0)
    throw new ActionError("etcd-tools-missing", `the etcd container of pod ${pod} lacks ${missing.join(", ")}`, {
      hint: "the action works with HyperShift's own etcd image of 4.14 and newer; look at what the container holds",
    });
  const status = parseJson(all("endpoint")[0]);
  const members = parseJson(all("member")[0]);
  const read = parseJson(all("get")[0]);
  const report = at(status, 0, "Status");
  const id = readId(report, "header", "member_id");
  const revision = readNumber(read, "header", "revision");
  if (id === undefined || revision === undefined)
    throw new ActionError("etcd-unhealthy", `the etcd member in pod ${pod} does not answer a linearizable read`, {
      hint: `look at the pod's log and at "etcdctl endpoint health" in it; it may have lost its quorum`,
    });
  const clusterId = readId(report, "header", "cluster_id");
  const version = stringAt(report, "version");
  const dbSizeBytes = readNumber(report, "dbSize");
  if (clusterId === undefined || version === undefined || dbSizeBytes === undefined)
    throw new ActionError(
      "etcd-unhealthy",
      `the etcd member in pod ${pod} does not tell its cluster, version and size`,
      {
        hint: `look at "etcdctl endpoint status" in the pod`,
      },
    );
  const [, sizeKiB, freeKiB] = /^\S+ +(\d{1,15}) +\d+ +(\d{1,15}) /.exec((all("df")[0] ?? "").trim()) ?? [];
  if (sizeKiB === undefined || freeKiB === undefined)
    throw new ActionError("etcd-tools-missing", `df in pod ${pod} does not tell the space of ${volume}`, {
      hint: `look at "df -P -k ${volume}" in the etcd container`,
    });
  const self = listAt(members, "members").find((member) => readId(member, "ID") === id);
  return {
    pod,
    id,
    clusterId,
    version,
    revision,
    dbSizeBytes,
    leader: readId(report, "leader") === id,
    learner: self === undefined || at(self, "isLearner") === true,
    alarms: listAt(parseJson(all("alarm")[0]), "alarms").map((alarm) => ({
      memberId: readId(alarm, "memberID") ?? "unknown",
      name: alarmName(at(alarm, "alarm")),
    })),
    memberCount: listAt(members, "members").length,
    volume: { sizeBytes: Number(sizeKiB) * 1024, freeBytes: Number(freeKiB) * 1024 },
    tools: {
      authority: authorities[all("authority")[0] === "1" ? 1 : 0],
      statusTool: tools.includes("etcdutl") ? "etcdutl" : "etcdctl",
    },
  };
}

/** The revision in the header of an answer of etcdctl; undefined where there is none. */
export function parseRevision(output: string): number | undefined {
  return readNumber(parseJson(output), "header", "revision");
}

/** Numbers stay text, since etcd's ids have 64 bits. */
function parseJson(text: string | undefined): unknown {
  try {
    return JSON.parse(text ?? "", reviveExactly);
  } catch {
    return undefined;
  }
}

function reviveExactly(_key: string, value: unknown, context?: { readonly source?: string }): unknown {
  return typeof value === "number" ? (context?.source ?? String(value)) : value;
}

function readId(value: unknown, ...path: readonly (string | number)[]): string | undefined {
  const text = stringAt(value, ...path);
  return text !== undefined && /^\d+$/.test(text) ? BigInt(text).toString(16) : undefined;
}

function readNumber(value: unknown, ...path: readonly (string | number)[]): number | undefined {
  const text = stringAt(value, ...path) ?? numberAt(value, ...path);
  const number = Number(text);
  return text !== undefined && Number.isSafeInteger(number) ? number : undefined;
}

/** Source of the numbers: AlarmType in etcd's rpc.proto. */
function alarmName(alarm: unknown): string {
  switch (alarm) {
    case "1":
      return "NOSPACE";
    case "2":
      return "CORRUPT";
    default:
      return "unknown";
  }
}
