import { distance } from "fastest-levenshtein";
import { ActionError } from "../../errors.ts";
import { quote } from "../../shown-text.ts";
import { findMeantDurations, parseDuration } from "./duration.ts";
import type { InputName, ReadInput } from "./names.ts";

/** The failure `input-missing`; `expected` completes "set <name> to …". */
export function missingInput(name: InputName, expected: string): ActionError {
  return new ActionError("input-missing", `the input ${name} is not set`, {
    hint: `set ${name} to ${expected}; a secret or variable that does not exist, or is misspelt, arrives empty`,
  });
}

/** The failure `input-invalid`; `rule` completes "it must be …", and `hint` says what the rule does not. */
export function invalidInput(name: InputName, value: string, { rule, hint }: Refusal): ActionError {
  const shown = value === "" ? "not set" : quote(value);
  return new ActionError("input-invalid", `the input ${name} is ${shown}; it must be ${rule}`, { hint });
}

/** The failure of invalidInput, for a value that must not be shown. */
export function invalidSecret(name: InputName, { rule, hint }: Refusal): ActionError {
  return new ActionError("input-invalid", `the value of the input ${name} is refused; it must be ${rule}`, { hint });
}

/** The failure of an input whose lines are keys: each wrong line by its number, and none of its words. */
export function invalidLines(
  name: InputName,
  problems: readonly { readonly line: number; readonly problem: string }[],
  hint: string,
): ActionError {
  const each = problems.map(({ line, problem }) => `line ${String(line)} ${problem}`);
  return new ActionError("input-invalid", `the input ${name} is refused: ${each.join("; ")}`, { hint });
}

interface Refusal {
  readonly rule: string;
  readonly hint: string;
}

type Fields = Readonly<Record<string, () => unknown>>;
type Read<F extends Fields, Name extends keyof F> = Exclude<ReturnType<F[Name]>, undefined>;
/** A field that can be absent is optional. */
type Values<F extends Fields> = {
  readonly [Name in keyof F as undefined extends ReturnType<F[Name]> ? never : Name]: Read<F, Name>;
} & { readonly [Name in keyof F as undefined extends ReturnType<F[Name]> ? Name : never]?: Read<F, Name> };

/**
 * Reads every field, so that all that is wrong is told at once; what is undefined is left out. Throws `input-missing`,
 * `input-invalid` and others as they are, or `inputs-invalid` with all of them.
 */
export function readFields<F extends Fields>(fields: F): Values<F> {
  const wrong: ActionError[] = [];
  const values = Object.entries(fields).flatMap(([name, read]) => {
    try {
      const value = read();
      return value === undefined ? [] : [[name, value] as const];
    } catch (error) {
      if (!(error instanceof ActionError)) throw error;
      wrong.push(...(error instanceof WrongInputs ? error.each : [error]));
      return [];
    }
  });
  throwWrong(wrong);
  return Object.fromEntries(values) as Values<F>;
}

/** Throws the one error as it is, or several as `inputs-invalid`; nothing for none. */
export function throwWrong(wrong: readonly ActionError[]): void {
  const [first, ...others] = wrong;
  if (first !== undefined) throw others.length === 0 ? first : new WrongInputs(wrong);
}

/** Several inputs are wrong; each keeps its code in the message. */
class WrongInputs extends ActionError {
  readonly each: readonly ActionError[];

  constructor(each: readonly ActionError[]) {
    const lines = each.map(
      ({ code, message, hint }) => `- ${code}: ${message}${hint === undefined ? "" : ` (${hint})`}`,
    );
    super("inputs-invalid", `${each.length} inputs are wrong:\n${lines.join("\n")}`, {
      hint: "correct what is listed and run again; nothing was contacted",
    });
    this.each = each;
  }
}

/** The input without surrounding blanks; undefined when nothing is left. */
export function findText(read: ReadInput, name: InputName): string | undefined {
  const text = read(name).trim();
  return text === "" ? undefined : text;
}

