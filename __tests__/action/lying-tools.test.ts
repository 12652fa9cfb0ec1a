import { rm, writeFile } from "node:fs/promises";
import { expect, test } from "vitest";
import { findUnsettled } from "../fakes/settled.ts";
import { startScenario } from "./scenario.ts";

test("An object whose metadata would name another trailer than its bytes have is no backup", async () => {
  const world = await startScenario();
  const od = world.cluster.container().pathOf("/usr/bin/od");
  await rm(od);
  await writeFile(od, `#!/bin/sh\necho ' ${"ab ".repeat(32)}'\n`, { mode: 0o755 });
  const result = await world.run(world.backupInputs());
  expect(result.outcome).toBe("failure");
  expect(result.annotations.map(({ title }) => title)).toEqual(["transfer-failed"]);
  expect(world.objectKeys()).toEqual([]);
  expect(await findUnsettled(world, result)).toEqual([]);
});
