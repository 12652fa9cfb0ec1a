import * as actions from "@actions/core";
import type { Clock, Log } from "../ports.ts";
import { inputNames, type Environment, type Given } from "./inputs/names.ts";
import { createLog, type Phase } from "./log.ts";
import type { CoreSummary } from "./summary/summary.ts";

/** The part of @actions/core that the action uses. */
export interface Core {
  info(message: string): void;
  warning(message: string): void;
  debug(message: string): void;
  error(message: string, properties: { readonly title: string }): void;
  group<T>(name: string, run: () => Promise<T>): Promise<T>;
  setSecret(secret: string): void;
  setOutput(name: string, value: string): void;
  saveState(name: string, value: string): void;
  readonly summary: CoreSummary;
}

/** The runner of GitHub Actions and the machine below it: all that a step meets beside cluster and store. */
export interface Runner {
  readonly core: Core;
  /** All that the runner was told to hide so far; where it hides nothing, as in a comment, they are hidden by hand. */
  readonly masks: Set<string>;
  readonly given: Given;
  /** The text that main saved for post; empty where it saved none. */
  readonly getState: (name: string) => string;
  readonly clock: Clock;
  readonly log: Log;
  /** The groups of `log` that have ended. */
  readonly phases: readonly Phase[];
}

/** The runner that this process was started by. Its inputs are taken out of `variables`: no program and no crash report gets them. */
export function createRunner(variables: NodeJS.ProcessEnv, clock: Clock): Runner {
  const given = readGiven(variables);
  for (const name of Object.keys(variables)) if (isInput(name)) Reflect.deleteProperty(variables, name);
  return bindRunner(actions, { given, environment: variables, clock });
}

/** `environment` has the state, `STATE_*`. */
export function bindRunner(
  core: Core,
  { given, environment, clock }: { readonly given: Given; readonly environment: Environment; readonly clock: Clock },
): Runner {
  const phases: Phase[] = [];
  const getState = (name: string): string => environment[`STATE_${name}`] ?? "";
  return { core, masks: new Set(), given, getState, clock, log: createLog(core, clock, phases), phases };
}

/** The inputs as the runner passes them on: in capitals, blanks as underscores. */
export function readGiven(variables: Environment): Given {
  const inputs = new Map(
    Object.entries(variables).flatMap(([name, value]) =>
      isInput(name) ? [[name.slice("INPUT_".length).toLowerCase(), value ?? ""] as const] : [],
    ),
  );
  const known: readonly string[] = inputNames;
  return {
    read: (name) => inputs.get(name) ?? "",
    unknown: [...inputs.keys()].filter((name) => !known.includes(name)),
    environment: Object.fromEntries(Object.entries(variables).filter(([name]) => !isInput(name))),
  };
}

/** Where nobody reads commands, they would print the secrets that they are to hide. */
export function isRunnerOfActions({ environment }: Given): boolean {
  return (environment["GITHUB_OUTPUT"] ?? "") !== "" && (environment["GITHUB_STATE"] ?? "") !== "";
}

function isInput(name: string): boolean {
  return /^INPUT_./i.test(name);
}
