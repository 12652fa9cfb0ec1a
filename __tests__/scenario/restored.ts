import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { onTestFinished } from "vitest";
import { restoreSnapshot, type RestoredEtcd } from "../world/etcd/restore.ts";
import { parseCounter, counterKey } from "../world/management-cluster/writers.ts";
import type { StepResult } from "../world/runner/step.ts";
import type { World } from "../world/world.ts";

/** An etcd on the snapshot that a backup stored; it ends with the test. */
export async function restoreStored(world: World, result: StepResult): Promise<RestoredEtcd> {
  const key = result.outputs["snapshot-uri"]?.replace(`s3://${world.bucket}/`, "") ?? "";
  const file = join(world.workspace, "snapshot.db");
  await writeFile(file, await world.store.readObject(world.bucket, key));
  const restored = await restoreSnapshot({ file });
  onTestFinished(() => restored.close());
  return restored;
}

/** The last count of each writer that has written. */
export async function countsIn({ client }: Pick<RestoredEtcd, "client">): Promise<Readonly<Record<string, number>>> {
  const stored = await client.list(counterKey(""));
  return Object.fromEntries(
    stored.map(({ key, value }) => [key.slice(counterKey("").length), parseCounter(value) ?? Number.NaN]),
  );
}
