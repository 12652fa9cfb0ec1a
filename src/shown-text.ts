/** How texts of others are shown: values of inputs, fields of manifests and records, answers of clusters and stores. */

/** The longest name of Kubernetes; values that are right are shorter, too. */
const quotedMaxCharacters = 253;

/**
 * `text` on one line, in quotes; nothing in it moves the cursor or turns the writing direction. A longer text than a name may be
 * is not shown at all, but told as `a text of 300 characters`: it may be a secret, and the runner's mask fits the whole alone.
 */
export function quote(text: string): string {
  return text.length > quotedMaxCharacters
    ? `a text of ${String(text.length)} characters`
    : escapeHidden(JSON.stringify(text));
}

/**
 * `text` as one line that is shown as it is: no line feed, no control character, no turned writing direction, and no
 * command for the runner. It takes `::name::` after blanks at the start of a line for one, and the older `##[name]`
 * anywhere (TryParseV2 and TryParse of actions/runner's ActionCommand.cs); texts of a cluster or a store could hold them.
 */
export function renderLine(text: string): string {
  return escapeHidden(text.trimEnd().replace(/\r\n|[\r\n\t\u2028\u2029]/g, " "))
    .replace(/^(\s*)::/, "$1: :")
    .replaceAll("##[", "# #[");
}

/** Characters that nobody sees, as the escapes of JSON: a text of JSON stays the same. */
export function escapeHidden(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, (character) =>
    Array.from({ length: character.length }, (_, index) => escapeUnit(character.charCodeAt(index))).join(""),
  );
}

function escapeUnit(unit: number): string {
  return `\\u${unit.toString(16).padStart(4, "0")}`;
}
