import { randomBytes } from "node:crypto";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { findUnsettled } from "../world/settled.ts";
import { breakPage } from "../world/snapshot/database.ts";
import type { World } from "../world/world.ts";
import { runInProcess } from "./in-process.ts";
import { startScenario } from "./scenario.ts";

/** A stored snapshot that a backup made, and the inputs of its proof. */
async function backUp(world: World) {
  const backup = await world.run(world.backupInputs());
  expect(backup.outcome).toBe("success");
  const uri = backup.outputs["snapshot-uri"] ?? "";
  const key = uri.replace(`s3://${world.bucket}/`, "");
  const { manifest: _, ...given } = world.restoreInputs(uri, { mode: "verify" });
  const inputs = { ...given, "hosted-cluster": "example", "max-age": "1h" };
  return { backup, key, inputs, bytes: await world.store.readObject(world.bucket, key) };
}

test("What a backup stored is proven again, its Secrets with their key, and a damaged object is red", async () => {
  const world = await startScenario();
  const { backup, key, inputs, bytes } = await backUp(world);
  const objects = world.objectKeys();
  const requests = world.cluster.requests.length;

  const result = await world.run(inputs);
  expect(result.outcome).toBe("success");
  expect(result.annotations).toEqual([]);
  for (const name of ["snapshot-uri", "record-uri", "snapshot-sha256", "snapshot-size-bytes", "snapshot-revision"])
    expect(result.outputs[name]).toBe(backup.outputs[name]);
  expect(result.outputs["etcd-version"]).toBe(backup.outputs["etcd-version"]);
  expect(result.summary).toMatch(/secrets: aescbc key-\d+ \(v1\): (\d+) values, \1 of \1 opened with the key/);
  expect(world.objectKeys()).toEqual(objects);
  expect(world.cluster.requests).toHaveLength(requests);
  expect(await findUnsettled(world, result)).toEqual([]);

  const wrongKey = await runInProcess(world, { ...inputs, "encryption-key": randomBytes(32).toString("base64") });
  expect(wrongKey.outputs).toEqual({ "error-code": "encryption-key-mismatch" });

  await writeFile(join(world.workspace, "copy.db"), breakPage(bytes));
  const copy = { ...inputs, "snapshot-uri": "copy.db", "max-age": "", "allow-unrecorded": "true" };
  const file = await runInProcess(world, copy);
  expect(file.outputs).toEqual({ "error-code": "snapshot-invalid" });
  expect(await findUnsettled(world, file)).toEqual([]);

  const [object] = world.store.objects(world.bucket);
  bytes[5_000] = (bytes[5_000] ?? 0) ^ 1;
  await world.store.seedObject(world.bucket, key, bytes, { metadata: object?.metadata ?? {} });
  const damaged = await runInProcess(world, inputs);
  expect(damaged.exitCode).toBe(1);
  expect(damaged.outputs).toEqual({ "error-code": "snapshot-changed" });
  expect(world.objectKeys()).toEqual(objects);
});
