import { inputDefaults, inputNames, type Given, type InputName } from "./names.ts";

/** What was read so far. */
interface Reads {
  readonly noted: Given;
  readonly wasRead: (name: InputName) => boolean;
  readonly listUnread: () => readonly InputName[];
}

/**
 * `noted` reads like `given`. `listUnread` then has the inputs with a value that is not their default and that nothing read: what
 * a mode reads is all that says which inputs are its own.
 */
export function noteReads(given: Given): Reads {
  const seen = new Set<InputName>(["mode"]);
  const noted: Given = {
    ...given,
    read: (name) => {
      seen.add(name);
      return given.read(name);
    },
  };
  return {
    noted,
    wasRead: (name) => seen.has(name),
    listUnread: () => inputNames.filter((name) => !seen.has(name) && isSet(given.read(name), name)),
  };
}

function isSet(value: string, name: InputName): boolean {
  // `True` says the same as the default `true`.
  const text = value.trim().toLowerCase();
  return text !== "" && inputDefaults[name] !== undefined && text !== inputDefaults[name];
}
