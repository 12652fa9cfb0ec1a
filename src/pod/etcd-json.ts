import { numberAt, stringAt } from "../json-path.ts";

/** An answer of etcdctl; undefined for other text. Numbers stay text, since etcd's ids have 64 bits. */
export function parseJson(text: string | undefined): unknown {
  try {
    return JSON.parse(text ?? "", reviveExactly);
  } catch {
    return undefined;
  }
}

function reviveExactly(_key: string, value: unknown, context?: { readonly source?: string }): unknown {
  return typeof value === "number" ? (context?.source ?? String(value)) : value;
}

/** Lower-case hex, as etcdctl prints ids. */
export function readId(value: unknown, ...path: readonly (string | number)[]): string | undefined {
  const text = stringAt(value, ...path);
  return text !== undefined && /^\d+$/.test(text) ? BigInt(text).toString(16) : undefined;
}

export function readNumber(value: unknown, ...path: readonly (string | number)[]): number | undefined {
  const text = stringAt(value, ...path) ?? numberAt(value, ...path);
  const number = Number(text);
  return text !== undefined && Number.isSafeInteger(number) ? number : undefined;
}
