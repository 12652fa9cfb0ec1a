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
import fs, { open } from "node:fs/promises";
import { syncBuiltinESMExports } from "node:module";
import path from "node:path";
import { describe, expect, onTestFinished, test, vi } from "vitest";
import { ActionError, hasCode } from "../../../src/errors.ts";
import { findOutputPath, writeOutput } from "../../../src/restore/output-file.ts";
import { createMemoryLog, rejectedCode } from "./expectations.ts";
import { createFolders, type Folders } from "./folders.ts";

const write = (target: string, text: string): Promise<void> =>
  writeOutput(target, text, { log: createMemoryLog(), remember: () => undefined });

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
    await write(target, "secret: 1\n");
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
    expect(await rejectedCode(write(target, "mine"))).toBe("output-refused");
    expect(readdirSync(workspace)).toEqual(["out.yaml"]);
  });

  test("is refused where its folder has gone", async () => {
    const { workspace } = createFolders();
    expect(await rejectedCode(write(path.join(workspace, "gone/out.yaml"), "x"))).toBe("output-refused");
  });
});

describe("where the draft of the file cannot be removed", () => {
  test("the first error is told, also where the draft has gone by itself", async () => {
    const { workspace } = createFolders();
    const written = write(path.join(workspace, "out.yaml"), "secret");
    unlinkSync(await waitForDraft(workspace));
    expect(await readRefusal(written)).toContain("ENOENT");
    expect(readdirSync(workspace)).toEqual([]);
  });

  test("it is told where the draft lies that holds the key", async () => {
    const { workspace } = createFolders();
    const written = write(path.join(workspace, "out.yaml"), "secret");
    const draft = await waitForDraft(workspace);
    makeUnremovable(draft);
    const refusal = await readRefusal(written);
    expect(refusal).toContain(draft);
  });

  test("what was written does not pass for a success, and it is told where the draft lies", async () => {
    const { workspace } = createFolders();
    const target = path.join(workspace, "out.yaml");
    const written = write(target, "secret");
    const draft = await waitForDraft(workspace);
    await waitFor(() => existsSync(target));
    makeUnremovable(draft);
    expect(await readRefusal(written)).toContain(draft);
  });
});

describe("on a file system that lacks something", () => {
  /** `call` answers `code` until the test has ended. */
  function refuseCall(call: "link", code: string): void {
    const spy = vi.spyOn(fs, call).mockRejectedValue(Object.assign(new Error(code), { code }));
    syncBuiltinESMExports();
    onTestFinished(() => {
      spy.mockRestore();
      syncBuiltinESMExports();
    });
  }

  async function refuseChmod(workspace: string): Promise<void> {
    const handle = await open(path.join(workspace, ".."));
    const spy = vi
      .spyOn(Object.getPrototypeOf(handle) as typeof handle, "chmod")
      .mockRejectedValue(Object.assign(new Error("EPERM"), { code: "EPERM" }));
    await handle.close();
    onTestFinished(() => {
      spy.mockRestore();
    });
  }

  test.each(["EPERM", "ENOTSUP", "EOPNOTSUPP", "ENOSYS", "EMLINK"])(
    "a link that answers %s does not end the run: the file is written in its place, to nobody else",
    async (code) => {
      const { workspace } = createFolders();
      refuseCall("link", code);
      const target = path.join(workspace, "out.yaml");
      const log = createMemoryLog();
      await writeOutput(target, "secret", { log, remember: () => undefined });
      expect(readFileSync(target, "utf8")).toBe("secret");
      expect(statSync(target).mode & 0o7777).toBe(0o600);
      expect(readdirSync(workspace)).toEqual(["out.yaml"]);
      expect(log.warnings).toHaveLength(1);
    },
  );

  test("a file that is there is not replaced without links either", async () => {
    const { workspace } = createFolders();
    refuseCall("link", "EPERM");
    const target = path.join(workspace, "out.yaml");
    writeFileSync(target, "theirs");
    expect(await rejectedCode(write(target, "mine"))).toBe("output-refused");
    expect(readFileSync(target, "utf8")).toBe("theirs");
    expect(readdirSync(workspace)).toEqual(["out.yaml"]);
  });

  test("a refused chmod is passed over where nobody else may read the file", async () => {
    const { workspace } = createFolders();
    await refuseChmod(workspace);
    const target = path.join(workspace, "out.yaml");
    await write(target, "secret");
    expect(statSync(target).mode & 0o077).toBe(0);
  });

  test("a refused chmod ends the run where others could read the key", async () => {
    const { workspace } = createFolders();
    await refuseChmod(workspace);
    const really = fs.open;
    const spy = vi.spyOn(fs, "open").mockImplementation(async (file, flags) => {
      const handle = await really(file, flags, 0o600);
      vi.spyOn(handle, "stat").mockResolvedValue(Object.assign(statSync(String(file)), { mode: 0o100777 }));
      return handle;
    });
    syncBuiltinESMExports();
    onTestFinished(() => {
      spy.mockRestore();
      syncBuiltinESMExports();
    });
    const refusal = await readRefusal(write(path.join(workspace, "out.yaml"), "secret"));
    expect(refusal).toContain("readable for others");
    expect(readdirSync(workspace)).toEqual([]);
  });

  test("no hint names the folder in which the file was to be written", async () => {
    const { temp } = createFolders();
    refuseCall("link", "EIO");
    const error: unknown = await write(path.join(temp, "out.yaml"), "x").catch((thrown: unknown) => thrown);
    expect(String(Reflect.get(Object(error), "hint"))).not.toContain("RUNNER_TEMP");
    expect(readdirSync(temp)).toEqual([]);
  });
});

test("every file that gets the key is told before a byte of it is written", async () => {
  const { workspace } = createFolders();
  const target = path.join(workspace, "out.yaml");
  const seen: string[] = [];
  const remember = (files: readonly { readonly path: string }[]): void => {
    seen.push(...files.map((file) => path.basename(file.path).replace(/[0-9a-f]{16}/, "…")));
    for (const file of files) if (existsSync(file.path)) expect(readFileSync(file.path, "utf8")).toBe("");
  };
  await writeOutput(target, "secret", { log: createMemoryLog(), remember });
  expect(seen).toEqual([".hosted-cluster-restore-….part", "out.yaml"]);
});

test("a state that cannot be written leaves no file, and no key was in one", async () => {
  const { workspace } = createFolders();
  const remember = (): never => {
    throw new ActionError("runner-unwritable", "could not write to GITHUB_STATE of the runner");
  };
  const written = writeOutput(path.join(workspace, "out.yaml"), "secret", { log: createMemoryLog(), remember });
  expect(await rejectedCode(written)).toBe("runner-unwritable");
  expect(readdirSync(workspace)).toEqual([]);
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
