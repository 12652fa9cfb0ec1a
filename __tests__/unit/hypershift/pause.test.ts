import { expect, test } from "vitest";
import { isPausing } from "../../../src/hypershift/pause.ts";

const now = new Date("2026-11-24T12:00:00Z");

test.each([
  ["true", true],
  ["True", true],
  ["1", true],
  ["2026-11-24T12:00:01Z", true],
  ["2026-11-24T14:00:01+02:00", true],
  ["2026-11-24T12:00:00.500Z", true],
  [undefined, false],
  ["false", false],
  ["2026-11-24T11:59:59Z", false],
  ["2030-01-01T00:00:00", false],
  ["2030-01-01T00:00:00+0000", false],
  ["2030-99-99T99:99:99Z", false],
  ["2030-02-31T00:00:00Z", false],
  ["tRue", false],
])("pausedUntil %j pauses: %s", (value, expected) => {
  expect(isPausing(value, now)).toBe(expected);
});
