import { snapshotDirectory, snapshotPrefix } from "./snapshot-save.ts";

// A file that goes away meanwhile is none.
const looking = `
directory=$1 prefix=$2
now=$(date +%s)
for file in "$directory/$prefix"*; do
  modified=$(stat -c %Y "$file" 2>/dev/null) || continue
  echo "$((now - modified)) \${file##*/}"
done
`;

/** What one run left in a pod, finished or not. */
interface LeftFiles {
  readonly nonce: string;
  /** Since the newest of its files was written, by the pod's own clock. */
  readonly ageSeconds: number;
}

/** argv that looks for the files of every run; its standard output is for `parseLeftFiles`. */
export function leftFilesCommand(): readonly string[] {
  return ["sh", "-c", looking, "look", snapshotDirectory, snapshotPrefix];
}

/** Reads what `leftFilesCommand` printed, one entry for each run. Names that no run gives are left out. */
export function parseLeftFiles(output: string): readonly LeftFiles[] {
  const ages = new Map<string, number>();
  for (const line of output.split("\n")) {
    const [, age, nonce] = /^(-?\d+) hypershift-etcd-backup-([0-9a-f]{32})-\d+\.db(?:\.[a-z.]+)?$/.exec(line) ?? [];
    if (nonce !== undefined) ages.set(nonce, Math.min(Number(age), ages.get(nonce) ?? Infinity));
  }
  return [...ages].map(([nonce, ageSeconds]) => ({ nonce, ageSeconds }));
}
