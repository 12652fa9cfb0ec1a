import type { ActionError } from "../errors.ts";
import { renderLine } from "../shown-text.ts";

/** The part of @actions/core that the report of a failure needs. */
interface CoreFailure {
  error(message: string, properties: { readonly title: string }): void;
  debug(message: string): void;
}

/** The runner cuts an annotation there (actions/runner's ExecutionContext.cs). */
const annotationMaxCharacters = 4096;

/** One error annotation, its title the code; what was caught goes to the debug log as names and places, without its words. */
export function printFailure(core: CoreFailure, failure: ActionError): void {
  const hint = failure.hint === undefined ? "" : `\nTo do: ${renderLines(failure.hint)}`;
  const room = annotationMaxCharacters - hint.length;
  core.error(cut(renderLines(failure.message), room) + hint, { title: failure.code });
  for (const line of describeCauses(failure)) core.debug(renderLine(line));
}

/** As many whole lines as fit, since a mask hides no part of a secret; of one line that is longer, its beginning. */
function cut(message: string, room: number): string {
  if (message.length <= room) return message;
  const start = message.slice(0, Math.max(0, room - 2));
  const end = start.lastIndexOf("\n");
  return end < 0 ? `${start}…` : `${start.slice(0, end)}\n…`;
}

/** Several findings come as one message, each on its line. */
function renderLines(text: string): string {
  const lines = text.split("\n").map(renderLine);
  return lines.filter((line) => line !== "").join("\n");
}

/** Names and stack frames of an error and its causes. Messages are left out: those of clients hold bodies and headers. */
export function describeCauses(error: unknown): readonly string[] {
  const lines: string[] = [];
  let current: unknown = error;
  for (let depth = 0; depth < 5 && current instanceof Error; depth++) {
    lines.push(`${depth === 0 ? "" : "caused by "}${current.name}`);
    // The stack begins with the message, which may have lines that look like frames.
    const ownWords = `${current.name}: ${current.message}`;
    const stack = current.stack ?? "";
    const frames = stack.startsWith(ownWords) ? stack.slice(ownWords.length) : "";
    lines.push(...frames.split("\n").filter((line) => /^ {4}at /.test(line)));
    current = current.cause;
  }
  return lines;
}
