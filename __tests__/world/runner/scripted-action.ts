import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { runStep, startStep } from "./runner.ts";
import type { RunningStep, StepOptions, StepResult } from "./step.ts";

const manifest = `
name: Example
inputs:
  mode: { default: backup }
  max-pause: { default: 15m }
  github-token: { default: "\${{ github.token }}" }
  old-name: { deprecationMessage: use mode }
  plain: {}
runs:
  using: node24
  main: main.mjs
  post: post.mjs
`;

/** What every script can use: `say` prints a line, `append` adds to one of the runner's files. */
const prelude = `
  import { appendFileSync, writeFileSync } from "node:fs";
  import { join } from "node:path";
  const { env } = process;
  const say = (text) => console.log(text);
  const append = (name, text) => appendFileSync(env[name], text);
`;

/** Runs small scripts as actions; `close` ends and removes all of them. */
export interface ScriptedActions {
  run(main: string, options?: StepOptions, post?: string): Promise<StepResult>;
  start(main: string, post?: string, options?: StepOptions): Promise<RunningStep>;
  close(): Promise<void>;
}

export function createScriptedActions(): ScriptedActions {
  const closers: (() => Promise<void> | void)[] = [];
  const write = async (main: string, post: string): Promise<StepOptions> => {
    const directory = await mkdtemp(join(tmpdir(), "action-"));
    closers.push(() => rm(directory, { recursive: true, force: true }));
    await writeFile(join(directory, "action.yml"), manifest);
    await writeFile(join(directory, "main.mjs"), prelude + main);
    await writeFile(join(directory, "post.mjs"), prelude + post);
    // 7.5 s become 0.3 s.
    return { actionDirectory: directory, timeScale: 0.04 };
  };
  return {
    run: async (main, options = {}, post = "") => {
      const result = await runStep({ ...(await write(main, post)), ...options });
      closers.push(result.remove);
      return result;
    },
    start: async (main, post = "", options = {}) => {
      const step = await startStep({ ...(await write(main, post)), ...options });
      closers.push(async () => {
        step.killRunner();
        (await step.result).remove();
      });
      return step;
    },
    close: async () => {
      for (const close of closers.splice(0)) await close();
    },
  };
}
