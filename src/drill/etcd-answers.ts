import { ActionError } from "../errors.ts";
import { predictCluster, type PredictedCluster } from "../etcd/prediction.ts";
import type { Snapshot } from "../etcd/snapshot.ts";
import { restoredPeers } from "../hypershift/etcd-peers.ts";
import type { RestoreScript } from "../hypershift/restore-script.ts";
import { at, listAt, stringAt } from "../json-path.ts";
import { parseJson, readId, readNumber } from "../pod/etcd-json.ts";
import { hashesAsFile } from "../pod/hash-kv.ts";
import { isVersion } from "../pod/member.ts";

/** The answers of a restored etcd on itself; undefined where it gave none. */
export interface EtcdAnswers {
  readonly version: string | undefined;
  readonly revision: number | undefined;
  readonly memberId: string | undefined;
  readonly clusterId: string | undefined;
  readonly members: number;
  /** At the revision that was asked for. */
  readonly hashKV: number | undefined;
}

/** etcdctl of the drill's pod, to which a command is appended. */
export const drillEtcdctl = "etcdctl --endpoints=http://127.0.0.1:2379";

const asking = `revision=$1 limit=$2
ask() { echo "$1 $(${drillEtcdctl} --command-timeout="$limit"s "$@" -w json 2>/dev/null)"; }
ask endpoint status
ask member list
echo "hash $(${drillEtcdctl} --command-timeout="$limit"s endpoint hashkv --rev="$revision" -w json 2>/dev/null)"
`;

/** argv that asks the restored etcd, for `parseAnswers`. */
export function askCommand(revision: number, limitSeconds: number): readonly string[] {
  return ["sh", "-c", asking, "ask", String(revision), String(limitSeconds)];
}

export function parseAnswers(output: string): EtcdAnswers {
  const answer = (word: string): unknown =>
    parseJson(
      output
        .split("\n")
        .find((line) => line.startsWith(`${word} `))
        ?.slice(word.length + 1),
    );
  const status = at(answer("endpoint"), 0, "Status");
  const version = stringAt(status, "version");
  return {
    version: isVersion(version) ? version : undefined,
    revision: readNumber(status, "header", "revision"),
    memberId: readId(status, "header", "member_id"),
    clusterId: readId(status, "header", "cluster_id"),
    members: listAt(answer("member"), "members").length,
    hashKV: readNumber(answer("hash"), 0, "HashKV", "hash"),
  };
}

/**
 * The ids of the one member that a restore makes. Without a name for its members the script leaves etcdutl's defaults: a peer at
 * localhost, and the token etcd-cluster.
 */
export function predictMember(script: RestoreScript, controlPlane: string): PredictedCluster {
  if (script === "plain") return predictCluster([{ peerUrls: ["http://localhost:2380"] }], "etcd-cluster");
  const { members, token } = restoredPeers(controlPlane, 1);
  return predictCluster(members, token);
}

/**
 * The version of a restored etcd. Throws `drill-differs` with all that it answers otherwise than it was predicted from the stored
 * bytes; an etcd before 3.5.16 has a HashKV of its own, which is not compared.
 */
export function refuseOtherAnswers(
  answers: EtcdAnswers,
  { prediction }: Pick<Snapshot, "prediction">,
  { script, controlPlane }: { readonly script: RestoreScript; readonly controlPlane: string },
): string {
  const { version = "" } = answers;
  const { revision, hashKV } = prediction[script];
  const { clusterId, memberIds } = predictMember(script, controlPlane);
  const lines = [
    // Leases that expire meanwhile raise it.
    ...(answers.revision !== undefined && answers.revision >= revision
      ? []
      : [`its revision is ${show(answers.revision)}, not ${String(revision)}`]),
    ...(version === "" ? ["it does not tell its version"] : []),
    ...(answers.hashKV === hashKV || (version !== "" && !hashesAsFile(version))
      ? []
      : [`its HashKV at revision ${String(revision)} is ${show(answers.hashKV)}, not ${String(hashKV)}`]),
    ...(answers.clusterId === clusterId ? [] : [`its cluster id is ${show(answers.clusterId)}, not ${clusterId}`]),
    ...(answers.memberId === memberIds[0]
      ? []
      : [`its member id is ${show(answers.memberId)}, not ${show(memberIds[0])}`]),
    ...(answers.members === 1 ? [] : [`it has ${String(answers.members)} members, not 1`]),
  ];
  if (lines.length > 0) throw differs(script, lines);
  return version;
}

/** Throws `drill-differs` for a list of keys that is longer than the whole snapshot, before it is read. */
export function refuseLongList(
  script: RestoreScript,
  listBytes: number,
  { sizeBytes }: Pick<Snapshot, "sizeBytes">,
): void {
  if (listBytes > sizeBytes) throw differs(script, [`its keys alone have ${String(listBytes)} bytes`]);
}

/** Throws `drill-differs` where the restored etcd gives more or fewer keys of a resource than the stored bytes have. */
export function refuseOtherKeys(
  script: RestoreScript,
  found: Readonly<Record<string, number>>,
  { resources }: Pick<Snapshot, "resources">,
): void {
  const names = [...new Set([...Object.keys(found), ...Object.keys(resources)])].sort();
  const lines = names.flatMap((name) => {
    const [gives, has] = [found[name] ?? 0, resources[name]?.keys ?? 0];
    return gives === has ? [] : [`it gives ${String(gives)} keys of ${name}, not ${String(has)}`];
  });
  if (lines.length > 0) throw differs(script, lines);
}

const mostShown = 10;

function differs(script: RestoreScript, lines: readonly string[]): ActionError {
  const more = lines.length > mostShown ? [`and ${String(lines.length - mostShown)} more`] : [];
  return new ActionError(
    "drill-differs",
    `the etcd that was restored (${script}) is not what the stored bytes say:\n${[...lines.slice(0, mostShown), ...more].map((line) => `- ${line}`).join("\n")}`,
    { hint: "do not count on this snapshot; keep it, and report what differs with the version of etcd" },
  );
}

function show(value: number | string | undefined): string {
  return value === undefined ? "not answered" : String(value);
}
