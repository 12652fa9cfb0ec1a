import type { RestoreScript, RestoreTool } from "../hypershift/restore-script.ts";
import { restoredPeers } from "../hypershift/etcd-peers.ts";
import { sharedFiles, sharedFolder, workFolder } from "./paths.ts";

/**
 * The course of the pod. It uses a shell, coreutils, curl and etcd's tools, which HyperShift's own init containers need of this
 * image. Each step is a line in a file, with the milliseconds since the node's start at which it begins, which nobody sets back: a runner that was cut off reads on. It
 * fetches as HyperShift's etcd-init does, but for an answer that is no snapshot, which it tells apart. What fails stays to be read
 * for a while, without a secret. Source: control-plane-operator/controllers/hostedcontrolplane/v2/etcd/etcd-init.sh.
 */
const course = `set -u
shared=$1 work=$2 member=$3 peer=$4 token=$5 plain_tool=$6
shift 6
etcd=
note() { read -r up _ </proc/uptime; echo "\${up%.*}\${up#*.}0 $*" >>"$work/progress"; }
ask() { etcdctl --endpoints=http://127.0.0.1:2379 "$@"; }
fail() {
  rm -rf "$shared"/*
  : >"$shared/over"
  note "failed $* $(tail -n 1 "$work/log" 2>/dev/null | tr -cd '[:print:]' | head -c 400)"
  sleep 120
  exit 1
}
trap 'exit 143' TERM
: >"$work/log"
note ready
looks=1500
until [ -e "$shared/${sharedFiles.delivered}" ]; do
  [ "$looks" -gt 0 ] || fail delivery 0
  looks=$((looks - 1))
  sleep 0.2
done
note fetching
http=$(curl -sS -o "$work/snapshot" -w '%{http_code}' --config "$shared/${sharedFiles.url}" 2>/dev/null) || fail curl $?
rm -f "$shared/${sharedFiles.url}"
if [ "$http" != 200 ]; then
  why=refused
  case "$(head -c 2000 "$work/snapshot" | tr -cd '[:print:]')" in *xpired*) why=expired ;; esac
  fail http "$http" "$why"
fi
newest=etcdctl
! command -v etcdutl >/dev/null 2>&1 || newest=etcdutl
for script in "$@"; do
  if [ -n "$etcd" ]; then
    kill "$etcd"
    wait "$etcd"
    rm -rf "$work/etcd"
  fi
  note "restoring $script"
  if [ "$script" = bumped ]; then
    set -- --name="$member" --initial-cluster="$member=$peer" --initial-cluster-token="$token" \\
      --initial-advertise-peer-urls="$peer" --bump-revision 1000000000 --mark-compacted
    tool=$newest
  else
    set --
    tool=$newest
    [ "$plain_tool" = newest ] || tool=$plain_tool
  fi
  "$tool" snapshot restore "$work/snapshot" --data-dir="$work/etcd" "$@" >"$work/log" 2>&1 || fail restore $?
  note "starting $script"
  etcd --data-dir="$work/etcd" --listen-client-urls=http://127.0.0.1:2379 --advertise-client-urls=http://127.0.0.1:2379 \\
    --listen-peer-urls=http://127.0.0.1:2380 --quota-backend-bytes=8589934592 >"$work/log" 2>&1 &
  etcd=$!
  until ask --command-timeout=2s get drill >/dev/null 2>&1; do
    kill -0 "$etcd" 2>/dev/null || fail etcd 0
    sleep 0.1
  done
  note "answers $script"
  until [ -e "$shared/next-$script" ]; do
    kill -0 "$etcd" 2>/dev/null || fail etcd 0
    sleep 0.2
  done
done
`;

/** kube-apiserver's image waits for its arguments, or for the end of what it would serve. */
const waiting = `set -u
shared=$1
shift
until [ -e "$shared/${sharedFiles.serve}" ]; do
  [ ! -e "$shared/over" ] || exit 0
  sleep 0.2
done
while IFS= read -r argument; do
  set -- "$@" "$argument"
done <"$shared/${sharedFiles.serve}"
exec "$@"
`;

/** argv of etcd's container, which restores in these ways, one after the other. */
export function entryCommand(
  scripts: readonly RestoreScript[],
  { controlPlane, plainTool }: { readonly controlPlane: string; readonly plainTool: RestoreTool },
): readonly string[] {
  const { members, token } = restoredPeers(controlPlane, 1);
  const peer = members[0]?.peerUrls[0] ?? "";
  return ["sh", "-c", course, "course", sharedFolder, workFolder, "etcd-0", peer, token, plainTool, ...scripts];
}

/** argv of the API server's container. */
export function apiServerCommand(program: readonly string[]): readonly string[] {
  return ["sh", "-c", waiting, "wait", sharedFolder, ...program];
}

/** A step that the course has begun; times are milliseconds since the node's start. */
export type Progress =
  | { readonly step: "ready" | "fetching"; readonly atMs: number }
  | { readonly step: "restoring" | "starting" | "answers"; readonly script: RestoreScript; readonly atMs: number }
  | { readonly step: "failed"; readonly failure: CourseFailure; readonly atMs: number };

/** `text` is the last line of the tool that failed; there is none of curl, which has a secret in its hands. */
export type CourseFailure =
  | { readonly kind: "delivery" }
  | { readonly kind: "curl"; readonly exitCode: number }
  | { readonly kind: "http"; readonly status: number; readonly expired: boolean }
  | { readonly kind: "restore" | "etcd"; readonly exitCode: number; readonly text: string };

/** argv that prints the steps so far, for `parseProgress`; nothing where the course has not begun yet. */
export function lookCommand(): readonly string[] {
  return ["sh", "-c", `[ ! -e "$1/progress" ] || cat "$1/progress"`, "look", workFolder];
}

/** Reads what lookCommand printed; a line that is not whole, or of no known step, is left out. */
export function parseProgress(output: string): readonly Progress[] {
  return output
    .slice(0, output.lastIndexOf("\n") + 1)
    .split("\n")
    .flatMap((line): readonly Progress[] => {
      const [, ms = "", step = "", rest = ""] = /^(\d{1,15}) ([a-z]+) ?(.*)$/.exec(line) ?? [];
      const atMs = Number(ms);
      if (step === "ready" || step === "fetching") return [{ step, atMs }];
      if (
        (step === "restoring" || step === "starting" || step === "answers") &&
        (rest === "plain" || rest === "bumped")
      )
        return [{ step, script: rest, atMs }];
      const failure = step === "failed" ? parseFailure(rest) : undefined;
      return failure === undefined ? [] : [{ step: "failed", failure, atMs }];
    });
}

function parseFailure(text: string): CourseFailure | undefined {
  const [, kind = "", code = "", rest = ""] = /^([a-z]+) (\d{1,6}) ?(.*)$/.exec(text) ?? [];
  switch (kind) {
    case "delivery":
      return { kind };
    case "curl":
      return { kind, exitCode: Number(code) };
    case "http":
      return { kind, status: Number(code), expired: rest.startsWith("expired") };
    case "restore":
    case "etcd":
      return { kind, exitCode: Number(code), text: rest.slice(0, 300) };
    default:
      return undefined;
  }
}

/** argv that lets the course go on to its next way of restoring. It may run twice. */
export function nextCommand(script: RestoreScript): readonly string[] {
  return ["sh", "-c", `: >"$1/next-$2"`, "next", sharedFolder, script];
}
