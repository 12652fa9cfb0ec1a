import { execFile } from "node:child_process";
import { mkdtemp, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, test } from "vitest";
import { parseSaveResult, resultCommand } from "../../../src/pod/save.ts";

let folder = "";
let file = "";
const tools = { statusTool: "etcdutl", authority: "" } as const;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "save-result-"));
  file = join(folder, "snapshot.db");
});

afterAll(() => rm(folder, { recursive: true, force: true }));

async function ask(waitMs: number, leastFreeBytes = 0) {
  const [command = "", ...args] = resultCommand(file, tools, { waitMs, leastFreeBytes });
  return parseSaveResult((await promisify(execFile)(command, args)).stdout);
}

test("a save that never began is told at once", async () => {
  expect(await ask(60_000)).toEqual({ state: "absent" });
});

test("a save that goes on is told after the wait, and at once where its volume gets full", async () => {
  await writeFile(`${file}.first`, "");
  expect(await ask(300)).toMatchObject({ state: "running", savedBytes: 0 });
  await writeFile(`${file}.part`, "as far as etcd has come");
  expect(await ask(300)).toMatchObject({ state: "running", savedBytes: 23 });
  // No volume has that much.
  expect(await ask(60_000, 2 ** 60)).toMatchObject({ state: "running" });
});

test("a save that ends while it is waited for is told then", async () => {
  const asked = ask(60_000);
  await delay(400);
  await writeFile(`${file}.log`, "no space left on device\n");
  // In one step: else it can be read while it is empty.
  await writeFile(`${file}.rc.part`, "5\n");
  await rename(`${file}.rc.part`, `${file}.rc`);
  expect(await asked).toEqual({ state: "failed", exitCode: 5, reason: "no space left on device" });
});
