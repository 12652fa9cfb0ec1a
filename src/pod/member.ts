import { ActionError } from "../errors.ts";
import type { ObjectRef } from "../ports.ts";
import { at, listAt, stringAt } from "../json-path.ts";
import { parseJson, readId, readNumber } from "./etcd-json.ts";

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

/** The report of one etcd member on itself. Ids are lower-case hex, as etcdctl prints them; sizes bytes. */
export interface MemberReport {
  readonly pod: string;
  readonly id: string;
  readonly clusterId: string;
  readonly version: string;
  readonly revision: number;
  readonly dbSizeBytes: number;
  readonly leader: boolean;
  /** Alarms of all members, by their ids. */
  readonly alarms: readonly { readonly memberId: string; readonly name: string }[];
  /** How many have a vote: a learner counts for no quorum. */
  readonly memberCount: number;
  readonly volume: { readonly sizeBytes: number; readonly freeBytes: number };
  readonly tools: MemberTools;
}

/** A member with the place of its pod. */
export interface Member extends MemberReport {
  readonly namespace: string;
}

/** The container in which etcd and its tools are, in a pod of HyperShift's StatefulSet. */
export function etcdContainer({ namespace, name }: ObjectRef): ObjectRef & { readonly container: string } {
  return { namespace, name, container: "etcd" };
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
    ...[clientCertificate, clientKey].filter((file) => all("missing").includes(file)),
    ...(all("authority").length === 0 ? [authorities[0]] : []),
  ];
  if (missing.length > 0)
    throw new ActionError("etcd-tools-missing", `the etcd container of pod ${pod} lacks ${missing.join(", ")}`, {
      hint: "the action works with HyperShift's own etcd image of 4.14 and newer; look at what the container holds",
    });
  const ask = (word: string, question: string): unknown => {
    const answer = parseJson(all(word)[0]);
    if (answer === undefined) throw unanswered(pod, question);
    return answer;
  };
  const report = at(ask("endpoint", "endpoint status"), 0, "Status");
  // It answers nothing but this: isRPCSupportedForLearner in etcd's v3rpc.
  if (at(report, "isLearner") === true) throw learns(pod);
  const id = readId(report, "header", "member_id");
  const revision = readNumber(ask("get", "a linearizable read"), "header", "revision");
  if (id === undefined || revision === undefined) throw unanswered(pod, "a linearizable read");
  const members = listAt(ask("member", "member list"), "members");
  if (members.length === 0) throw unanswered(pod, "member list");
  if (!members.some((member) => readId(member, "ID") === id))
    throw new ActionError("etcd-unhealthy", `the etcd member in pod ${pod} is not a member of its own cluster`, {
      hint: `look at "etcdctl member list" in the pod: it was removed, or its volume is another member's`,
    });
  const alarms = listAt(ask("alarm", "alarm list"), "alarms");
  const clusterId = readId(report, "header", "cluster_id");
  const version = stringAt(report, "version");
  const dbSizeBytes = readNumber(report, "dbSize");
  if (clusterId === undefined || !isVersion(version) || dbSizeBytes === undefined)
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
  return {
    pod,
    id,
    clusterId,
    version,
    revision,
    dbSizeBytes,
    leader: readId(report, "leader") === id,
    alarms: alarms.map((alarm) => ({
      memberId: readId(alarm, "memberID") ?? "unknown",
      name: alarmName(at(alarm, "alarm")),
    })),
    memberCount: members.filter((member) => at(member, "isLearner") !== true).length,
    volume: { sizeBytes: Number(sizeKiB) * 1024, freeBytes: Number(freeKiB) * 1024 },
    tools: {
      authority: authorities[all("authority")[0] === "1" ? 1 : 0],
      statusTool: tools.includes("etcdutl") ? "etcdutl" : "etcdctl",
    },
  };
}

/** Silence says nothing of a member but that it was silent. */
function unanswered(pod: string, question: string): ActionError {
  return new ActionError("etcd-unhealthy", `the etcd member in pod ${pod} did not answer ${question}`, {
    hint: `look at the pod's log and at "etcdctl endpoint health" in it; it may have lost its quorum`,
  });
}

/** It need not have yet what the others have, so it is not captured, nor compared with them. */
function learns(pod: string): ActionError {
  return new ActionError("etcd-unhealthy", `the etcd member in pod ${pod} is a learner: it has no vote`, {
    hint: `wait until it was promoted ("etcdctl member promote" in another pod); allow-unhealthy: true captures another member`,
  });
}

/** True for a version of etcd's form, as outputs and records take it: a pod's texts end up in shells. */
export function isVersion(text: string | undefined): text is string {
  return text !== undefined && /^\d{1,9}\.\d{1,9}\.\d{1,9}[-+.\w]{0,50}$/.test(text);
}

/** The revision in the header of an answer of etcdctl; undefined where there is none. */
export function parseRevision(output: string): number | undefined {
  return readNumber(parseJson(output), "header", "revision");
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
