import type { Clock, Log, ManagementCluster } from "../ports.ts";
import { limits } from "../time-limits.ts";
import type { FilePart } from "./part.ts";
import { PartStream, type PodFile } from "./part-stream.ts";
import { persistInPod } from "./patience.ts";

/** Each holds one part. More cost memory without being faster. */
const mostReaders = 4;
/** While one part is read, another is on its way to where it is kept. */
const fewestReaders = 2;

/** The parts of the world that reading a file needs; `signal` ends it. */
export interface FileWorld {
  readonly cluster: ManagementCluster;
  readonly clock: Clock;
  readonly log: Log;
  readonly signal: AbortSignal;
}

/** A file whose length is known, and does not change. */
export interface SizedFile extends PodFile {
  readonly sizeBytes: number;
  readonly partBytes: number;
}

/** Takes the parts. Their bytes are theirs until both promises are settled, and then those of another part. */
export interface FileSink {
  /** Called for each part in the order of the file. */
  readonly inOrder: (bytes: Buffer) => void;
  /** Called for several parts at once, in any order; `signal` aborts when another part fails. */
  readonly each: (part: FilePart, bytes: Buffer, signal: AbortSignal) => Promise<void>;
}

/**
 * Reads a file in a pod, part by part, several at once: each has exactly its bytes, and is read again by itself where its
 * stream is cut, silent, or not what was asked for. Never holds more than four parts; on a slow line, two. Throws
 * `transfer-failed` where the pod cannot read it, what the streams throw in the end, and what `sink` does.
 */
export async function streamFile(world: FileWorld, file: SizedFile, sink: FileSink): Promise<void> {
  const failure = new AbortController();
  const signal = AbortSignal.any([world.signal, failure.signal]);
  const bounded = { ...world, signal, cluster: world.cluster.withSignal(signal) };
  const claim = createClaims(file);
  const startedMs = world.clock.nowMs();
  const readers: Promise<void>[] = [];
  const addReaders = (count: number): void => {
    while (readers.length < count) {
      const reader = new Reader(bounded, file, claim);
      readers.push(
        reader.run(sink, afterPart).catch((error: unknown) => {
          failure.abort(error);
        }),
      );
    }
  };
  let isFirst = true;
  const afterPart = (): void => {
    if (isFirst && world.clock.nowMs() - startedMs <= limits.quickPartMs) addReaders(mostReaders);
    isFirst = false;
  };
  addReaders(fewestReaders);
  // The list grows on the way.
  for (const reader of readers) await reader;
  failure.signal.throwIfAborted();
}

/** A part, and its place in the order: its turn comes when `before` is settled, and is over when it says so. */
interface Claim {
  readonly part: FilePart;
  readonly before: Promise<unknown>;
  readonly turn: PromiseWithResolvers<undefined>;
}

/** The next part of the file at each call, until there is none. */
function createClaims({ sizeBytes, partBytes }: SizedFile): () => Claim | undefined {
  let index = 0;
  let last: Promise<unknown> = Promise.resolve();
  return () => {
    const offset = index * partBytes;
    if (offset >= sizeBytes) return undefined;
    const part = { index, offset, lengthBytes: Math.min(partBytes, sizeBytes - offset) };
    const claim = { part, before: last, turn: Promise.withResolvers<undefined>() };
    index += 1;
    last = claim.turn.promise;
    // A part that fails ends the whole; whoever waits for its turn learns it from there.
    last.catch(() => undefined);
    return claim;
  };
}

/** Reads one part after the other into its one buffer, over one stream for as long as that is whole. */
class Reader {
  readonly #world: FileWorld;
  readonly #file: SizedFile;
  readonly #claim: () => Claim | undefined;
  #stream: PartStream | undefined;

  constructor(world: FileWorld, file: SizedFile, claim: () => Claim | undefined) {
    this.#world = world;
    this.#file = file;
    this.#claim = claim;
  }

  async run(sink: FileSink, afterPart: () => void): Promise<void> {
    let claimed = this.#claim();
    // One buffer of its own, which no pool keeps.
    const buffer = Buffer.allocUnsafeSlow(claimed?.part.lengthBytes ?? 0);
    try {
      while (claimed !== undefined) {
        const { part, before, turn } = claimed;
        let ahead: Claim | undefined;
        try {
          const bytes = await this.#read(part, buffer, () => (ahead ??= this.#claim())?.part);
          const ordered = before.then(() => {
            sink.inOrder(bytes);
            turn.resolve(undefined);
          });
          await Promise.all([sink.each(part, bytes, this.#world.signal), ordered]);
        } catch (error) {
          turn.reject(error);
          ahead?.turn.reject(error);
          throw error;
        }
        afterPart();
        claimed = ahead ?? this.#claim();
      }
    } finally {
      await this.#stream?.close();
    }
  }

  #read(part: FilePart, into: Buffer, next: () => FilePart | undefined): Promise<Buffer> {
    return persistInPod(
      this.#world,
      { pod: this.#file.container.name, podPatienceMs: limits.podPatienceMs },
      async () => {
        this.#stream ??= new PartStream(this.#world, this.#file);
        try {
          return await this.#stream.read(part, into, next);
        } catch (error) {
          await this.#stream.close();
          this.#stream = undefined;
          throw error;
        }
      },
    );
  }
}