/** Throws `input-missing` when it is blank. */
export function readText(read: ReadInput, name: InputName, expected: string): string {
  const text = findText(read, name);
  if (text === undefined) throw missingInput(name, expected);
  return text;
}

/** The input on one line; throws `input-invalid` for control characters or more than `maxCharacters`. */
export function findLine(read: ReadInput, name: InputName, maxCharacters: number): string | undefined {
  const text = findText(read, name);
  if (text !== undefined && (text.length > maxCharacters || /\p{Cc}/u.test(text)))
    throw invalidInput(name, text, {
      rule: `one line of at most ${maxCharacters} characters`,
      hint: `look at how ${name} is quoted in the workflow: a block scalar (|) keeps its line feeds`,
    });
  return text;
}

/** A boolean of the core schema of YAML 1.2. */
export function readBoolean(read: ReadInput, name: InputName, fallback: boolean): boolean {
  const text = findText(read, name);
  if (text === undefined) return fallback;
  if (["true", "True", "TRUE"].includes(text)) return true;
  if (["false", "False", "FALSE"].includes(text)) return false;
  throw invalidInput(name, text, {
    rule: "true or false",
    hint: `YAML 1.2 knows no yes, no, on, off, 1 and 0; leave ${name} out for ${fallback}`,
  });
}

/** Throws `input-invalid` where the input is true: the mode has no use for it, and whoever sets it means something. */
export function refuseTrue(read: ReadInput, name: InputName, refusal: Refusal): void {
  if (readBoolean(read, name, false)) throw invalidInput(name, "true", refusal);
}

/** One of `choices`, as it is written there. */
export function findChoice<Choice extends string>(
  read: ReadInput,
  name: InputName,
  choices: readonly Choice[],
): Choice | undefined {
  const text = findText(read, name);
  if (text === undefined) return undefined;
  const choice = choices.find((known) => known === text);
  if (choice === undefined) {
    const near =
      choices.find((known) => known.toLowerCase() === text.toLowerCase()) ??
      findNear(text, choices) ??
      choices.find((known) => known.toLowerCase().split(/[-:]/).includes(text.toLowerCase()));
    throw invalidInput(name, text, {
      rule: `one of ${choices.join(", ")}`,
      hint: near === undefined ? `docs/inputs.md says what the values of ${name} do` : `did you mean ${near}?`,
    });
  }
  return choice;
}

interface DurationRange {
  readonly shortest: string;
  readonly longest: string;
}

/** Milliseconds between the two durations, both included. */
export function readDuration(
  read: ReadInput,
  name: InputName,
  { fallback, ...range }: DurationRange & { readonly fallback: string },
): number {
  return findDuration(read, name, range, `for ${fallback}`) ?? parseDuration(fallback) ?? 0;
}

/** The same; undefined where none is given. `without` completes "leave it out …". */
export function findDuration(
  read: ReadInput,
  name: InputName,
  { shortest, longest }: DurationRange,
  without: string,
): number | undefined {
  const text = findText(read, name);
  if (text === undefined) return undefined;
  const [shortestMs = 0, longestMs = 0] = [parseDuration(shortest), parseDuration(longest)];
  const isIn = (durationMs = 0): boolean => durationMs >= shortestMs && durationMs <= longestMs;
  const durationMs = parseDuration(text);
  if (isIn(durationMs)) return durationMs;
  const meant = findMeantDurations(text).filter((duration) => isIn(parseDuration(duration)));
  throw invalidInput(name, text, {
    rule: `a duration from ${shortest} to ${longest}, written as 90s, 15m, 1h30m or 7d`,
    hint: meant.length === 0 ? `leave it out ${without}` : `did you mean ${meant.join(" or ")}?`,
  });
}

/** The one of `names` that is at most two letters off; in short words, one. */
export function findNear<Name extends string>(given: string, names: readonly Name[]): Name | undefined {
  const allowed = given.length <= 5 ? 1 : 2;
  const near = names
    .map((name) => ({ name, letters: distance(given.toLowerCase(), name) }))
    .filter(({ letters }) => letters <= allowed)
    .sort((a, b) => a.letters - b.letters);
  return near[0]?.name;
}
