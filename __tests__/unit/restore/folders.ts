import { mkdtempSync, mkdirSync, realpathSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { onTestFinished } from "vitest";
import type { Environment } from "../../../src/allowed-path.ts";

export interface Folders {
  readonly workspace: string;
  readonly temp: string;
  /** In neither of the two. */
  readonly outside: string;
  readonly environment: Environment;
}

/** The folders of a runner, until the test has ended. */
export function createFolders(): Folders {
  const base = realpathSync(mkdtempSync(path.join(tmpdir(), "restore-test-")));
  onTestFinished(() => {
    rmSync(base, { recursive: true, force: true });
  });
  const [workspace, temp, outside] = ["work/repo", "work/_temp", "elsewhere"].map((name) => path.join(base, name));
  if (workspace === undefined || temp === undefined || outside === undefined) throw new Error("no folders");
  for (const folder of [workspace, temp, outside]) mkdirSync(folder, { recursive: true });
  return { workspace, temp, outside, environment: { GITHUB_WORKSPACE: workspace, RUNNER_TEMP: temp } };
}
