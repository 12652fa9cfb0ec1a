import { ActionError } from "../errors.ts";
import type { ExecResult } from "../ports/exec.ts";
import type { Clock, ManagementCluster, ObjectRef } from "../ports.ts";
import { limits } from "../time-limits.ts";
import { LineQueue } from "./line-queue.ts";
import { endLine, partEnd, partLine, partsCommand, timedOutCode, type FilePart } from "./part.ts";

/** The parts of the world that a stream of parts needs. */
interface StreamWorld {
  readonly cluster: Pick<ManagementCluster, "exec">;
  readonly clock: Clock;
}

/** A file in a pod whose path holds the nonce of the run, so that a clean-up finds what reads it. */
export interface PodFile {
  readonly container: ObjectRef & { readonly container: string };
  readonly file: string;
}

/** The part that is awaited, and where its bytes go. */
interface Wanted {
  readonly part: FilePart;
  readonly into: Buffer;
  readonly end: Buffer;
  /** Of its bytes and its end. */
  seenBytes: number;
  readonly onStart: () => void;
  readonly done: PromiseWithResolvers<Buffer>;
}

/**
 * One command in a pod that sends parts of a file, each as a line of its standard input asks for it. The line of the part after
 * the one that comes is sent ahead, so that the pod never waits for the way. No byte is taken but into the buffer of the
 * part that is awaited: the connection waits, and with it the pod, for as long as none is.
 */
export class PartStream {
  readonly #lines = new LineQueue();
  readonly #source: PodFile;
  readonly #clock: Clock;
  readonly #ended: Promise<void>;
  /** Aborts with the first failure. */
  readonly #failed = new AbortController();
  /** Parts that were asked for and have not come. */
  readonly #asked: FilePart[] = [];
  #wanted: Wanted | undefined;
  #wanting = Promise.withResolvers<undefined>();
  #heardMs: number;

