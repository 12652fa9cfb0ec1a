/** Runs beside the work until its signal aborts; what it throws ends the work. */
type Keeper = (signal: AbortSignal) => Promise<void>;

/**
 * The result of `work` beside `keepers`. The signal of `work` aborts with `signal`, and as soon as a keeper throws:
 * that is thrown then, whatever `work` came to.
 */
export async function beside<T>(
  signal: AbortSignal,
  keepers: readonly Keeper[],
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const failed = new AbortController();
  const ended = new AbortController();
  const running = keepers.map((keep) =>
    keep(AbortSignal.any([signal, ended.signal])).catch((error: unknown) => {
      if (!ended.signal.aborted && !signal.aborted) failed.abort(error);
    }),
  );
  try {
    const result = await work(AbortSignal.any([signal, failed.signal]));
    failed.signal.throwIfAborted();
    return result;
  } catch (error) {
    throw failed.signal.aborted ? failed.signal.reason : error;
  } finally {
    ended.abort();
    await Promise.all(running);
  }
}
