import { expect, test } from "vitest";
import { findMeantDurations, parseDuration } from "../../../src/action/inputs/duration.ts";

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

test.each([
  ["14", ["14s", "14m", "14h", "14d"]],
  ["15 minutes", ["15m"]],
  ["15 min", ["15m"]],
  ["1 hour and 30 minutes", ["1h30m"]],
  ["1h 30m", ["1h30m"]],
  ["15M", ["15m"]],
  ["PT15M", ["15m"]],
  ["P7D", ["7d"]],
  ["2w", ["14d"]],
  ["2 weeks", ["14d"]],
  ["0.5h", ["30m"]],
  ["1.5 hours", ["90m"]],
  ["30m1h", []],
  ["soon", []],
  ["", []],
  ["-1", []],
])("%j may mean %j", (text, meant) => {
  expect(findMeantDurations(text)).toEqual(meant);
});
