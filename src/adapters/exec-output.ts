import type { ExecResult } from "../ports.ts";

const stdoutMaxBytes = 1024 * 1024;
const stderrKeptBytes = 4 * 1024;

/** What a command in a pod printed. A part of a known length goes into one buffer of its own, which no pool keeps. */
export class ExecOutput {
  readonly #expectedBytes: number | undefined;
  readonly #buffer: Buffer;
  #stderr = Buffer.alloc(0);
  sizeBytes = 0;

  constructor(expectedBytes: number | undefined) {
    this.#expectedBytes = expectedBytes;
    this.#buffer = Buffer.allocUnsafeSlow(expectedBytes ?? stdoutMaxBytes);
  }

  /** False when there is more than was expected, or than is taken. */
  addStdout(payload: Buffer): boolean {
    if (this.sizeBytes + payload.length > this.#buffer.length) return false;
    payload.copy(this.#buffer, this.sizeBytes);
    this.sizeBytes += payload.length;
    return true;
  }

  addStderr(payload: Buffer): void {
    this.#stderr = Buffer.concat([this.#stderr, payload]).subarray(-stderrKeptBytes);
  }

  get isComplete(): boolean {
    return this.#expectedBytes === undefined || this.sizeBytes === this.#expectedBytes;
  }

  toResult(exitCode: number): ExecResult {
    const { sizeBytes } = this;
    // A short answer must not keep the whole buffer.
    const all = this.#buffer.subarray(0, sizeBytes);
    const stdout = this.#expectedBytes === undefined ? Buffer.from(all) : all;
    return { exitCode, stdout, stderr: this.#stderr.toString("utf8") };
  }
}
