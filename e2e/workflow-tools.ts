import { join } from "node:path";
import { buildToolSet, cacheFolderOf, type ToolSet } from "./go-tools.ts";

/** What runs and checks workflows; outside of the tree like all that is built. */
export const cacheFolder = cacheFolderOf("workflows");

const act: ToolSet = {
  folder: "act",
  programs: { act: "github.com/nektos/act" },
  ldflags: "-s -w",
};
const actionlint: ToolSet = {
  folder: "actionlint",
  programs: { actionlint: "github.com/rhysd/actionlint/cmd/actionlint" },
  ldflags: "-s -w",
};

/** Path of act, built when it is missing. Throws an Error of one line where Go is missing or fails. */
export async function buildAct(report: (line: string) => void): Promise<string> {
  return join(await buildToolSet(act, cacheFolder, report), "act");
}

/** The same of actionlint. */
export async function buildActionlint(report: (line: string) => void): Promise<string> {
  return join(await buildToolSet(actionlint, cacheFolder, report), "actionlint");
}
