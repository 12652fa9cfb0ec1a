import { existsSync, linkSync, mkdirSync, rmSync, statSync, symlinkSync, unlinkSync, writeFileSync } from "node:fs";
import path from "node:path";
import { expect, test } from "vitest";
import { describeError } from "../../../src/errors.ts";
import { removeWritten } from "../../../src/restore/leftovers.ts";
import { inodeOf, type OwnFile } from "../../../src/restore/output-file.ts";
import { createMemoryLog } from "./expectations.ts";
import { createFolders, type Folders } from "./folders.ts";

const draftName = `.hosted-cluster-restore-${"0a".repeat(8)}.part`;
const drawnOutput = `hosted-cluster-restore-${"0b".repeat(8)}.yaml`;

function write(folder: string, name: string, text = "secret"): OwnFile {
  const file = path.join(folder, name);
  writeFileSync(file, text);
  return { path: file, inode: inodeOf(statSync(file, { bigint: true })) };
}

async function remove(files: readonly OwnFile[], { environment }: Folders): Promise<string> {
  try {
    await removeWritten(files, { environment, log: createMemoryLog() });
    return "";
  } catch (error) {
    const { code, message } = describeError(error);
    return `${code}: ${message}`;
  }
}

test("a draft, and the file that was linked to it, are removed", async () => {
  const folders = createFolders();
  const draft = write(folders.workspace, draftName);
  const target = { ...draft, path: path.join(folders.workspace, "out.yaml") };
  linkSync(draft.path, target.path);
  expect(await remove([draft, target], folders)).toBe("");
  expect([draft, target].some((file) => existsSync(file.path))).toBe(false);
});

test("a file that another step wrote to the named place stays, and is not called left", async () => {
  const folders = createFolders();
  const draft = write(folders.workspace, draftName);
  const theirs = write(folders.workspace, "out.yaml", "theirs");
  expect(await remove([draft, { ...draft, path: theirs.path }], folders)).toBe("");
  expect([existsSync(draft.path), existsSync(theirs.path)]).toEqual([false, true]);
});

test("names that were drawn by chance are known where a network file system numbers files anew", async () => {
  const folders = createFolders();
  const files = [draftName, drawnOutput].map((name) => ({ ...write(folders.temp, name), inode: "1:1" }));
  expect(await remove(files, folders)).toBe("");
  expect(files.some((file) => existsSync(file.path))).toBe(false);
});

test.each([
  "hosted-cluster-restore.yaml",
  "cluster.yaml",
  `x${drawnOutput}`,
  `${draftName}~`,
  "hosted-cluster-restore-.yaml",
])("another number is another file, whatever is like the names that are drawn: %s", async (name) => {
  const folders = createFolders();
  const file = { ...write(folders.temp, name), inode: "1:1" };
  expect(await remove([file], folders)).toBe("");
  expect(existsSync(file.path)).toBe(true);
});

test.each<readonly [string, (folders: Folders) => OwnFile]>([
  ["outside of workspace and RUNNER_TEMP", ({ outside }) => write(outside, draftName)],
  [
    "behind a folder that became a link",
    ({ workspace, outside }) => {
      symlinkSync(outside, path.join(workspace, "sub"));
      return { ...write(outside, draftName), path: path.join(workspace, "sub", draftName) };
    },
  ],
])("nothing is removed %s, and that is told", async (_, make) => {
  const folders = createFolders();
  const file = make(folders);
  expect(await remove([file], folders)).toContain("leftovers-remain: files that may hold the encryption key");
  expect(existsSync(file.path)).toBe(true);
});

test("a link, a folder, and what is gone with its folder are nothing to remove", async () => {
  const folders = createFolders();
  const gone = path.join(folders.workspace, "gone");
  mkdirSync(gone);
  const lost = write(gone, draftName);
  rmSync(gone, { recursive: true });
  const [link, folder] = [write(folders.workspace, draftName), write(folders.temp, draftName)];
  for (const { path: file } of [link, folder]) unlinkSync(file);
  symlinkSync(folders.outside, link.path);
  mkdirSync(folder.path);
  expect(await remove([lost, link, folder], folders)).toBe("");
  expect([existsSync(link.path), existsSync(folder.path)]).toEqual([true, true]);
});
