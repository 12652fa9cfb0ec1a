import { mkdtemp, readFile } from "node:fs/promises";
import { join } from "node:path";
import { parse } from "yaml";
import { listAt, stringAt, textsAt } from "../src/json-path.ts";
import type { StepResult } from "../__tests__/world/runner/step.ts";
import type { Binaries } from "./binaries.ts";
import { runCommand } from "./command.ts";
import type { Scenario, StepInputs } from "./scenario.ts";

/** A step of a job, as its file has it; texts are empty where it has none. */
export interface ExampleStep {
  readonly id: string;
  readonly name: string;
  readonly uses: string;
  readonly run: string;
  readonly with: StepInputs;
  readonly env: StepInputs;
}

export interface ExampleJob {
  readonly steps: readonly ExampleStep[];
  /** Throws where no step has this name or id. */
  step(name: string): ExampleStep;
  /** Runs a step; returns what the action did, undefined for shell commands, which throw an Error with their last lines. */
  run(step: ExampleStep, values?: StepInputs): Promise<StepResult | undefined>;
}

/**
 * A job of a workflow in examples/, each step as it stands there: its shell commands are run by bash with the kubectl of the
 * management cluster's release, and its steps of the action by the action as it is tested. Nothing is checked out. `values` has
 * what its expressions give, by their text; those of the runner and of steps that ran are known.
 */
export async function openJob(
  scenario: Scenario,
  { file, job, values }: { readonly file: string; readonly job: string; readonly values: StepInputs },
): Promise<ExampleJob> {
  const workflow: unknown = parse(await readFile(new URL(`../examples/${file}`, import.meta.url), "utf8"));
  const steps = listAt(workflow, "jobs", job, "steps").map(readStep);
  const parts = JSON.parse(await readFile(join(scenario.layout.work, "parts.json"), "utf8")) as { binaries: Binaries };
  const temp = await mkdtemp(join(scenario.workspace, "job-"));
  const known: Record<string, string> = { ...values, "runner.temp": temp };
  const environment = {
    PATH: `${parts.binaries.kubernetes}:${process.env["PATH"] ?? ""}`,
    HOME: temp,
    RUNNER_TEMP: temp,
  };
  return {
    steps,
    step: (name) => {
      const found = steps.find((step) => step.name === name || step.id === name);
      if (found === undefined) throw new Error(`job ${job} of ${file} has no step ${name}`);
      return found;
    },
    run: async (step, overrides = {}) => {
      const evaluated = (texts: StepInputs): StepInputs => evaluate(texts, { ...known, ...overrides });
      if (step.run !== "") {
        const env = { ...environment, ...evaluated(step.env) };
        await runCommand("bash", ["-e", "-c", step.run], { cwd: scenario.workspace, env });
      }
      if (!step.uses.includes("/hypershift-etcd-backup-action@")) return undefined;
      const result = await scenario.run(evaluated(step.with));
      for (const [name, value] of Object.entries(result.outputs)) known[`steps.${step.id}.outputs.${name}`] = value;
      return result;
    },
  };
}

function readStep(step: unknown): ExampleStep {
  const text = (field: string): string => stringAt(step, field) ?? "";
  return {
    ...{ id: text("id"), name: text("name"), uses: text("uses"), run: text("run") },
    with: textsAt(step, "with"),
    env: textsAt(step, "env"),
  };
}

/** As GitHub gives them to a step. Throws where an expression is not known. */
function evaluate(texts: StepInputs, values: StepInputs): StepInputs {
  const evaluateText = (text: string): string =>
    text.replaceAll(/\$\{\{ *([^}]*?) *\}\}/g, (_, expression: string) => {
      const value = values[expression];
      if (value === undefined) throw new Error(`nobody knows what ${expression} is`);
      return value;
    });
  return Object.fromEntries(Object.entries(texts).map(([name, text]) => [name, evaluateText(text)]));
}
