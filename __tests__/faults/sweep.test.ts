import { afterAll, expect, test } from "vitest";
import type { BackupRequest } from "../../src/backup/world.ts";
import { createStep, runMain } from "../fakes/memory-world/step.ts";
import type { WireRequest } from "../fakes/memory-world/wire.ts";
import { MemoryWorld } from "../fakes/memory-world/world.ts";
import { faults } from "./fault.ts";
import { describeEnd, runTrial } from "./trial.ts";

/** All that a run without faults asks of the world, in its order. */
async function listRequests(request: Partial<BackupRequest>): Promise<readonly WireRequest[]> {
  const world = new MemoryWorld({ request });
  await world.timeline.pass(1000);
  const end = await world.timeline.play(runMain(world, createStep(world)));
  expect(describeEnd(end)).toBe("green");
  return [...world.wire.requests];
}

const modes = [
  { name: "quiesced", request: { quiesce: true }, requests: await listRequests({ quiesce: true }) },
  { name: "online", request: { quiesce: false }, requests: await listRequests({ quiesce: false }) },
];
const startedMs = performance.now();
const worst = { outageMs: 0, pauseMs: 0, where: "" };
const counts = { runs: 0, green: 0, red: 0, killed: 0, leftToRecover: 0 };

const rows = modes.flatMap((mode) => faults.map((fault) => [mode.name, fault.name, mode, fault] as const));

test.each(rows)("%s: %s, at each request", async (_, __, { name, request, requests }, fault) => {
  const problems: string[] = [];
  for (const { number, operation, service } of requests) {
    if (!fault.services.includes(service)) continue;
    const where = `${name}, ${fault.name} at request ${String(number)} (${operation})`;
    const result = await runTrial(fault, number, { request });
    problems.push(...result.problems.map((problem) => `${where}: ${problem}`));
    counts.runs += 1;
    counts[result.main.kind] += 1;
    if (result.left.length > 0) counts.leftToRecover += 1;
    if (result.outageMs > worst.outageMs) Object.assign(worst, { outageMs: result.outageMs, where });
    worst.pauseMs = Math.max(worst.pauseMs, result.pauseMs);
  }
  expect(problems).toEqual([]);
});

test("no API server is away for longer than the shortest hold and what HyperShift needs to start it again", () => {
  const { gracePeriodSeconds, slackSeconds } = { gracePeriodSeconds: 135, slackSeconds: 60 };
  expect(worst.outageMs).toBeLessThan((gracePeriodSeconds + slackSeconds + 10) * 1000);
});

afterAll(() => {
  const [quiesced, online] = modes.map(({ requests }) => String(requests.length));
  const maxPauseMs = new MemoryWorld().request.maxPauseMs;
  console.log(
    [
      `Crash-point sweep: N = ${quiesced ?? ""} requests quiesced, ${online ?? ""} online; ${String(faults.length)} faults; ${String(counts.runs)} runs in ${seconds(performance.now() - startedMs)}`,
      `main ended green ${String(counts.green)}, red ${String(counts.red)}, killed ${String(counts.killed)} times; ${String(counts.leftToRecover)} runs left something to a deadline or a recovery`,
      `longest API outage ${seconds(worst.outageMs)}, longest pause ${seconds(worst.pauseMs)}, of max-pause ${seconds(maxPauseMs)} (${worst.where}); leaks 0`,
    ].join("\n"),
  );
});

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`;
}
