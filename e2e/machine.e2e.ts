import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readdirSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, onTestFinished, test } from "vitest";
import { findByEnvironment } from "../__tests__/world/processes.ts";
import { findHierarchies } from "./cgroups.ts";
import { layoutOf } from "./cluster/layout.ts";
import { waitUntil } from "./wait.ts";

const script = fileURLToPath(new URL("run.ts", import.meta.url));

function makeFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "machine-"));
  onTestFinished(() => {
    rmSync(folder, { recursive: true });
  });
  return folder;
}

/** What `npm run e2e` says where only some of its programs are in PATH. */
function runWith(programs: readonly string[], options: { readonly uid?: number } = {}) {
  const folder = makeFolder();
  for (const program of programs) {
    const found = spawnSync("which", [program], { encoding: "utf8" }).stdout.trim();
    symlinkSync(found, join(folder, program));
  }
  const env = { ...process.env, PATH: folder };
  const { status, stdout, stderr } = spawnSync(process.execPath, [script], { encoding: "utf8", env, ...options });
  return { status, stdout, lines: stderr.trim().split("\n") };
}

const tools = ["containerd", "ctr", "runc", "debootstrap", "ip", "mount", "setpriv", "tar", "unshare"];

test.each([
  ["root", () => runWith([...tools, "go"], { uid: 65534 }), /needs root/],
  ["Go", () => runWith(tools), /missing: Go 1\.24/],
  ["containerd", () => runWith([...tools.filter((name) => name !== "containerd"), "go"]), /missing: containerd;/],
])("Without %s, one line says what to do, and nothing is started", (_what, run, said) => {
  const { status, stdout, lines } = run();
  expect([status, stdout]).toEqual([1, ""]);
  expect(lines).toEqual([expect.stringMatching(said)]);
});

test.each([
  ["unmounted", "umount --all --lazy --types cgroup,cgroup2", /no cgroup hierarchy is mounted/],
  ["read-only", "mount --all --options remount,bind,ro --types cgroup,cgroup2", /cgroups are not usable/],
])("With cgroups that are %s, one line says what to do, and nothing is started", (_what, command, said) => {
  const { status, stdout, stderr } = spawnSync(
    "unshare",
    ["--mount", "sh", "-c", `${command}; exec "$@"`, "sh", process.execPath, script],
    { encoding: "utf8", env: { ...process.env, TMPDIR: makeFolder() } },
  );
  expect([status, stdout, stderr.trim().split("\n")]).toEqual([1, "", [expect.stringMatching(said)]]);
});

test.each(["SIGINT", "SIGKILL"] as const)(
  "A run that gets %s leaves no process, and no file or cgroup after the look of the next one",
  async (signal) => {
    const folder = makeFolder();
    const env = { ...process.env, TMPDIR: folder };
    const run = spawn(process.execPath, [script, "machine"], { env, stdio: ["ignore", "ignore", "inherit"] });
    const closed = once(run, "close");
    const name = `hypershift-e2e-${String(run.pid)}`;
    const record = join(layoutOf(join(folder, name)).processes, "kube-apiserver.json");
    await waitUntil("its API server was started", () => Promise.resolve(existsSync(record)), { timeoutMs: 120_000 });
    expect(findByEnvironment(folder).length).toBeGreaterThan(3);
    run.kill(signal);
    expect(await closed).toEqual(signal === "SIGINT" ? [130, null] : [null, "SIGKILL"]);
    await waitUntil("its processes have ended", () => Promise.resolve(findByEnvironment(folder).length === 0), {
      timeoutMs: 30_000,
    });
    if (signal === "SIGKILL") expect(spawnSync(process.execPath, [script, "--check"], { env }).status).toBe(0);
    expect(readdirSync(folder)).toEqual([]);
    const cgroups = (await findHierarchies()).flatMap((hierarchy) => readdirSync(hierarchy));
    expect(cgroups).not.toContain(name);
  },
);
