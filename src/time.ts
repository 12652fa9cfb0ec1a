/** RFC 3339 in UTC with whole seconds, as HyperShift's operators parse it. */
export function formatTime(time: Date): string {
  return time.toISOString().replace(/\.\d{3}Z$/, "Z");
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
