/** A command that a step prints: `::error title=x::message`, or the older `##[error]message`. */
export interface WorkflowCommand {
  readonly name: string;
  readonly properties: ReadonlyMap<string, string>;
  readonly data: string;
}

/** The commands of actions/runner's ActionCommandManager; any other `::word::` is ordinary text. */
const registered = new Set([
  "add-mask",
  "add-matcher",
  "add-path",
  "debug",
  "echo",
  "endgroup",
  "error",
  "group",
  "notice",
  "remove-matcher",
  "save-state",
  "set-env",
  "set-output",
  "stop-commands",
  "warning",
]);

/**
 * The command of a line, or undefined for text. As ActionCommand.cs: `::` must come first (after blanks), `##[` may stand
 * anywhere in the line. `resumeToken`, when set, is what ends a `::stop-commands::`.
 */
export function findWorkflowCommand(line: string, resumeToken?: string): WorkflowCommand | undefined {
  const known = (name: string) => registered.has(name.toLowerCase()) || name === resumeToken;
  return findColonCommand(line.trimStart(), known) ?? findBracketCommand(line, known);
}

function findColonCommand(line: string, known: (name: string) => boolean): WorkflowCommand | undefined {
  const end = line.startsWith("::") ? line.indexOf("::", 2) : -1;
  if (end < 0) return undefined;
  const { name, properties } = parseHead(line.slice(2, end), ",", unescapeProperty);
  return known(name) ? { name: name.toLowerCase(), properties, data: unescapeData(line.slice(end + 2)) } : undefined;
}

function findBracketCommand(line: string, known: (name: string) => boolean): WorkflowCommand | undefined {
  const start = line.indexOf("##[");
  const end = start < 0 ? -1 : line.indexOf("]", start);
  if (end < 0) return undefined;
  const { name, properties } = parseHead(line.slice(start + 3, end), ";", unescapeBracket);
  return known(name) ? { name: name.toLowerCase(), properties, data: unescapeBracket(line.slice(end + 1)) } : undefined;
}

function parseHead(head: string, separator: string, unescape: (text: string) => string) {
  const space = head.indexOf(" ");
  const properties = new Map<string, string>();
  for (const property of space < 0 ? [] : head.slice(space + 1).split(separator)) {
    const equals = property.indexOf("=");
    const value = property.slice(equals + 1);
    if (equals > 0 && value !== "") properties.set(property.slice(0, equals).trim(), unescape(value));
  }
  return { name: space < 0 ? head : head.slice(0, space), properties };
}

const unescapeData = (text: string) => text.replaceAll("%0D", "\r").replaceAll("%0A", "\n").replaceAll("%25", "%");

const unescapeProperty = (text: string) =>
  text
    .replaceAll("%0D", "\r")
    .replaceAll("%0A", "\n")
    .replaceAll("%3A", ":")
    .replaceAll("%2C", ",")
    .replaceAll("%25", "%");

const unescapeBracket = (text: string) =>
  text
    .replaceAll("%3B", ";")
    .replaceAll("%0D", "\r")
    .replaceAll("%0A", "\n")
    .replaceAll("%5D", "]")
    .replaceAll("%25", "%");
