/** Lines for a command's standard input, given as they come up, until they end or fail. */
export class LineQueue implements AsyncIterable<Buffer> {
  readonly #lines: Buffer[] = [];
  #state: "open" | "ended" | { readonly failure: unknown } = "open";
  #wake = Promise.withResolvers<undefined>();

  push(line: Buffer): void {
    this.#lines.push(line);
    this.#wake.resolve(undefined);
  }

  /** The input ends behind what was pushed. */
  end(): void {
    this.#close("ended");
  }

  /** Ends the command at once, with this failure. */
  fail(failure: unknown): void {
    this.#close({ failure });
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Buffer, void, undefined> {
    for (;;) {
      if (typeof this.#state === "object") throw this.#state.failure;
      const line = this.#lines.shift();
      if (line !== undefined) yield line;
      else if (this.#state === "ended") return;
      else {
        await this.#wake.promise;
        this.#wake = Promise.withResolvers();
      }
    }
  }

  #close(state: "ended" | { readonly failure: unknown }): void {
    if (typeof this.#state !== "object") this.#state = state;
    this.#wake.resolve(undefined);
  }
}
