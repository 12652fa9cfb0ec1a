import { spawn } from "node:child_process";
import { openSync, closeSync } from "node:fs";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { waitUntil } from "../wait.ts";
import type { Layout } from "./layout.ts";

/** A program of the cluster; its process id is noted in a file, so that any test can end and start it. */
export interface ProgramPlan {
  readonly name: string;
  readonly command: string;
  readonly args: readonly string[];
}

interface ProgramRecord extends ProgramPlan {
  readonly pid: number;
}

/** Starts a program; its output goes to `logs/NAME.log`. */
export async function startProgram(layout: Layout, plan: ProgramPlan): Promise<void> {
  const log = openSync(join(layout.logs, `${plan.name}.log`), "a");
  try {
    const child = spawn(plan.command, plan.args, { stdio: ["ignore", log, log], cwd: layout.work });
    await new Promise((resolve, reject) => {
      child.once("spawn", resolve).once("error", reject);
    });
    child.unref();
    const record: ProgramRecord = { ...plan, pid: child.pid ?? 0 };
    await writeFile(recordFile(layout, plan.name), JSON.stringify(record));
  } finally {
    closeSync(log);
  }
}

/** Ends a program by its recorded id, after `graceMs` with SIGKILL; returns when it is gone. */
export async function endProgram(layout: Layout, name: string, graceMs: number): Promise<void> {
  const { pid } = await readRecord(layout, name);
  signal(pid, "SIGTERM");
  const killer = setTimeout(() => {
    signal(pid, "SIGKILL");
  }, graceMs);
  await waitUntil(`${name} has ended`, async () => !(await isRunning(pid)), { timeoutMs: graceMs + 30_000 });
  clearTimeout(killer);
}

/** Ends a program as `endProgram` does, and starts it again after `awayMs`. */
export async function restartProgram(layout: Layout, name: string, graceMs: number, awayMs = 0): Promise<void> {
  const { command, args } = await readRecord(layout, name);
  await endProgram(layout, name, graceMs);
  await new Promise((resolve) => setTimeout(resolve, awayMs));
  await startProgram(layout, { name, command, args });
}

/** False for one that has ended and was not yet waited for by its parent. */
async function isRunning(pid: number): Promise<boolean> {
  const stat = await readFile(`/proc/${String(pid)}/stat`, "utf8").catch(() => "");
  return stat !== "" && !/\) [ZX] /.test(stat);
}

function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch {
    // It has ended already.
  }
}

function recordFile(layout: Layout, name: string): string {
  return join(layout.processes, `${name}.json`);
}

async function readRecord(layout: Layout, name: string): Promise<ProgramRecord> {
  return JSON.parse(await readFile(recordFile(layout, name), "utf8")) as ProgramRecord;
}
