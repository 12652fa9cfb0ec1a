import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { mountOwnCgroups } from "./cgroups.ts";
import { startCluster, type ClusterParts } from "./cluster/cluster.ts";
import { startDns } from "./cluster/dns.ts";
import { createAdminClient } from "./cluster/kube-client.ts";
import { layoutOf } from "./cluster/layout.ts";

/** Starts the cluster once for all tests; nothing is stopped here, since all of it ends with the namespaces. */
export async function setup(): Promise<void> {
  const work = process.env["E2E_WORK_FOLDER"];
  if (work === undefined) throw new Error("start these tests by `npm run e2e`: they need namespaces of their own");
  const parts = JSON.parse(await readFile(join(work, "parts.json"), "utf8")) as Omit<ClusterParts, "report"> & {
    readonly cgroup: string;
  };
  await mountOwnCgroups(parts.cgroup);
  const layout = layoutOf(work);
  await startCluster(layout, { ...parts, report });
  await startDns(await createAdminClient(layout));
}

function report(line: string): void {
  process.stdout.write(`e2e: ${line}\n`);
}
