export interface WaitOptions {
  readonly timeoutMs: number;
  readonly intervalMs?: number;
}

/** Resolves with the first value that is neither false nor undefined; a look that throws counts as not yet. */
export async function waitUntil<T>(
  what: string,
  look: () => Promise<T | false | undefined>,
  { timeoutMs, intervalMs = 100 }: WaitOptions,
): Promise<T> {
  const deadlineMs = performance.now() + timeoutMs;
  let last: unknown;
  for (;;) {
    try {
      const found = await look();
      if (found !== false && found !== undefined) return found;
      last = undefined;
    } catch (error) {
      last = error;
    }
    if (performance.now() > deadlineMs)
      throw new Error(
        `not within ${String(timeoutMs / 1000)} s: ${what}${last instanceof Error ? ` (${last.message})` : ""}`,
      );
    await new Promise((resolve) => setTimeout(resolve, intervalMs));
  }
}
