/**
 * One backup and one restore of a real etcd before your eyes, on this machine alone: the action runs as a workflow runs it,
 * against an embedded management cluster and object store. The cluster is lost then, made anew from the snapshot as HyperShift
 * does it, and proven to be the old one. Ends with 0 only when it is, and leaves no process and no folder.
 *
 * `--fail` shows a backup whose API server does not come back; `--html DIR` writes each summary as a page, too.
 */
import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, relative, resolve } from "node:path";
import { parseArgs } from "node:util";
import { findEtcdBinaries } from "../__tests__/world/etcd/binaries.ts";
import { bundleWithLimits } from "./bundle.ts";
import { shortLimits, showFailure } from "./demo/failure.ts";
import { showBackupAndRestore } from "./demo/restore.ts";
import { DemoError, Stage } from "./demo/stage.ts";

const repository = resolve(import.meta.dirname, "..");
/** Many times what it takes, also beside other work; a demo that hangs is worse than one that gives up. */
const limitMs = 600_000;

function readOptions(): { readonly fail: boolean; readonly html: string | undefined } {
  try {
    const { values } = parseArgs({ options: { fail: { type: "boolean", default: false }, html: { type: "string" } } });
    return { fail: values.fail, html: values.html };
  } catch {
    console.error("usage: npm run demo [-- [--fail] [--html DIR]]");
    process.exit(2);
  }
}

async function checkNeeds(entry: string): Promise<void> {
  if (!existsSync(join(entry, "main.js")))
    throw new DemoError(`${relative(repository, entry)}/main.js is missing: run npm run build`);
  await findEtcdBinaries();
  try {
    execFileSync("curl", ["--version"], { stdio: "ignore" });
  } catch {
    throw new DemoError("curl is missing: install it and run again");
  }
}

async function show(fail: boolean, folder: string): Promise<number> {
  const entry = resolve(repository, process.env["ACTION_ENTRY"] ?? "dist");
  await checkNeeds(entry);
  return fail
    ? showFailure(stage, await bundleWithLimits(join(folder, "action"), shortLimits))
    : showBackupAndRestore(stage, entry);
}

const { fail, html } = readOptions();
const stage = new Stage(html);
const limit = setTimeout(() => {
  stage.stopped.reject(new DemoError(`not done after ${String(limitMs / 1000)} s; is this machine very busy?`));
}, limitMs);
// Everything that is started makes its folders below this one.
const folder = mkdtempSync(join(tmpdir(), "demo-"));
process.env["TMPDIR"] = folder;
let code = 1;
try {
  code = await Promise.race([show(fail, folder), stage.stopped.promise]);
} catch (error) {
  // What etcd's absence is told with is one line, too.
  console.error(`\n${error instanceof Error ? error.message : String(error)}`);
} finally {
  clearTimeout(limit);
  await stage.close();
  rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
}
process.exit(code);