  constructor({ cluster, clock }: StreamWorld, source: PodFile) {
    this.#source = source;
    this.#clock = clock;
    this.#heardMs = clock.nowMs();
    const argv = partsCommand(source.file, limits.partsTimeoutMs / 1000);
    const options = {
      timeoutMs: limits.partsTimeoutMs + limits.execTimeoutMs,
      input: this.#lines,
      onStdout: (bytes: Buffer) => this.#take(bytes),
    };
    this.#ended = cluster.exec(source.container, argv, options).then(
      (result) => {
        this.#fail(this.#describeEnd(result));
      },
      (error: unknown) => {
        this.#fail(error);
      },
    );
  }

  /**
   * The bytes of `part`, in `into`; when the first of them are there, the line of the part that `next` names is sent. Throws
   * `exec-interrupted` where they do not come, or not as they should; `transfer-failed` where the pod cannot read them; what
   * `exec` throws. After any of these the stream is of no use.
   */
  async read(part: FilePart, into: Buffer, next: () => FilePart | undefined): Promise<Buffer> {
    const onStart = (): void => {
      this.#ask(next());
    };
    const done = Promise.withResolvers<Buffer>();
    this.#ask(part);
    this.#heardMs = this.#clock.nowMs();
    if (!this.#failed.signal.aborted) this.#wanted = { part, into, end: partEnd(part), seenBytes: 0, onStart, done };
    else done.reject(this.#failed.signal.reason);
    this.#wanting.resolve(undefined);
    const read = new AbortController();
    void this.#watch(read.signal);
    try {
      return await done.promise;
    } finally {
      read.abort();
    }
  }

  /** Ends the command: at its own pace where all came that was asked for, else at once. */
  async close(): Promise<void> {
    if (this.#asked.length > 0) this.#lines.fail(this.#interrupted("no more of it is needed"));
    this.#lines.push(endLine);
    this.#lines.end();
    const closed = new AbortController();
    const patience = this.#clock.sleep(limits.execCloseMs, closed.signal).catch(() => undefined);
    await Promise.race([this.#ended, patience]);
    closed.abort();
    this.#fail(this.#interrupted("all of it is there"));
  }

  #ask(part: FilePart | undefined): void {
    if (part === undefined || this.#asked.includes(part)) return;
    this.#asked.push(part);
    this.#lines.push(partLine(part));
  }

  /** Undefined where all of it was taken at once. */
  #take(bytes: Buffer): Promise<void> | undefined {
    const rest = this.#fill(bytes);
    return rest === undefined ? undefined : this.#takeLater(rest);
  }

  /** Throws the failure of the stream: a command that sends more than is wanted ends by it. */
  async #takeLater(bytes: Buffer): Promise<void> {
    for (let rest: Buffer | undefined = bytes; rest !== undefined; rest = this.#fill(rest)) {
      await this.#wanting.promise;
      this.#failed.signal.throwIfAborted();
    }
  }

  /** What is left when nothing is wanted, and all of it of a stream that has failed. */
  #fill(bytes: Buffer): Buffer | undefined {
    let rest = bytes;
    while (rest.length > 0) {
      const wanted = this.#wanted;
      if (wanted === undefined || this.#failed.signal.aborted) return rest;
      if (wanted.seenBytes === 0) wanted.onStart();
      this.#heardMs = this.#clock.nowMs();
      const { part, into, end, seenBytes } = wanted;
      const endBytes = seenBytes - part.lengthBytes;
      const taken =
        endBytes < 0 ? rest.copy(into, seenBytes, 0, -endBytes) : Math.min(rest.length, end.length - endBytes);
      if (endBytes >= 0 && !rest.subarray(0, taken).equals(end.subarray(endBytes, endBytes + taken))) {
        this.#fail(this.#interrupted(`the part at byte ${String(part.offset)} has not the length that was asked for`));
        return rest;
      }
      wanted.seenBytes += taken;
      rest = rest.subarray(taken);
      if (wanted.seenBytes === part.lengthBytes + end.length) this.#finish(wanted);
    }
    return undefined;
  }

  #finish({ part, into, done }: Wanted): void {
    this.#wanted = undefined;
    this.#wanting = Promise.withResolvers();
    this.#asked.shift();
    done.resolve(into.subarray(0, part.lengthBytes));
  }

  #fail(error: unknown): void {
    this.#failed.abort(error);
    this.#wanted?.done.reject(error);
    this.#wanting.resolve(undefined);
    this.#lines.fail(error);
  }

  /** A line that was lost on its way looks like this: the connection answers, and nothing comes. */
  async #watch(signal: AbortSignal): Promise<void> {
    const startedMs = this.#clock.nowMs();
    for (;;) {
      const isShort = this.#hasEarlyEnd;
      const silenceMs = isShort ? limits.partShortMs : limits.partSilenceMs;
      const leftMs = Math.min(this.#heardMs + silenceMs, startedMs + limits.partTimeoutMs) - this.#clock.nowMs();
      if (leftMs <= 0) {
        this.#lines.fail(
          this.#interrupted(`the part that was asked for ${isShort ? "has too few bytes" : "does not come"}`),
        );
        return;
      }
      try {
        await this.#clock.sleep(Math.min(leftMs, limits.partShortMs), signal);
      } catch {
        return;
      }
    }
  }

  /** True where the end of a part came last, before all of its bytes. Bytes of a file may look so: then more of them come. */
  get #hasEarlyEnd(): boolean {
    if (this.#wanted === undefined) return false;
    const { part, into, end, seenBytes } = this.#wanted;
    if (seenBytes < end.length || seenBytes >= part.lengthBytes) return false;
    return into.subarray(seenBytes - end.length, seenBytes).equals(end);
  }

  #describeEnd({ exitCode }: ExecResult): ActionError {
    const { file, container } = this.#source;
    const [part] = this.#asked;
    if (exitCode === 0 || exitCode === timedOutCode) return this.#interrupted("it ended before its last part");
    return new ActionError(
      "transfer-failed",
      `reading ${file} at byte ${String(part?.offset ?? 0)} in pod ${container.name} ended with ${String(exitCode)}`,
      { hint: "the pod may have been replaced by one without its volume; run again" },
    );
  }

  #interrupted(how: string): ActionError {
    const { file, container } = this.#source;
    return new ActionError("exec-interrupted", `reading ${file} in pod ${container.name} was cut off: ${how}`, {
      hint: "look for proxies and load balancers before the API server that cut connections",
    });
  }
}
