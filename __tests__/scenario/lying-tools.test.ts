import { rm, writeFile } from "node:fs/promises";
import { expect, test } from "vitest";
import { findUnsettled } from "../world/settled.ts";
import { titlesOf } from "./refusal.ts";
import { startScenario } from "./scenario.ts";

test("An object whose metadata would name another trailer than its bytes have is no backup", async () => {
  const world = await startScenario();
  const od = world.cluster.container().pathOf("/usr/bin/od");
  await rm(od);
  await writeFile(od, `#!/bin/sh\necho ' ${"ab ".repeat(32)}'\n`, { mode: 0o755 });
  const result = await world.run(world.backupInputs());
  expect(result.outcome).toBe("failure");
  expect(titlesOf(result)).toEqual(["transfer-failed"]);
  expect(world.objectKeys()).toEqual([]);
  expect(await findUnsettled(world, result)).toEqual([]);
});
