/**
 * `npm run test:etcd [-- --prepare | -- vitest's arguments]`: what src/etcd reads out of snapshots, beside etcd 3.5, 3.6 and
 * 3.7, which Go builds once. With --prepare it only builds them. Exit code 3: this machine has no Go.
 *
 * DEFECTS=10000 and DEFECTS_COMPARED=300 make more damaged files than 2000 and 30, SEED the same again;
 * FUZZ_SECONDS=60 look for others for longer than 30 s.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { buildEtcdLines } from "../e2e/binaries.ts";
import { reportFailure } from "../e2e/lack.ts";

const vitest = join(import.meta.dirname, "../node_modules/vitest/vitest.mjs");

try {
  await buildEtcdLines((line) => {
    console.log(`test:etcd: ${line}`);
  });
  const args = process.argv.slice(2);
  if (args[0] !== "--prepare") process.exitCode = await runTests(args);
} catch (error) {
  process.exitCode = reportFailure("test:etcd", error);
}

async function runTests(args: readonly string[]): Promise<number> {
  const config = ["run", "--config", "vitest.etcd.config.ts"];
  const child = spawn(process.execPath, [vitest, ...config, ...args], { stdio: "inherit" });
  const [code] = (await once(child, "exit")) as [number | null];
  return code ?? 1;
}
