import type { ExecOptions, ExecResult } from "../../ports/exec.ts";

const stdoutMaxBytes = 1024 * 1024;
const stderrKeptBytes = 4 * 1024;

/** Behind all that a command prints. */
const endMark = Buffer.from("\nend of the output\n");
const marking = `"$@"
code=$?
printf %s "$0"
exit "$code"
`;

type Taker = NonNullable<ExecOptions["onStdout"]>;
type Expected = Pick<ExecOptions, "expectedBytes" | "onStdout">;

/**
 * argv of a command whose output says itself that it is whole, where nobody could see that else. The API server tells success
 * of a command, too, that its kubelet left when it was restarted: seen with Kubernetes 1.34, where an error stream without
 * bytes is one.
 */
export function markEnd(argv: readonly string[], expected: Expected): readonly string[] {
  return endsWithMark(expected) ? ["sh", "-c", marking, endMark.toString(), ...argv] : argv;
}

function endsWithMark({ expectedBytes, onStdout }: Expected): boolean {
  return expectedBytes === undefined && onStdout === undefined;
}

/**
 * The output of a command in a pod. A part of a known length goes into one buffer of its own, which no pool keeps; where somebody
 * takes it as it comes, none of it is kept.
 */
export class ExecOutput {
  readonly #expected: Expected;
  readonly #buffer: Buffer;
  #taken: Promise<void> | undefined;
  #stderr = Buffer.alloc(0);
  sizeBytes = 0;

  constructor(expected: Expected) {
    const { expectedBytes, onStdout } = expected;
    this.#expected = expected;
    const mostBytes = expectedBytes ?? stdoutMaxBytes + endMark.length;
    this.#buffer = Buffer.allocUnsafeSlow(onStdout === undefined ? mostBytes : 0);
  }

  /** False when there is more than was expected. */
  addStdout(payload: Buffer): boolean {
    const start = this.sizeBytes;
    this.sizeBytes += payload.length;
    const { onStdout } = this.#expected;
    if (onStdout !== undefined) {
      this.#hand(payload, onStdout);
      return true;
    }
    if (this.sizeBytes > this.#buffer.length) return false;
    payload.copy(this.#buffer, start);
    return true;
  }

  addStderr(payload: Buffer): void {
    this.#stderr = Buffer.concat([this.#stderr, payload]).subarray(-stderrKeptBytes);
  }

  /** Pending while the taker is busy, and rejected with what it throws then; undefined while it is not. */
  get taken(): Promise<void> | undefined {
    return this.#taken;
  }

  /** What it lacks, for a message; undefined for one that is whole. */
  get lack(): string | undefined {
    const { expectedBytes } = this.#expected;
    if (expectedBytes !== undefined && this.sizeBytes !== expectedBytes)
      return `${String(expectedBytes)} bytes were expected`;
    return endsWithMark(this.#expected) && !this.#hasMark ? "the end of its output did not come" : undefined;
  }

  toResult(exitCode: number): ExecResult {
    const all = this.#all;
    // A short answer must not keep the whole buffer.
    const stdout = endsWithMark(this.#expected)
      ? Buffer.from(all.subarray(0, this.#hasMark ? -endMark.length : undefined))
      : all;
    return { exitCode, stdout, stderr: this.#stderr.toString("utf8") };
  }

  get #all(): Buffer {
    return this.#buffer.subarray(0, this.sizeBytes);
  }

  get #hasMark(): boolean {
    return this.#all.subarray(-endMark.length).equals(endMark);
  }

  /** More may be on its way already when the taker is found busy. */
  #hand(payload: Buffer, taker: Taker): void {
    const taken = this.#taken === undefined ? taker(payload) : this.#taken.then(() => taker(payload));
    this.#taken = taken;
    const isOver = (): void => {
      if (this.#taken === taken) this.#taken = undefined;
    };
    taken?.then(isOver, isOver);
  }
}
