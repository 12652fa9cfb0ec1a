import { numberAt, stringAt } from "../json-path.ts";
import { etcdctl, isVersion, parseRevision, revisionCommand, type MemberTools } from "./member.ts";

/**
 * Files of one run in the pod: beside the data directory (a leftover inside it would stop a restore) and named after the
 * nonce, so that they are found again without trusting anything that was written down.
 */
export const snapshotDirectory = "/var/lib";
export const snapshotPrefix = "hypershift-etcd-backup-";

/** Two saves to one name corrupt the file while one of them says "saved": each attempt has a name of its own. */
export function snapshotFile(nonce: string, attempt: number): string {
  return `${snapshotDirectory}/${snapshotPrefix}${nonce}-${String(attempt)}.db`;
}

/** Prints the free space of the files' volume in KiB; with shell builtins, since awk and cut are not in every image. */
const freeSpace = `free_kib() {
  df -P -k "\${file%/*}" | { read -r _; read -r _ _ _ free _; echo "$free"; }
}`;

// PID 1 of the container is etcd, which reaps nobody: an ended child looks alive for ever. So the end of the save is told
// by a file that a rename makes, never by a process id. The child holds no stream of the exec, so that a cut connection
// neither ends nor delays it.
const saving = `${freeSpace}
action=$1 file=$2 limit=$3 looks=$4 needed=$5
shift 5
if [ "$action" = start ]; then
  [ ! -e "$file.first" ] || { echo "started already"; exit 0; }
  free=$(free_kib)
  [ "$free" -ge "$needed" ] || { echo "full $free"; exit 0; }
  "$@" ${revisionCommand} >"$file.first" 2>/dev/null || { echo "failed 1 the member does not answer"; exit 0; }
  (
    rc=0
    timeout -k 5 "$limit" "$@" snapshot save "$file" >"$file.log" 2>&1 || rc=$?
    echo "$rc" >"$file.rc.part"
    mv "$file.rc.part" "$file.rc"
  ) </dev/null >/dev/null 2>&1 &
fi
[ -e "$file.first" ] || { echo absent; exit 0; }
while [ "$looks" -gt 0 ]; do
  if [ -s "$file.part" ] || [ -s "$file" ]; then
    echo "opened $("$@" ${revisionCommand} 2>/dev/null)"
    echo "first $(cat "$file.first")"
    exit 0
  fi
  if [ -e "$file.rc" ]; then
    echo "failed $(cat "$file.rc") $(tail -n 1 "$file.log")"
    exit 0
  fi
  sleep 0.05
  looks=$((looks - 1))
done
echo waiting
`;

/** The known state of a save that was asked for. */
export type SaveState =
  | { readonly state: "absent" }
  | { readonly state: "waiting" }
  /** Not started: etcd has taken space since it was looked at. */
  | { readonly state: "full"; readonly freeBytes: number }
  | { readonly state: "failed"; readonly exitCode: number; readonly reason: string }
  /** `revisionBefore` was read before the save began, `revisionOpened` after its file had bytes. */
  | { readonly state: "opened"; readonly revisionBefore: number; readonly revisionOpened: number };

/**
 * argv that starts a detached save (`start`), or only looks at it (`watch`), and waits for the first bytes of its file,
 * up to `waitMs`. The member has begun its read transaction by then: what is written later is not in the snapshot (seen
 * on etcd 3.5 and 3.6). Its standard output is for `parseSaveState`.
 */
export function saveCommand(
  action: "start" | "watch",
  file: string,
  tools: MemberTools,
  options: { readonly limitSeconds: number; readonly waitMs: number; readonly neededBytes: number },
): readonly string[] {
  const looks = Math.max(1, Math.floor(options.waitMs / 50));
  return [
    "sh",
    "-c",
    saving,
    "save",
    action,
    file,
    String(options.limitSeconds),
    String(looks),
    String(Math.ceil(options.neededBytes / 1024)),
    ...etcdctl(tools.authority),
  ];
}

/** Reads what `saveCommand` printed; undefined for anything else. */
export function parseSaveState(output: string): SaveState | undefined {
  const text = output.trim();
  if (text === "absent" || text === "waiting") return { state: text };
  const full = /^full (\d+)$/.exec(text);
  if (full) return { state: "full", freeBytes: Number(full[1]) * 1024 };
  const failed = /^failed (\d+) (.*)$/.exec(text);
  if (failed) return { state: "failed", exitCode: Number(failed[1]), reason: readableReason(failed[2] ?? "") };
  const opened = /^opened (.*)\nfirst (.*)$/.exec(text);
  const revisionOpened = parseRevision(opened?.[1] ?? "");
  const revisionBefore = parseRevision(opened?.[2] ?? "");
  if (revisionOpened === undefined || revisionBefore === undefined) return undefined;
  return { state: "opened", revisionBefore, revisionOpened };
}

