import { parseTime } from "../time.ts";

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

/**
 * True when `value` is a pause at `now`, or may be one: what begins like a date and is not read as one here, Go may read (a
 * zone of +24:00, a comma before the fraction), and with it HyperShift.
 */
export function mayPause(value: string | undefined, now: Date): boolean {
  return isPausing(value, now) || (value !== undefined && /^\d{4}-/.test(value) && parseTime(value) === undefined);
}
