/** A range of a file. */
export interface FilePart {
  /** From 0. */
  readonly index: number;
  readonly offset: number;
  readonly lengthBytes: number;
}

// Two loops, since dd blocks for ever on the full pipe of a connection that is lost: one hands the lines on, and ends the
// whole group that timeout made when its input ends without `end`; the other sends the parts, and ends the first when dd
// fails, as on a file that is gone. The line behind each part tells it from one that is too short or too long: dd does not.
const sending = `{
  sh -c 'echo "$PPID"'
  while read -r line; do
    echo "$line"
    [ "$line" != end ] || exit 0
  done
  kill -9 0
} | {
  read -r reader
  while read -r offset length; do
    [ "$offset" != end ] || exit 0
    dd if="$1" iflag=skip_bytes,count_bytes,fullblock bs=1M skip="$offset" count="$length" status=none || {
      rc=$?
      kill "$reader"
      exit "$rc"
    }
    echo "part $offset $length"
  done
}`;

/** The exit code of a command that sent parts for too long; of `timeout`. */
export const timedOutCode = 124;

/**
 * argv that sends parts of a file, as the lines of its standard input say: a `partLine` for each, and at last `endLine`.
 * Behind each part comes its `partEnd`. It ends by itself when its input does, and after `limitSeconds`.
 */
export function partsCommand(file: string, limitSeconds: number): readonly string[] {
  const script = `exec timeout -k 5 "$2" sh -c "$3" part "$1"`;
  return ["sh", "-c", script, "part", file, String(limitSeconds), sending];
}

export function partLine({ offset, lengthBytes }: FilePart): Buffer {
  return Buffer.from(`${String(offset)} ${String(lengthBytes)}\n`);
}

export const endLine = Buffer.from("end\n");

/** What follows the bytes of a part, and those of no other part. */
export function partEnd({ offset, lengthBytes }: FilePart): Buffer {
  return Buffer.from(`part ${String(offset)} ${String(lengthBytes)}\n`);
}
