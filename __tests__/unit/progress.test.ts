import { expect, test } from "vitest";
import { createProgress } from "../../src/progress.ts";

const mebibyte = 1024 ** 2;

/** The seconds at which a line was told, of a work that does 1 MiB a second and looks each second. */
function tellFor(seconds: number, totalBytes = 1024 * mebibyte): { readonly at: number[]; readonly lines: string[] } {
  let nowMs = 5_000_000;
  const startedMs = nowMs;
  const at: number[] = [];
  const lines: string[] = [];
  const log = {
    info: (line: string) => {
      at.push((nowMs - startedMs) / 1000);
      lines.push(line);
    },
  };
  const progress = createProgress({ clock: { nowMs: () => nowMs }, log }, "sent", totalBytes);
  for (let second = 1; second <= seconds; second += 1) {
    nowMs += 1000;
    progress(second * mebibyte);
  }
  return { at, lines };
}

test("a line each 5 s in the first minute, then each 30 s", () => {
  expect(tellFor(150).at).toEqual([5, 10, 15, 20, 25, 30, 35, 40, 45, 50, 55, 60, 90, 120, 150]);
});

test("a line says how much is done, how fast, and what is left", () => {
  expect(tellFor(5).lines).toEqual(["sent 5.0 MiB of 1.0 GiB, 1.0 MiB/s, 1019 s left"]);
});

test("more bytes than were expected leave no time, not less", () => {
  expect(tellFor(5, mebibyte).lines).toEqual(["sent 5.0 MiB of 1.0 MiB, 1.0 MiB/s, 0 s left"]);
});

test("nothing is said while nothing is done", () => {
  let nowMs = 0;
  const lines: string[] = [];
  const log = { info: (line: string) => lines.push(line) };
  const progress = createProgress({ clock: { nowMs: () => nowMs }, log }, "saved", mebibyte);
  nowMs = 20_000;
  progress(0);
  expect(lines).toEqual([]);
});
