import { describeError, type ActionError } from "../errors.ts";
import type { Runner } from "./runner.ts";
import { writeOutputs, type Outputs } from "./outputs.ts";
import { failureRows } from "./summary/cells.ts";
import { writeSummary, type FindDocs, type Summary } from "./summary/summary.ts";

/** The error that `work` throws, in the user's words; undefined when it ends well. */
export async function findFailure(work: () => Promise<void>): Promise<ActionError | undefined> {
  try {
    await work();
    return undefined;
  } catch (error) {
    return describeError(error);
  }
}

/**
 * Writes the summary, and sets the outputs: what is true is set on failure too. Throws the failure of the step, or else
 * what could not be written.
 */
export async function endStep(
  { core, phases }: Runner,
  summary: Summary,
  end: { readonly outputs: Outputs; readonly failure: ActionError | undefined },
): Promise<void> {
  await writeSummary(core.summary, summary, phases);
  const unwritten = await findFailure(() => {
    const outputs = { ...end.outputs, ...(end.failure === undefined ? {} : { errorCode: end.failure.code }) };
    writeOutputs((name, value) => {
      core.setOutput(name, value);
    }, outputs);
    return Promise.resolve();
  });
  const failure = end.failure ?? unwritten;
  if (failure !== undefined) throw failure;
}

/** The summary of a step that did not come as far as its mode. */
export function summarizeRefusal(failure: ActionError | undefined, findDocs: FindDocs): Summary {
  return {
    outcome: "failed",
    heading: "etcd backup and restore: failed",
    rows: failure === undefined ? [] : failureRows(failure, findDocs),
  };
}
