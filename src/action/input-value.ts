import { ActionError } from "../errors.ts";
import { parseDuration } from "./duration.ts";
import type { InputName, ReadInput } from "./input-names.ts";

const shownCharacters = 100;

/** `value` on one line, in quotes, cut at 100 characters; nothing in it moves the cursor or turns the writing direction. */
function quoteValue(value: string): string {
  const cut = value.length > shownCharacters ? "…" : "";
  const quoted = JSON.stringify(value.slice(0, shownCharacters)).replace(
    /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu,
    (character) => `\\u${(character.codePointAt(0) ?? 0).toString(16).padStart(4, "0")}`,
  );
  return quoted + cut;
}

/** The failure `input-missing`; `expected` completes "set <name> to …". */
export function missingInput(name: InputName, expected: string): ActionError {
  return new ActionError("input-missing", `the input ${name} is not set`, { hint: `set ${name} to ${expected}` });
}

/** The failure `input-invalid`; `expected` completes "it must be …". */
export function invalidInput(name: InputName, value: string, expected: string): ActionError {
  return new ActionError("input-invalid", `the input ${name} is ${quoteValue(value)}; it must be ${expected}`, {
    hint: `set ${name} to ${expected}`,
  });
}

/** As invalidInput, for a value that must not be shown. */
export function invalidSecret(name: InputName, expected: string): ActionError {
  return new ActionError("input-invalid", `the value of the input ${name} is refused; it must be ${expected}`, {
    hint: `set ${name} to ${expected}`,
  });
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
    throw invalidInput(name, text, `one line of at most ${maxCharacters} characters`);
  return text;
}

/** A boolean of the core schema of YAML 1.2. */
export function readBoolean(read: ReadInput, name: InputName, fallback: boolean): boolean {
  const text = findText(read, name);
  if (text === undefined) return fallback;
  if (["true", "True", "TRUE"].includes(text)) return true;
  if (["false", "False", "FALSE"].includes(text)) return false;
  throw invalidInput(name, text, "true or false");
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
  if (choice === undefined) throw invalidInput(name, text, `one of ${choices.join(", ")}`);
  return choice;
}

/** Milliseconds between the two durations, both included. */
export function readDuration(
  read: ReadInput,
  name: InputName,
  range: { readonly fallback: string; readonly shortest: string; readonly longest: string },
): number {
  const text = findText(read, name) ?? range.fallback;
  const durationMs = parseDuration(text);
  const [shortestMs = 0, longestMs = 0] = [parseDuration(range.shortest), parseDuration(range.longest)];
  if (durationMs === undefined || durationMs < shortestMs || durationMs > longestMs)
    throw invalidInput(
      name,
      text,
      `a duration from ${range.shortest} to ${range.longest}, written as 90s, 15m, 1h30m or 7d`,
    );
  return durationMs;
}
