import type { readStrictly } from "../action/inputs/mode.ts";
import type { Given } from "../action/inputs/names.ts";
import type { Runner } from "../action/runner.ts";
import type { FindDocs, Summary } from "../action/summary/summary.ts";
import type { ActionError } from "../errors.ts";

/** From inputs to adapters, to the use case, to outputs and summary: all that differs from mode to mode. */
export interface Mode<Inputs, Report> {
  readonly read: (given: Given) => Inputs;
  /** How unknown inputs are taken. */
  readonly guard: typeof readStrictly;
  /** One sentence for each safety that the inputs switch off. */
  readonly listOptOuts: (inputs: Inputs) => readonly string[];
  readonly createReport: () => Report;
  /** Notes in `report` what becomes true, as it does. */
  readonly run: (inputs: Inputs, report: Report, session: Session) => Promise<void>;
  readonly summarize: (end: End<Inputs, Report>) => Summary;
  /** Tells others than the reader of the run how it ended; throws nothing. */
  readonly announce?: (end: End<Inputs, Report>, runner: Runner) => Promise<void>;
}

export interface Session {
  readonly runner: Runner;
  readonly signal: AbortSignal;
  /** Main took hold of a hosted cluster, or made a file in a pod: post looks whether everything is put back. */
  holds: boolean;
}

/** `inputs` are undefined where they could not be read. */
export interface End<Inputs, Report> {
  readonly inputs: Inputs | undefined;
  readonly report: Report;
  readonly failure: ActionError | undefined;
  readonly findDocs: FindDocs;
}
