/** One mistake made on purpose in the source, and the test that finds it. */
export interface Mutant {
  /** What is wrong then. */
  readonly name: string;
  readonly file: string;
  /** Stands exactly once in the file. */
  readonly text: string;
  readonly replacement: string;
  readonly killer: Killer;
}

export interface Killer {
  readonly file: string;
  /** Its full name, as the report of vitest has it. */
  readonly test: string;
}

/** The row of the fault matrix of a phase. */
export function row(phase: string): Killer {
  return { file: "__tests__/faults/matrix.test.ts", test: `${phase}: each fault ends as its cell says` };
}

/** A test in a file of `__tests__/faults`. */
export function fault(file: string, test: string): Killer {
  return { file: `__tests__/faults/${file}.test.ts`, test };
}

/** A test in a file of `__tests__/unit`. */
export function unit(file: string, test: string): Killer {
  return { file: `__tests__/unit/${file}.test.ts`, test };
}
