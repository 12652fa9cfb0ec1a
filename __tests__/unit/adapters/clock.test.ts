import { describe, expect, it } from "vitest";
import { createClock } from "../../../src/adapters/clock.ts";
import { hasCode } from "../../../src/errors.ts";

const clock = createClock();
const cancelled = expect.toSatisfy((error: unknown) => hasCode(error, "cancelled")) as unknown;

describe("the clock", () => {
  it("goes with this machine's, in whole milliseconds", () => {
    const nowMs = clock.nowMs();
    expect(Number.isInteger(nowMs)).toBe(true);
    expect(Math.abs(nowMs - Date.now())).toBeLessThan(60_000);
  });

  it("sleeps for as long as it was told to", async () => {
    const startedMs = clock.nowMs();
    await clock.sleep(60);
    expect(clock.nowMs() - startedMs).toBeGreaterThanOrEqual(59);
  });

  it("is woken by a signal, before and in the middle of its sleep", async () => {
    await expect(clock.sleep(600_000, AbortSignal.abort())).rejects.toEqual(cancelled);
    await expect(clock.sleep(600_000, clock.timeout(20))).rejects.toEqual(cancelled);
  });
});
