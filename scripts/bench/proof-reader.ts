/** For `proof.ts`: reads the snapshot that its argument names, and prints time, memory and the longest turn. */
import { readFileSync } from "node:fs";
import { open } from "node:fs/promises";
import { monitorEventLoopDelay } from "node:perf_hooks";
import { readSnapshot } from "../../src/etcd/snapshot.ts";
import { createFileSource } from "../../src/snapshots/file.ts";

const mebibyte = 1024 * 1024;

await readAndPrint(process.argv[2] ?? "");

async function readAndPrint(path: string): Promise<void> {
  const file = await open(path);
  const source = await createFileSource(file);
  const memoryKiB = readPeakKiB();
  const delay = monitorEventLoopDelay({ resolution: 5 });
  delay.enable();
  const usage = process.cpuUsage();
  const startedMs = performance.now();
  const { liveKeys } = await readSnapshot(source);
  const wallSeconds = (performance.now() - startedMs) / 1000;
  const { user, system } = process.cpuUsage(usage);
  delay.disable();
  const busySeconds = (user + system) / 1e6;
  const megabytes = source.sizeBytes / mebibyte;
  await file.close();
  const line = [
    `${megabytes.toFixed(0)} MiB, ${String(liveKeys)} live keys`,
    `${wallSeconds.toFixed(1)} s (${(megabytes / wallSeconds).toFixed(0)} MiB/s)`,
    `processor ${busySeconds.toFixed(1)} s (${(megabytes / busySeconds).toFixed(0)} MiB/s)`,
    `memory +${((readPeakKiB() - memoryKiB) / 1024).toFixed(0)} MiB`,
    `longest turn ${(delay.max / 1e6).toFixed(0)} ms, 99.9 % within ${(delay.percentile(99.9) / 1e6).toFixed(0)} ms`,
  ];
  process.stdout.write(`${line.join("; ")}\n`);
}

/** Of this process alone: what getrusage tells begins with the peak of the process that started it. */
function readPeakKiB(): number {
  return Number(/VmHWM:\s+(\d+)/.exec(readFileSync("/proc/self/status", "utf8"))?.[1]);
}
