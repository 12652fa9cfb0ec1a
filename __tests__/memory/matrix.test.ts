import { afterAll, expect, test } from "vitest";
import type { Fault } from "./fault.ts";
import { columns, type Column } from "./matrix/column.ts";
import { holdTable } from "./matrix/hold-table.ts";
import { keepTable } from "./matrix/keep-table.ts";
import { playFault } from "./matrix/outcome.ts";
import { phases, type Phase } from "./matrix/phase.ts";
import { readRow } from "./matrix/row.ts";

const table = { ...holdTable, ...keepTable };
const startedMs = performance.now();
const worst = { outageMs: 0, where: "" };
const counts = { cells: 0, impossible: 0, runs: 0 };

test("the fault matrix has a row for each phase, and no other", () => {
  expect(Object.keys(table).toSorted()).toEqual(phases.map(({ name }) => name).toSorted());
});

test.each(phases.map((phase) => [phase.name, phase] as const))(
  "%s: each fault ends as its cell says",
  async (name, phase) => {
    const { cells, problems } = readRow(table[name] ?? {});
    const found = [...problems];
    for (const [column, expected] of cells) found.push(...(await playCell(phase, column, expected)));
    expect(found).toEqual([]);
  },
);

async function playCell(phase: Phase, column: Column, expected: string): Promise<readonly string[]> {
  const fault: Fault | undefined = columns[column](phase);
  counts.cells += 1;
  if (expected.startsWith("– ")) counts.impossible += 1;
  if (fault === undefined)
    return expected.startsWith("– ") ? [] : [`${column} cannot be, and the cell says ${expected}`];
  const problems: string[] = [];
  for (const skewMs of fault.clockSkewsMs ?? [0]) {
    const outcome = await playFault(phase, fault, skewMs);
    counts.runs += 1;
    if (outcome.words !== expected) problems.push(`${column}: ${outcome.words}, and not ${expected}`);
    problems.push(...outcome.problems.map((problem) => `${column}: ${problem}`));
    if (outcome.outageMs > worst.outageMs)
      Object.assign(worst, { outageMs: outcome.outageMs, where: `${phase.name}, ${column}` });
  }
  return problems;
}

afterAll(() => {
  const tookSeconds = ((performance.now() - startedMs) / 1000).toFixed(1);
  console.log(
    `Fault matrix: ${String(phases.length)} phases, ${String(Object.keys(columns).length)} faults, ${String(counts.cells)} cells (${String(counts.impossible)} cannot be), ${String(counts.runs)} runs in ${tookSeconds} s; longest API outage ${(worst.outageMs / 1000).toFixed(1)} s (${worst.where})`,
  );
});
