import { ActionError } from "../errors.ts";
import { parseTime } from "../time.ts";

/** Clocks of API servers, stores and runners differ by minutes; one that is further ahead is wrong. */
export const aheadMaxMs = 3_600_000;

/** When a snapshot was made, and how long ago that is. */
export function renderAge(createdAt: string, nowMs: number): string {
  const ageMs = ageOf(createdAt, nowMs);
  const ago = ageMs < -aheadMaxMs ? `which is ${renderHours(-ageMs)} ahead` : `${renderHours(Math.max(0, ageMs))} ago`;
  return `the snapshot was made at ${createdAt}, ${ago}`;
}

/** A time of hours or days, for people. */
export function renderHours(ms: number): string {
  return `${(ms / 3_600_000).toFixed(1)} h`;
}

/**
 * Throws `snapshot-too-old` for a snapshot that is older than `maxAgeMs`, and `record-invalid` for one from the future, whose age
 * nobody knows; without it, every age is accepted.
 */
export function refuseOlder(createdAt: string, nowMs: number, maxAgeMs: number | undefined): void {
  const ageMs = ageOf(createdAt, nowMs);
  if (maxAgeMs === undefined || (ageMs >= -aheadMaxMs && ageMs <= maxAgeMs)) return;
  if (ageMs < 0)
    throw new ActionError("record-invalid", `${renderAge(createdAt, nowMs)}: its record cannot tell how old it is`, {
      hint: "compare the clocks of this runner and of the API servers that were backed up; without max-age it is taken as it is",
    });
  throw new ActionError("snapshot-too-old", `${renderAge(createdAt, nowMs)}, longer than max-age`, {
    hint: "take a newer snapshot, or raise max-age; where there is no newer one, find out why the backups fail",
  });
}

function ageOf(createdAt: string, nowMs: number): number {
  return nowMs - (parseTime(createdAt)?.getTime() ?? 0);
}
