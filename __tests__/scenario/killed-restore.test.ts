import { mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { beforeAll, expect, onTestFinished, test } from "vitest";
import { findUnsettled } from "../world/settled.ts";
import { shareScenario } from "./scenario.ts";

const scenario = shareScenario();
let snapshotUri = "";
beforeAll(async () => {
  const world = scenario();
  snapshotUri = (await world.run(world.backupInputs())).outputs["snapshot-uri"] ?? "";
});

/** A module that runs before the action and changes `fs`; the folder that holds it goes with the test. */
async function preload(code: string): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "preload-"));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const file = join(folder, "preload.mjs");
  await writeFile(
    file,
    `import fs from "node:fs/promises";
import { syncBuiltinESMExports } from "node:module";
const isDraft = (file) => String(file).endsWith(".part");
const die = () => { process.kill(process.pid, "SIGKILL"); return new Promise(() => {}); };
const { link, unlink } = fs;
${code}
syncBuiltinESMExports();
`,
  );
  return pathToFileURL(file).href;
}

const beforeLink = "fs.link = die;";
const afterLink = "fs.unlink = (file) => isDraft(file) ? die() : unlink(file);";
const inPlace = `fs.link = () => Promise.reject(Object.assign(new Error("EPERM"), { code: "EPERM" }));\n${afterLink}`;

test.each([
  ["before its draft becomes the file", beforeLink, ""],
  ["before its draft becomes the file, which the workflow named", beforeLink, "restored.yaml"],
  ["after its draft became the file", afterLink, ""],
  ["after its draft became the file, which the workflow named", afterLink, "restored.yaml"],
  ["while draft and file are there, on a file system without links", inPlace, "restored.yaml"],
])("A restore that is killed %s leaves no key on the runner", async (_, code, output) => {
  const world = scenario();
  const before = await readdir(world.workspace);
  const result = await world.run(world.restoreInputs(snapshotUri, { output }), {
    env: { NODE_OPTIONS: `--import=${await preload(code)}` },
    postEnv: { NODE_OPTIONS: "" },
  });
  expect([result.signal, result.post?.outcome]).toEqual(["SIGKILL", "success"]);
  expect(await readdir(world.workspace)).toEqual(before);
  expect((await readdir(result.directories.temp)).filter((name) => name.includes("restore"))).toEqual([]);
  expect(result.post?.log).toContain("which may hold the encryption key");
  expect(result.stateFile).not.toContain(world.cluster.aesKey.toString("base64"));
  expect(await findUnsettled(world, result)).toEqual([]);
});

test("The file of a restore that ended well stays for the steps after it", async () => {
  const world = scenario();
  const result = await world.run(world.restoreInputs(snapshotUri, { output: "restored.yaml" }));
  expect(result.post?.outcome).toBe("success");
  expect(await readdir(world.workspace)).toContain("restored.yaml");
  await rm(join(world.workspace, "restored.yaml"));
});
