/** How long the process computes before timers and signals have their turn: with a busy processor, 50 ms at most. */
const longestTurnMs = 20;

/** Options of a reading that lets others work in between, and stops when it is no longer wanted. */
export interface PaceOptions {
  /** Reading stops with the signal's own reason. */
  readonly signal?: AbortSignal;
  /** Called about each 20 ms; by default the event loop turns once. */
  readonly pause?: () => Promise<void>;
}

/** Gives the event loop a turn now and then during a long computation. */
export class Pace {
  readonly #signal: AbortSignal | undefined;
  readonly #pause: () => Promise<void>;
  #turnStartedMs = performance.now();

  constructor(options: PaceOptions = {}) {
    this.#signal = options.signal;
    this.#pause = options.pause ?? turnEventLoop;
  }

  /** True when it is time to `rest`. Cheap, so that loops can ask often. */
  get due(): boolean {
    return performance.now() - this.#turnStartedMs >= longestTurnMs;
  }

  /** Pauses; throws the signal's reason when it is aborted. */
  async rest(): Promise<void> {
    this.#signal?.throwIfAborted();
    await this.#pause();
    this.#signal?.throwIfAborted();
    this.#turnStartedMs = performance.now();
  }
}

function turnEventLoop(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
