import { afterAll, expect, test } from "vitest";
import { MemoryWorld } from "../world/memory-world/world.ts";
import { courses, listRequests } from "../memory/course.ts";
import { faults } from "../memory/fault.ts";
import { runTrial } from "../memory/trial.ts";

const rows = (
  await Promise.all(courses.map(async (course) => ({ course, requests: await listRequests(course) })))
).flatMap(({ course, requests }) => faults.map((fault) => [course.name, fault.name, course, fault, requests] as const));

const startedMs = performance.now();
const worst = { outageMs: 0, pauseMs: 0, where: "" };
const counts = { runs: 0, green: 0, red: 0, killed: 0, leftToRecover: 0, leaks: 0 };

test.each(rows)("%s: %s, at each request", { timeout: 900_000 }, async (_, __, course, fault, requests) => {
  const problems: string[] = [];
  const firstNumber = requests[0]?.number ?? 1;
  for (const { number, operation, service } of course.choose(requests)) {
    if (!fault.services.includes(service)) continue;
    const where = `${course.name}, ${fault.name} at request ${String(number - firstNumber + 1)} (${operation})`;
    const result = await runTrial(course, fault, number - firstNumber + 1);
    problems.push(...result.problems.map((problem) => `${where}: ${problem}`));
    counts.runs += 1;
    counts.leaks += result.problems.filter((problem) => problem.startsWith("leak:")).length;
    counts[result.main.kind] += 1;
    if (result.left.length > 0) counts.leftToRecover += 1;
    if (result.outageMs > worst.outageMs) Object.assign(worst, { outageMs: result.outageMs, where });
    worst.pauseMs = Math.max(worst.pauseMs, result.pauseMs);
  }
  expect(problems).toEqual([]);
});

afterAll(() => {
  const sizes = courses.map(({ name }) => {
    const requests = rows.find(([rowName]) => rowName === name)?.[4] ?? [];
    const { length } = courses.find((course) => course.name === name)?.choose(requests) ?? [];
    return `${name} ${String(requests.length)}${length === requests.length ? "" : ` (${String(length)} struck)`}`;
  });
  console.log(
    [
      `Crash-point sweep: requests N of a run without faults: ${sizes.join(", ")}`,
      `${String(faults.length)} faults, ${String(counts.runs)} runs in ${seconds(performance.now() - startedMs)}: green ${String(counts.green)}, red ${String(counts.red)}, killed ${String(counts.killed)}; ${String(counts.leftToRecover)} left something to a deadline or a recovery`,
      `longest API outage ${seconds(worst.outageMs)}, longest pause ${seconds(worst.pauseMs)}, of max-pause ${seconds(new MemoryWorld().request.maxPauseMs)} (${worst.where}); leaks ${String(counts.leaks)}`,
    ].join("\n"),
  );
});

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`;
}
