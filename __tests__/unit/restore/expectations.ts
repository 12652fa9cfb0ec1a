import { ActionError, type ErrorCode } from "../../../src/errors.ts";
import type { Finding } from "../../../src/restore/findings.ts";
import type { Log } from "../../../src/ports.ts";

/** The code that `run` fails with, undefined when it does not; throws whatever else is thrown. */
export function codeOf(run: () => unknown): ErrorCode | undefined {
  try {
    run();
    return undefined;
  } catch (error) {
    if (error instanceof ActionError) return error.code;
    throw error;
  }
}

/** As codeOf, for a promise. */
export async function rejectedCode(promise: Promise<unknown>): Promise<ErrorCode | undefined> {
  try {
    await promise;
    return undefined;
  } catch (error) {
    if (error instanceof ActionError) return error.code;
    throw error;
  }
}

/** The failure of a promise; throws whatever is none, and where there is none. */
export async function rejectedError(promise: Promise<unknown>): Promise<ActionError> {
  try {
    await promise;
  } catch (error) {
    if (error instanceof ActionError) return error;
    throw error;
  }
  throw new Error("nothing failed");
}

/** Codes of the findings that stop a restore, in order. */
export function refusalsOf(findings: readonly Finding[]): readonly (ErrorCode | undefined)[] {
  return findings.filter(({ verdict }) => verdict === "refused").map(({ code }) => code);
}

/** The guards whose findings are told as warnings. */
export function warningsOf(findings: readonly Finding[]): readonly string[] {
  return findings.filter(({ verdict }) => verdict === "differs" || verdict === "warning").map(({ guard }) => guard);
}

export interface MemoryLog extends Log {
  /** Every line, in order. */
  readonly lines: string[];
  readonly warnings: string[];
}

export function createMemoryLog(): MemoryLog {
  const lines: string[] = [];
  const warnings: string[] = [];
  const note = (message: string): void => void lines.push(message);
  return {
    lines,
    warnings,
    info: note,
    debug: note,
    warning: (message) => {
      note(message);
      warnings.push(message);
    },
    group: (title, run) => {
      note(title);
      return run();
    },
  };
}
