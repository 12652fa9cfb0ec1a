import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";

/** One run of a program that the workflows call beside the action. */
export interface Call {
  readonly program: string;
  readonly args: readonly string[];
  /** Content of the file that KUBECONFIG names. */
  readonly kubeconfig?: string;
  /** Content of the file after `--filename`. */
  readonly manifest?: string;
}

/** Standard output by program and first argument, as `kubectl get`; nothing for others. */
export type Answers = Readonly<Record<string, string>>;

const programs = ["kubectl", "gh"];
const callsFile = "calls.jsonl";

/** Puts programs into a folder that answer, do nothing, and note how they were called. */
export async function installStandIns(folder: string, answers: Answers): Promise<void> {
  await mkdir(folder);
  await writeFile(join(folder, callsFile), "");
  const source = `#!${process.execPath}
const { appendFileSync, existsSync, readFileSync } = require("node:fs");
const args = process.argv.slice(2);
const read = (path) => (path && existsSync(path) ? readFileSync(path, "utf8") : undefined);
const program = require("node:path").basename(process.argv[1]);
const manifest = args.includes("--filename") ? read(args[args.indexOf("--filename") + 1]) : undefined;
// act itself asks gh for a token before it runs anything; it gets none.
if (process.env.GITHUB_ACTIONS === "true") appendFileSync(
  ${JSON.stringify(join(folder, callsFile))},
  JSON.stringify({ program, args, kubeconfig: read(process.env.KUBECONFIG), manifest }) + "\\n",
);
process.stdout.write(${JSON.stringify(answers)}[program + " " + args[0]] ?? "");
`;
  for (const program of programs) await writeFile(join(folder, program), source, { mode: 0o755 });
}

export async function readCalls(folder: string): Promise<readonly Call[]> {
  const lines = (await readFile(join(folder, callsFile), "utf8")).split("\n");
  return lines.filter((line) => line !== "").map((line) => JSON.parse(line) as Call);
}
