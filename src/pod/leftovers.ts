import { ActionError, describeError } from "../errors.ts";
import { persist, type PersistWorld } from "../persist.ts";
import type { Log, ManagementCluster, ObjectRef } from "../ports.ts";
import { limits } from "../time-limits.ts";
import { etcdContainer } from "./member.ts";
import { snapshotDirectory, snapshotPrefix } from "./save.ts";

// A file that goes away meanwhile is none; a directory that cannot be listed is not an empty one.
const looking = `
directory=$1 prefix=$2
ls "$directory" >/dev/null || exit 1
now=$(date +%s)
for file in "$directory/$prefix"*; do
  modified=$(stat -c %Y "$file" 2>/dev/null) || continue
  echo "$((now - modified)) \${file##*/}"
done
`;

/** The files that one run left in a pod, finished or not. */
interface LeftFiles {
  readonly nonce: string;
  /** Since the newest of its files was written, by the pod's own clock. */
  readonly ageSeconds: number;
}

/**
 * The files of every run in one pod, one entry for each run. Names that no run gives are left out. Throws `leftovers-remain`
 * when the pod cannot list them.
 */
export async function findLeftFiles(
  cluster: Pick<ManagementCluster, "exec">,
  pod: ObjectRef,
): Promise<readonly LeftFiles[]> {
  const command = ["sh", "-c", looking, "look", snapshotDirectory, snapshotPrefix];
  const result = await cluster.exec(etcdContainer(pod), command, { timeoutMs: limits.execTimeoutMs });
  if (result.exitCode !== 0)
    throw new ActionError("leftovers-remain", `pod ${pod.name} cannot list the files of runs in ${snapshotDirectory}`, {
      hint: "look at the volume of the etcd pod: it may be broken",
    });
  return parseLeftFiles(result.stdout.toString());
}

function parseLeftFiles(output: string): readonly LeftFiles[] {
  const ages = new Map<string, number>();
  for (const line of output.split("\n")) {
    const [, age, nonce] = /^(-?\d+) hypershift-etcd-backup-([0-9a-f]{32})-\d+\.db(?:\.[a-z.]+)?$/.exec(line) ?? [];
    if (nonce !== undefined) ages.set(nonce, Math.min(Number(age), ages.get(nonce) ?? Infinity));
  }
  return [...ages].map(([nonce, ageSeconds]) => ({ nonce, ageSeconds }));
}

// Only a process whose command line holds a file of this nonce is ended; this shell's own holds the nonce alone. A read
// whose connection was lost blocks on its full pipe for ever, and keeps the space of the file. The command line of dd
// begins with the name of another program where coreutils are one, as on Red Hat's UBI.
const removal = `
directory=$1 nonce=$2
for process in /proc/[0-9]*; do
  case "$(tr '\\000' ' ' 2>/dev/null <"$process/cmdline")" in
    *"snapshot save"*hypershift-etcd-backup-"$nonce"-* | *"snapshot status"*hypershift-etcd-backup-"$nonce"-* | *"dd if="*hypershift-etcd-backup-"$nonce"-*)
      kill -9 "\${process#/proc/}" 2>/dev/null ;;
  esac
done
rm -f "$directory"/hypershift-etcd-backup-"$nonce"-*
names=$(ls "$directory") || exit 1
printf '%s\\n' "$names" | while read -r name; do
  case "$name" in hypershift-etcd-backup-"$nonce"-*) echo "left $name" ;; esac
done
`;

/** argv that ends the saves of a run and removes their files; prints a line `left …` for each file that stayed. */
function removalCommand(nonce: string): readonly string[] {
  return ["sh", "-c", removal, "remove", snapshotDirectory, nonce];
}

/** Ends the saves of a run in one pod and removes their files. Throws `leftovers-remain` when a file stayed. */
export async function removeFiles(
  cluster: Pick<ManagementCluster, "exec">,
  pod: ObjectRef,
  nonce: string,
): Promise<void> {
  const result = await cluster.exec(etcdContainer(pod), removalCommand(nonce), { timeoutMs: limits.execTimeoutMs });
  const lines = result.stdout
    .toString()
    .split("\n")
    .filter((line) => line !== "");
  const names = lines.flatMap(
    (line) => /^left (hypershift-etcd-backup-[0-9a-f]{32}-[\w.]{1,40})$/.exec(line)?.[1] ?? [],
  );
  if (result.exitCode !== 0 || lines.length > 0)
    throw new ActionError(
      "leftovers-remain",
      `files of a run stayed in pod ${pod.name}: ${names.join(", ") || "it does not tell which"}`,
      {
        hint: "look at the volume of the etcd pod: it may be read-only",
      },
    );
}

/** Does `removeFiles` in several pods; a file that stays is a warning, since the next run removes it. False where one stays. */
export async function tryRemoveFiles(
  world: PersistWorld & { readonly cluster: ManagementCluster; readonly log: Log },
  pods: readonly ObjectRef[],
  nonce: string,
): Promise<boolean> {
  const removed = await Promise.all(
    pods.map(async (pod) => {
      try {
        await persist(world, (signal) => removeFiles(world.cluster.withSignal(signal), pod, nonce));
        return true;
      } catch (error) {
        const { code, message } = describeError(error);
        world.log.warning(`the files of this run in pod ${pod.name} could not be removed (${code}: ${message})`);
        return false;
      }
    }),
  );
  return removed.every(Boolean);
}
