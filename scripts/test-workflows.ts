/**
 * `npm run test:workflows [-- vitest's arguments]`: runs the workflows of examples/ by act against the embedded world. In a
 * network namespace where nothing but loopback exists, since act asks its maker's site for news and looks for the way
 * outward at each start.
 */
import { join } from "node:path";
import { findEtcdBinaries } from "../__tests__/fakes/etcd/binaries.ts";
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
  process.exitCode = await runInNamespaces(
    [process.execPath, vitest, "run", "--config", "vitest.workflows.config.ts", ...process.argv.slice(2)],
    { flags, inside: [loopback], env: { ACT_PROGRAM: act } },
  );
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
