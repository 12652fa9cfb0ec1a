const unitMs = { d: 86_400_000, h: 3_600_000, m: 60_000, s: 1_000 } as const;

const number = "([1-9]\\d{0,6})";
const grammar = new RegExp(`^(?:${number}d)?(?:${number}h)?(?:${number}m)?(?:${number}s)?$`);

/** Milliseconds of `90s`, `15m`, `1h30m` or `7d`; undefined for all else: a bare number, a zero, a sign, another order. */
export function parseDuration(text: string): number | undefined {
  const match = grammar.exec(text);
  if (text === "" || match === null) return undefined;
  const [days, hours, minutes, seconds] = match.slice(1).map((digits: string | undefined) => Number(digits ?? 0));
  return (days ?? 0) * unitMs.d + (hours ?? 0) * unitMs.h + (minutes ?? 0) * unitMs.m + (seconds ?? 0) * unitMs.s;
}
