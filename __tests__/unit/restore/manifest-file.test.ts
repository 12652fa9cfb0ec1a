import { execFileSync } from "node:child_process";
import { mkdirSync, renameSync, symlinkSync, writeFileSync } from "node:fs";
import path from "node:path";
import { describe, expect, test } from "vitest";
import { readManifestFile } from "../../../src/restore/manifest-file.ts";
import { manifestMaxBytes } from "../../../src/restore/manifest.ts";
import { rejectedCode, rejectedError } from "./expectations.ts";
import { createFolders, type Folders } from "./folders.ts";

test.each<[string, (folders: Folders) => string]>([
  ["relative to the workspace", () => "sub/cluster.yaml"],
  ["with steps back that end inside", () => "sub/../sub/./cluster.yaml"],
  ["absolute", ({ workspace }) => path.join(workspace, "sub/cluster.yaml")],
  ["in RUNNER_TEMP", ({ temp }) => path.join(temp, "cluster.yaml")],
  ["in a folder whose name begins with dots", () => "..sub/cluster.yaml"],
])("a manifest is read: %s", async (_, pathOf) => {
  const folders = createFolders();
  for (const folder of [folders.temp, path.join(folders.workspace, "sub"), path.join(folders.workspace, "..sub")]) {
    mkdirSync(folder, { recursive: true });
    writeFileSync(path.join(folder, "cluster.yaml"), "a: 1\n");
  }
  const file = await readManifestFile(pathOf(folders), folders.environment);
  expect(file.content.toString()).toBe("a: 1\n");
  expect(path.isAbsolute(file.path)).toBe(true);
});

test("a manifest is read where the workspace itself is reached through a link", async () => {
  const { workspace, temp, environment } = createFolders();
  writeFileSync(path.join(workspace, "cluster.yaml"), "a: 1\n");
  renameSync(workspace, `${workspace}-real`);
  symlinkSync(`${workspace}-real`, workspace);
  for (const given of [
    "cluster.yaml",
    path.join(workspace, "cluster.yaml"),
    path.join(`${workspace}-real`, "cluster.yaml"),
  ])
    expect((await readManifestFile(given, environment)).path).toBe(path.join(`${workspace}-real`, "cluster.yaml"));
  expect(await rejectedCode(readManifestFile("cluster.yaml", { RUNNER_TEMP: temp }))).toBe("manifest-invalid");
});

test("one byte too many is read, so that the limit is seen to be passed, and no more", async () => {
  const { workspace, environment } = createFolders();
  writeFileSync(path.join(workspace, "large.yaml"), Buffer.alloc(manifestMaxBytes + 4_096));
  expect((await readManifestFile("large.yaml", environment)).content).toHaveLength(manifestMaxBytes + 1);
});

describe("a manifest is refused", () => {
  test.each<[string, (folders: Folders) => string]>([
    ["that does not exist", () => "none.yaml"],
    ["in a folder that does not exist", () => "none/cluster.yaml"],
    ["outside, by steps back", () => "../../elsewhere/cluster.yaml"],
    ["outside, absolute", ({ outside }) => path.join(outside, "cluster.yaml")],
    ["in a folder beside the workspace whose name begins as its own", ({ workspace }) => `${workspace}-2/cluster.yaml`],
    ["that is a link out", () => "link.yaml"],
    ["that is a link to a file of the workspace", () => "inner-link.yaml"],
    ["behind a linked folder", () => "linked/cluster.yaml"],
    ["behind a linked folder further up", () => "linked-deep/sub/cluster.yaml"],
    ["that is a folder", () => "sub"],
    ["that is the workspace", () => "."],
    ["that is a named pipe", () => "pipe"],
    ["that is not readable as a path", () => "a\0b"],
    ["with a name of 300 characters", () => "a".repeat(300)],
  ])("%s", async (_, pathOf) => {
    const folders = createFolders();
    const { workspace, outside, environment } = folders;
    const within = (name: string): string => path.join(workspace, name);
    for (const folder of [within("sub"), `${workspace}-2`, path.join(outside, "sub")]) mkdirSync(folder);
    for (const folder of [outside, workspace, `${workspace}-2`, path.join(outside, "sub")])
      writeFileSync(path.join(folder, "cluster.yaml"), "a: 1\n");
    symlinkSync(path.join(outside, "cluster.yaml"), within("link.yaml"));
    symlinkSync("cluster.yaml", within("inner-link.yaml"));
    symlinkSync(outside, within("linked"));
    symlinkSync(outside, within("linked-deep"));
    execFileSync("mkfifo", [within("pipe")]);
    expect(await rejectedCode(readManifestFile(pathOf(folders), environment))).toBe("manifest-invalid");
  });
});

test.each(["none/cluster.yaml", "cluster.yaml"])(
  "the manifest %s that is not there asks for the checkout",
  async (given) => {
    const { environment } = createFolders();
    const error = await rejectedError(readManifestFile(given, environment));
    expect(error.hint).toMatch(/checked out \(actions\/checkout\); the path begins at the workspace/);
  },
);
