import type { Log } from "../ports.ts";

/** What the log needs of @actions/core. */
interface CoreLog {
  info(message: string): void;
  warning(message: string): void;
  debug(message: string): void;
  group<T>(name: string, run: () => Promise<T>): Promise<T>;
}

/** The Log of the use cases on the runner's log; each message is one line, each warning an annotation. */
export function createLog(core: CoreLog): Log {
  return {
    info: (message) => {
      core.info(renderLine(message));
    },
    warning: (message) => {
      core.warning(renderLine(message));
    },
    debug: (message) => {
      core.debug(renderLine(message));
    },
    group: (title, run) => core.group(renderLine(title), run),
  };
}

/**
 * `text` as one line that is shown as it is: no line feed, no control character, no turned writing direction, and no
 * command for the runner. It takes `::name::` after blanks at the start of a line for one, and the older `##[name]`
 * anywhere (TryParseV2 and TryParse of actions/runner's ActionCommand.cs); texts of a cluster or a store could hold them.
 */
export function renderLine(text: string): string {
  return text
    .trimEnd()
    .replace(/\r\n|[\r\n\t\u2028\u2029]/g, " ")
    .replace(/[\p{Cc}\p{Cf}]/gu, (character) => `\\u${(character.codePointAt(0) ?? 0).toString(16).padStart(4, "0")}`)
    .replace(/^(\s*)::/, "$1: :")
    .replaceAll("##[", "# #[");
}
