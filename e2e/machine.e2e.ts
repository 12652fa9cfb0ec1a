import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, onTestFinished, test } from "vitest";

const script = fileURLToPath(new URL("run.ts", import.meta.url));

/** What `npm run e2e` says where only some of its programs are in PATH. */
function runWith(programs: readonly string[], options: { readonly uid?: number } = {}) {
  const folder = mkdtempSync(join(tmpdir(), "programs-"));
  onTestFinished(() => {
    rmSync(folder, { recursive: true });
  });
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
