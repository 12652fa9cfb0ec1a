import { ActionError, type ErrorCode } from "../../../src/errors.ts";
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
