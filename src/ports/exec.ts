/** The pieces of a command's standard input, each sent when it is there; none is kept, logged or part of an error. */
export type ExecInput = Iterable<Buffer> | AsyncIterable<Buffer>;

export interface ExecOptions {
  readonly timeoutMs: number;
  /**
   * Sent to standard input, which ends after the last piece. Kubernetes before 1.30 cannot tell that end, so a command must
   * know its last byte by itself. Absent: no standard input.
   */
  readonly input?: ExecInput;
  /** Standard output is exactly this long, or the call fails; absent: at most 1 MiB. */
  readonly expectedBytes?: number;
  /**
   * Gets standard output as it comes, of any length, in place of the result, which has none then. The connection waits for as
   * long as its promise is pending. A failure of it ends the command.
   */
  readonly onStdout?: (bytes: Buffer) => Promise<void> | undefined;
}

export interface ExecResult {
  /** 0 for success; the command's own exit status. */
  readonly exitCode: number;
  readonly stdout: Buffer;
  /** The last 4 KiB. */
  readonly stderr: string;
}
