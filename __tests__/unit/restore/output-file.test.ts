import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from "node:fs";
import path from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { hasCode } from "../../../src/errors.ts";
import { findOutputPath, writeOutput } from "../../../src/restore/output-file.ts";
import { rejectedCode } from "./expectations.ts";
import { createFolders, type Folders } from "./folders.ts";

const manifestOf = ({ workspace }: Folders): string => path.join(workspace, "cluster.yaml");
const find = (given: string | undefined, folders: Folders): Promise<string> =>
  findOutputPath(given, manifestOf(folders), folders.environment);

describe("the place of the result", () => {
  test("is what was given, relative to the workspace", async () => {
    const folders = createFolders();
    expect(await find("out.yaml", folders)).toBe(path.join(folders.workspace, "out.yaml"));
    expect(await find(path.join(folders.temp, "out.yaml"), folders)).toBe(path.join(folders.temp, "out.yaml"));
  });

  test("is a new file under RUNNER_TEMP when nothing was given", async () => {
    const folders = createFolders();
    const [one, other] = [await find(undefined, folders), await find(undefined, folders)];
    expect(path.dirname(one)).toBe(folders.temp);
    expect(one).toMatch(/\.yaml$/);
    expect(other).not.toBe(one);
  });

  test.each<[string, (folders: Folders) => string | undefined]>([
    ["outside", () => "../../elsewhere/out.yaml"],
    ["outside, absolute", ({ outside }) => path.join(outside, "out.yaml")],
    ["the manifest", () => "cluster.yaml"],
    ["the manifest in other words", () => "sub/../cluster.yaml"],
    ["a file that exists", () => "old.yaml"],
    ["a folder", () => "sub"],
    ["a link to a file that exists", () => "link"],
    ["a link to nothing", () => "dangling"],
    ["behind a linked folder", () => "linked/out.yaml"],
    ["behind a folder that is linked inside the workspace", () => "inner/out.yaml"],
    ["in a folder that does not exist", () => "none/out.yaml"],
    ["below a file", () => "old.yaml/out.yaml"],
    ["of a name that no file system takes", () => "a".repeat(300)],
  ])("is refused: %s", async (_, pathOf) => {
    const folders = createFolders();
    const within = (name: string): string => path.join(folders.workspace, name);
    mkdirSync(within("sub"));
    for (const name of ["cluster.yaml", "old.yaml"]) writeFileSync(within(name), "");
    symlinkSync("old.yaml", within("link"));
    symlinkSync("nowhere", within("dangling"));
    symlinkSync(folders.outside, within("linked"));
    symlinkSync("sub", within("inner"));
    expect(await rejectedCode(find(pathOf(folders), folders))).toBe("output-refused");
  });

  test("is refused where it is the manifest, which nobody is told to remove", async () => {
    const folders = createFolders();
    writeFileSync(path.join(folders.workspace, "cluster.yaml"), "");
    const hint = find("cluster.yaml", folders).catch((error: unknown) => String(Reflect.get(Object(error), "hint")));
    expect(await hint).not.toContain("remove");
  });

  test("is refused when there is none: no output and no RUNNER_TEMP", async () => {
    const folders = createFolders();
    const environment = { GITHUB_WORKSPACE: folders.workspace };
    expect(await rejectedCode(findOutputPath(undefined, manifestOf(folders), environment))).toBe("output-refused");
  });
});

describe("the file", () => {
  test.each([0o000, 0o022, 0o277, 0o777])("is its owner's alone, with umask %o too", async (umask) => {
    const { workspace } = createFolders();
    const before = process.umask(umask);
    onTestFinished(() => void process.umask(before));
    const target = path.join(workspace, "out.yaml");
    await writeOutput(target, "secret: 1\n");
    expect(statSync(target).mode & 0o7777).toBe(0o600);
    expect(readFileSync(target, "utf8")).toBe("secret: 1\n");
    expect(readdirSync(workspace)).toEqual(["out.yaml"]);
  });

  test.each<[string, (target: string) => void]>([
    [
      "a file",
      (target) => {
        writeFileSync(target, "theirs");
      },
    ],
    [
      "a link",
      (target) => {
        symlinkSync(`${target}-elsewhere`, target);
      },
    ],
    [
      "a folder",
      (target) => {
        mkdirSync(target);
      },
    ],
  ])("does not replace %s that appeared meanwhile, and leaves no part", async (_, appear) => {
    const { workspace } = createFolders();
    const target = path.join(workspace, "out.yaml");
    appear(target);
    expect(await rejectedCode(writeOutput(target, "mine"))).toBe("output-refused");
    expect(readdirSync(workspace)).toEqual(["out.yaml"]);
  });

  test("is refused where its folder has gone", async () => {
    const { workspace } = createFolders();
    expect(await rejectedCode(writeOutput(path.join(workspace, "gone/out.yaml"), "x"))).toBe("output-refused");
  });
});

describe("where the draft of the file cannot be removed", () => {
  test("the first error is told, also where the draft has gone by itself", async () => {
    const { workspace } = createFolders();
    const written = writeOutput(path.join(workspace, "out.yaml"), "secret");
    unlinkSync(await waitForDraft(workspace));
    expect(await readRefusal(written)).toContain("ENOENT");
    expect(readdirSync(workspace)).toEqual([]);
  });

  test("the first error is told, and where the draft lies that holds the key", async () => {
    const { workspace } = createFolders();
    const written = writeOutput(path.join(workspace, "out.yaml"), "secret");
    const draft = await waitForDraft(workspace);
    makeUnremovable(draft);
    const refusal = await readRefusal(written);
    expect(refusal).toContain("EPERM");
    expect(refusal).toContain(draft);
  });

  test("what was written does not pass for a success, and it is told where the draft lies", async () => {
    const { workspace } = createFolders();
    const target = path.join(workspace, "out.yaml");
    const written = writeOutput(target, "secret");
    const draft = await waitForDraft(workspace);
    await waitFor(() => existsSync(target));
    makeUnremovable(draft);
    expect(await readRefusal(written)).toContain(draft);
  });
});

/** As soon as it is there: between two steps of the write, which is one system call after the other. */
async function waitForDraft(folder: string): Promise<string> {
  const find = (): string | undefined => readdirSync(folder).find((name) => name.endsWith(".part"));
  await waitFor(() => find() !== undefined);
  return path.join(folder, find() ?? "");
}

async function waitFor(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise(setImmediate);
}

/** A folder in its place stands for a file system that refuses, which root is never shown otherwise. */
function makeUnremovable(draft: string): void {
  unlinkSync(draft);
  mkdirSync(draft);
}

/** The message of an `output-refused`; throws whatever else is thrown. */
async function readRefusal(promise: Promise<void>): Promise<string | undefined> {
  try {
    await promise;
    return undefined;
  } catch (error) {
    if (hasCode(error, "output-refused")) return error.message;
    throw error;
  }
}
