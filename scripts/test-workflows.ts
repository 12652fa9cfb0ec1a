/**
 * `npm run test:workflows [-- --prepare | -- vitest's arguments]`: runs the workflows of examples/ by act against the embedded world. In a
 * network namespace where nothing but loopback exists, since act asks its maker's site for news and looks for the way
 * outward at each start. With --prepare it only gets what it needs. Exit code 3: this machine has not what it needs.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { findEtcdBinaries } from "../__tests__/world/etcd/binaries.ts";
import { runCommand } from "../e2e/command.ts";
import { LackError, reportFailure } from "../e2e/lack.ts";
import { runInNamespaces } from "../e2e/namespaces.ts";
import { buildAct } from "../e2e/workflow-tools.ts";

const vitest = join(import.meta.dirname, "../node_modules/vitest/vitest.mjs");
const loopback = "ip link set lo up";

try {
  const flags = await findNetworkFlags();
  // All that may have to be fetched, while there is a network.
  await findEtcdBinaries();
  const act = await buildAct((line) => {
    console.log(`test:workflows: ${line}`);
  });
  const [first] = process.argv.slice(2);
  if (first !== "--prepare") process.exitCode = await runTests(act, flags);
} catch (error) {
  process.exitCode = reportFailure("test:workflows", error);
}

/** Throws a LackError where no network namespace can be made. */
async function findNetworkFlags(): Promise<readonly string[]> {
  const flags = process.getuid?.() === 0 ? ["--net"] : ["--map-root-user", "--net"];
  await runCommand("unshare", [...flags, "setpriv", "sh", "-c", loopback]).catch(() => {
    throw new LackError("no network namespace can be made: run as root, with Debian's iproute2 and util-linux");
  });
  return flags;
}

async function runTests(act: string, flags: readonly string[]): Promise<number> {
  // Where everything makes its folders: tests that are ended by a signal cannot remove them.
  const folder = await mkdtemp(join(tmpdir(), "test-workflows-"));
  try {
    return await runInNamespaces(
      [process.execPath, vitest, "run", "--config", "vitest.workflows.config.ts", ...process.argv.slice(2)],
      { flags, inside: [loopback], env: { ACT_PROGRAM: act, TMPDIR: folder } },
    );
  } finally {
    await rm(folder, { recursive: true, force: true, maxRetries: 5 });
  }
}