// It waits here for the end of the save, so that an exec is not needed for each look; a volume that gets full ends the wait.
const finishing = `${freeSpace}
file=$1 tool=$2 looks=$3 least=$4
while [ ! -e "$file.rc" ]; do
  [ -e "$file.first" ] || { echo absent; exit 0; }
  free=$(free_kib)
  if [ "$free" -lt "$least" ] || [ "$looks" -le 0 ]; then
    size=$(stat -c %s "$file.part" 2>/dev/null) || size=$(stat -c %s "$file" 2>/dev/null) || size=0
    echo "running $free $size"
    exit 0
  fi
  sleep 0.25
  looks=$((looks - 1))
done
rc=$(cat "$file.rc")
echo "rc $rc"
echo "log $(tail -n 1 "$file.log")"
[ "$rc" = 0 ] || exit 0
echo "size $(stat -c %s "$file")"
echo "trailer $(tail -c 32 "$file" | od -An -v -tx1 | tr -d ' \\n')"
echo "status $("$tool" snapshot status "$file" -w json 2>/dev/null)"
`;

/** A snapshot file in the pod, as the tools there describe it. */
export interface SavedSnapshot {
  readonly sizeBytes: number;
  /** Hex of the last 32 bytes: etcd writes the SHA-256 of all bytes before them there. */
  readonly trailer: string;
  readonly revision: number;
  /** The 8 hex digits of `snapshot status`. */
  readonly hash: string;
  readonly totalKeys: number;
  readonly storageVersion: string | undefined;
}

type SaveResult =
  | { readonly state: "absent" }
  /** `savedBytes` is the size of its file so far. */
  | { readonly state: "running"; readonly freeBytes: number; readonly savedBytes: number }
  | { readonly state: "failed"; readonly exitCode: number; readonly reason: string }
  | { readonly state: "saved"; readonly snapshot: SavedSnapshot };

/**
 * argv that waits up to `waitMs` for the result of a save, or until less than `leastFreeBytes` are free; its standard output is
 * for `parseSaveResult`.
 */
export function resultCommand(
  file: string,
  tools: MemberTools,
  { waitMs, leastFreeBytes }: { readonly waitMs: number; readonly leastFreeBytes: number },
): readonly string[] {
  const looks = String(Math.floor(waitMs / 250));
  const least = String(Math.floor(leastFreeBytes / 1024));
  return ["sh", "-c", finishing, "result", file, tools.statusTool, looks, least];
}

/**
 * Reads what `resultCommand` printed. Exit codes are not trusted: etcdctl 3.6 answers `snapshot status` with its help
 * and 0. Undefined where the status is not JSON or the file's size cannot be that of a snapshot.
 */
export function parseSaveResult(output: string): SaveResult | undefined {
  const text = output.trim();
  if (text === "absent") return { state: text };
  const running = /^running (\d+) (\d+)$/.exec(text);
  if (running) return { state: "running", freeBytes: Number(running[1]) * 1024, savedBytes: Number(running[2]) };
  const field = (name: string): string => new RegExp(`^${name} (.*)$`, "m").exec(text)?.[1] ?? "";
  const exitCode = Number(field("rc") || "1");
  if (exitCode !== 0) return { state: "failed", exitCode, reason: readableReason(field("log")) };
  const sizeBytes = Number(field("size"));
  const trailer = field("trailer");
  const status = readStatus(field("status"));
  // A bbolt file has whole pages, and the trailer follows it.
  if (!Number.isSafeInteger(sizeBytes) || sizeBytes % 512 !== 32 || !/^[0-9a-f]{64}$/.test(trailer) || !status)
    return undefined;
  return { state: "saved", snapshot: { sizeBytes, trailer, ...status } };
}

function readStatus(
  text: string,
): Pick<SavedSnapshot, "revision" | "hash" | "totalKeys" | "storageVersion"> | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  const revision = numberAt(value, "revision");
  const hash = numberAt(value, "hash");
  const totalKeys = numberAt(value, "totalKey");
  const storageVersion = stringAt(value, "version");
  if (revision === undefined || hash === undefined || totalKeys === undefined) return undefined;
  if (storageVersion !== undefined && !isVersion(storageVersion)) return undefined;
  return { revision, hash: hash.toString(16).padStart(8, "0"), totalKeys, storageVersion };
}

/** The end of etcdctl's own message, without its JSON log fields. */
function readableReason(line: string): string {
  const reason = stringAt(parseLogLine(line), "error") ?? line;
  return reason.replaceAll(/[^\x20-\x7e]/g, " ").slice(0, 300);
}

function parseLogLine(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}
