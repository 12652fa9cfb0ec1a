/** Which snapshots are kept, as restic decides it: a snapshot that any rule keeps stays. At least one rule is set. */
export interface RetentionPolicy {
  /** Counts, at least 1. */
  readonly last?: number;
  readonly daily?: number;
  readonly weekly?: number;
  readonly monthly?: number;
  /** Before the newest snapshot, not before now: where no backup comes any more, nothing grows old. */
  readonly withinMs?: number;
}

/** A snapshot as far as retention looks at it. */
export interface Candidate {
  readonly name: string;
  readonly createdAt: Date;
  /** Somebody put `<run>.keep` beside it. */
  readonly pinned: boolean;
  /** It was started beside the living cluster once. */
  readonly drilled: boolean;
  /** The run that decides has made it. */
  readonly own: boolean;
}

/** What becomes of one snapshot; `reasons` name what keeps it, and are empty for one that is removed. */
export interface Decision<Of extends Candidate = Candidate> {
  readonly candidate: Of;
  readonly reasons: readonly string[];
}

interface Bucket {
  readonly rule: string;
  readonly count: number;
  /** Snapshots with the same text share a place. */
  readonly placeOf: (candidate: Candidate) => string;
}

/**
 * Decides about each of `candidates`, and returns them the newest first. Beside the rules, the newest is always kept, the newest
 * that was drilled, the run's own, and every pinned one. Days, weeks (ISO 8601) and months are those of UTC. A rule that has
 * places left keeps the oldest of all as well, so that a history that is still short grows to its full length.
 */
export function planRetention<Of extends Candidate>(
  candidates: readonly Of[],
  policy: RetentionPolicy,
): readonly Decision<Of>[] {
  const newestFirst = candidates.toSorted(
    (a, b) => b.createdAt.getTime() - a.createdAt.getTime() || (a.name < b.name ? 1 : -1),
  );
  const reasons = new Map<Of, string[]>(newestFirst.map((candidate) => [candidate, []]));
  const keep = (candidate: Of | undefined, reason: string): void => {
    if (candidate !== undefined) reasons.get(candidate)?.push(reason);
  };
  const [newest] = newestFirst;
  keep(newest, "newest");
  for (const candidate of newestFirst) {
    if (candidate.own) keep(candidate, "this backup");
    if (candidate.pinned) keep(candidate, "pinned");
  }
  keep(
    newestFirst.find(({ drilled }) => drilled),
    "newest that was drilled",
  );
  for (const bucket of listBuckets(policy)) fillPlaces(newestFirst, bucket, keep);
  const { withinMs } = policy;
  if (newest !== undefined && withinMs !== undefined)
    for (const candidate of newestFirst)
      if (newest.createdAt.getTime() - candidate.createdAt.getTime() <= withinMs) keep(candidate, "within");
  return newestFirst.map((candidate) => ({ candidate, reasons: reasons.get(candidate) ?? [] }));
}

/** The rules that are set, by the names of their inputs: `keep-last: 7, keep-weekly: 4`. */
export function renderPolicy({ last, daily, weekly, monthly, withinMs }: RetentionPolicy): string {
  const within = withinMs === undefined ? undefined : `${String(withinMs / 3_600_000)}h`;
  return Object.entries({ last, daily, weekly, monthly, within })
    .flatMap(([rule, value]) => (value === undefined ? [] : [`keep-${rule}: ${String(value)}`]))
    .join(", ");
}

function listBuckets({ last = 0, daily = 0, weekly = 0, monthly = 0 }: RetentionPolicy): readonly Bucket[] {
  return [
    { rule: "last", count: last, placeOf: ({ name }) => name },
    { rule: "daily", count: daily, placeOf: ({ createdAt }) => createdAt.toISOString().slice(0, 10) },
    { rule: "weekly", count: weekly, placeOf: ({ createdAt }) => isoWeekOf(createdAt) },
    { rule: "monthly", count: monthly, placeOf: ({ createdAt }) => createdAt.toISOString().slice(0, 7) },
  ];
}

function fillPlaces<Of extends Candidate>(
  newestFirst: readonly Of[],
  { rule, count, placeOf }: Bucket,
  keep: (candidate: Of, reason: string) => void,
): void {
  let left = count;
  let before: string | undefined;
  for (const [index, candidate] of newestFirst.entries()) {
    if (left === 0) return;
    const place = placeOf(candidate);
    const isOldest = index === newestFirst.length - 1;
    if (place === before && !isOldest) continue;
    keep(candidate, place === before ? `oldest ${rule}` : rule);
    before = place;
    left -= 1;
  }
}

/** Year and week of ISO 8601: a week belongs to the year of its Thursday. */
function isoWeekOf(time: Date): string {
  const weekday = (time.getUTCDay() + 6) % 7;
  const thursday = new Date(Date.UTC(time.getUTCFullYear(), time.getUTCMonth(), time.getUTCDate() - weekday + 3));
  const year = thursday.getUTCFullYear();
  const days = (thursday.getTime() - Date.UTC(year, 0, 1)) / 86_400_000;
  return `${String(year)}-W${String(Math.floor(days / 7) + 1).padStart(2, "0")}`;
}
