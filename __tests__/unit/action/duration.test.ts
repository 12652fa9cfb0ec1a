import { expect, test } from "vitest";
import { parseDuration } from "../../../src/action/duration.ts";

test.each([
  ["90s", 90_000],
  ["15m", 900_000],
  ["1h30m", 5_400_000],
  ["7d", 604_800_000],
  ["1d2h3m4s", 93_784_000],
])("%s is %i ms", (text, durationMs) => {
  expect(parseDuration(text)).toBe(durationMs);
});

test.each([
  "",
  "15",
  "0s",
  "0",
  "1h0m",
  "-1m",
  "+1m",
  "1.5h",
  "15 m",
  "15M",
  "30m1h",
  "1m1m",
  "1w",
  "015m",
  "1h 30m",
  "m",
])("%j is no duration", (text) => {
  expect(parseDuration(text)).toBeUndefined();
});
