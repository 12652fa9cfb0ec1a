/** How long to wait between two tries. */
export interface BackOff {
  /** The first wait; doubled each time. */
  readonly retryDelayMs: number;
  readonly retryDelayMaxMs: number;
  /** From 0 to 1. Half of each wait is left to it, so that many runs do not come back at once. */
  readonly chance?: () => number;
}

/** The wait before try number `tries` + 1; what the server asked for counts up to the longest. */
export function backOffMs(tries: number, backOff: BackOff, askedMs = 0): number {
  const { retryDelayMs, retryDelayMaxMs, chance = Math.random } = backOff;
  const ownMs = Math.min(retryDelayMs * 2 ** (tries - 1), retryDelayMaxMs) * (0.5 + chance() / 2);
  return Math.round(Math.min(Math.max(ownMs, askedMs), retryDelayMaxMs));
}
