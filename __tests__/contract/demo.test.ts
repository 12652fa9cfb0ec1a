import { spawn, type ChildProcess } from "node:child_process";
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { entryPath } from "../scenario/scenario.ts";

const repository = resolve(import.meta.dirname, "../..");

interface Demo {
  readonly process: ChildProcess;
  readonly output: () => string;
  readonly exitCode: Promise<number | null>;
  /** What it left in its folder for temporary files, and processes that were started by it. */
  leftovers(): Promise<readonly string[]>;
}

async function startDemo(env: NodeJS.ProcessEnv = {}, options: readonly string[] = []): Promise<Demo> {
  const folder = await mkdtemp(join(tmpdir(), "demo-test-"));
  const mark = `DEMO_TEST=${folder}`;
  const child = spawn(join(repository, "node_modules/.bin/node"), ["scripts/demo.ts", ...options], {
    cwd: repository,
    env: { ...process.env, TMPDIR: folder, DEMO_TEST: folder, ...env },
    stdio: ["ignore", "pipe", "pipe"],
    // A process group of its own, to which Ctrl-C goes as a terminal sends it.
    detached: true,
  });
  let output = "";
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding("utf8").on("data", (chunk: string) => {
      output += chunk;
    });
  const exitCode = new Promise<number | null>((resolve) => child.once("close", resolve));
  onTestFinished(async () => {
    child.kill("SIGTERM");
    await exitCode;
    await rm(folder, { recursive: true, force: true });
  });
  return {
    process: child,
    output: () => output,
    exitCode,
    leftovers: async () => [...(await readdir(folder)), ...(await findProcesses(mark))],
  };
}

/** Processes whose environment has the mark; those of the embedded container have another one, and end with it. */
async function findProcesses(mark: string): Promise<readonly string[]> {
  const pids = (await readdir("/proc")).filter((name) => /^\d+$/.test(name));
  const environments = await Promise.all(pids.map((pid) => readFile(`/proc/${pid}/environ`, "latin1").catch(() => "")));
  return pids.filter((_, index) => environments[index]?.split("\0").includes(mark));
}

test("The demo restores what it backed up, proves it, and leaves nothing", async () => {
  const demo = await startDemo({ ACTION_ENTRY: entryPath() });
  expect(await demo.exitCode, demo.output()).toBe(0);
  expect(demo.output()).toMatch(/ keys \([\d.]+ %\) of the snapshot are untouched/);
  expect(demo.output()).toContain("✅ etcd restore: the cluster is the old one");
  expect(demo.output().match(/ equal$/gm)).toHaveLength(3);
  expect(demo.output()).not.toMatch(/DIFFERENT|AGE-SECRET-KEY|secret-access-key: (?!\$\{\{)/);
  expect(await demo.leftovers()).toEqual([]);
});

test("With --fail the demo shows an API server that does not come back, and with --html each summary as a page", async () => {
  const pages = await mkdtemp(join(tmpdir(), "demo-pages-"));
  onTestFinished(() => rm(pages, { recursive: true, force: true }));
  const demo = await startDemo({}, ["--fail", "--html", pages]);
  expect(await demo.exitCode, demo.output()).toBe(0);
  expect(demo.output()).toMatch(/API servers +NOT back.*\n.*Not ready +kube-apiserver\n.*Result +release-failed/);
  expect(demo.output()).toMatch(/✅ etcd recovery: done/);
  expect((await readdir(pages)).sort()).toEqual(["backup.html", "recover.html"]);
  expect(await readFile(join(pages, "backup.html"), "utf8")).toContain("❌ etcd backup: failed; the snapshot is whole");
  expect(await demo.leftovers()).toEqual([]);
});

test("The demo says how it is used when it is asked for what it has not", async () => {
  const demo = await startDemo({}, ["--verbose"]);
  expect(await demo.exitCode).toBe(2);
  expect(demo.output()).toBe("usage: npm run demo [-- [--fail] [--html DIR]]\n");
});

test.each(["1. Start", "Hold: stop"])("Ctrl-C after %j ends the demo, and leaves nothing", async (moment) => {
  const demo = await startDemo({ ACTION_ENTRY: entryPath() });
  while (!demo.output().includes(moment)) await new Promise((resolve) => setTimeout(resolve, 20));
  process.kill(-(demo.process.pid ?? Number.NaN), "SIGINT");
  expect(await demo.exitCode).toBe(130);
  expect(await demo.leftovers()).toEqual([]);
});

test("Without a bundle the demo says what to type", async () => {
  const demo = await startDemo({ ACTION_ENTRY: "dist/missing.js" });
  expect(await demo.exitCode).toBe(1);
  expect(demo.output()).toContain("npm run build");
  expect(demo.output().trim().split("\n")).toHaveLength(1);
});

test("Without etcd the demo says in one line what to install", async () => {
  // Neither etcd nor apt-get is on this PATH, and no cache can be made below a device.
  const demo = await startDemo({ ACTION_ENTRY: entryPath(), PATH: "/nonexistent", XDG_CACHE_HOME: "/dev/null" });
  expect(await demo.exitCode).toBe(1);
  expect(demo.output()).toContain("etcd-server");
  expect(demo.output().trim().split("\n")).toHaveLength(1);
});
