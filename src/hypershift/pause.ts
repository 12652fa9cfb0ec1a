/**
 * True when HyperShift's operators take `value` of spec.pausedUntil for a pause at `now`: a true boolean of Go's
 * strconv.ParseBool, or a strict RFC 3339 time that is still to come. Everything else, also what the CRD accepts
 * (a time without zone, an impossible date), is not a pause.
 * Source: ProcessPausedUntilField in HyperShift's support/util/pausereconcile.go.
 */
export function isPausing(value: string | undefined, now: Date): boolean {
  if (value === undefined) return false;
  if (["1", "t", "T", "TRUE", "true", "True"].includes(value)) return true;
  const until = parseTime(value);
  return until !== undefined && until.getTime() > now.getTime();
}

/** A strict RFC 3339 time, or undefined. */
export function parseTime(text: string): Date | undefined {
  const match = /^(\d{4})-(\d{2})-(\d{2})T(\d{2}):(\d{2}):(\d{2})(?:\.\d+)?(?:Z|[+-]\d{2}:\d{2})$/.exec(text);
  if (!match) return undefined;
  const [year = 0, month = 0, day = 0] = match.slice(1).map(Number);
  const daysInMonth = new Date(Date.UTC(year, month, 0)).getUTCDate();
  const time = new Date(text);
  return day < 1 || day > daysInMonth || Number.isNaN(time.getTime()) ? undefined : time;
}
