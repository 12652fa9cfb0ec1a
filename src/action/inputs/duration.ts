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

/**
 * What may be meant by `text`, which is no duration: a number without its unit, with a word for it, in weeks, with a point, or as
 * ISO 8601 writes it. The units that a number can have come all, the smallest first.
 */
export function findMeantDurations(text: string): readonly string[] {
  const plain = text
    .toLowerCase()
    .replaceAll(/[\s,]+|and/g, "")
    .replace(/^p/, "")
    .replace("t", "");
  if (/^[1-9]\d{0,6}$/.test(plain)) return ["s", "m", "h", "d"].map((unit) => plain + unit);
  const [, weeks] = /^([1-9]\d{0,3})w(?:eeks?)?$/.exec(plain) ?? [];
  if (weeks !== undefined) return [`${String(Number(weeks) * 7)}d`];
  const [, whole = "", fraction = "", unit = ""] = /^(\d{1,4})\.(\d{1,3})(d|h|m)(?:[a-z]*)$/.exec(plain) ?? [];
  if (unit !== "") {
    const seconds = Math.round((Number(`${whole}.${fraction}`) * unitMs[unit as "d" | "h" | "m"]) / 1000);
    return [seconds % 60 === 0 ? `${String(seconds / 60)}m` : `${String(seconds)}s`];
  }
  const short = plain.replaceAll(/(\d)(d|h|m|s)(?:[a-z]*)/g, "$1$2");
  return parseDuration(short) === undefined ? [] : [short];
}
