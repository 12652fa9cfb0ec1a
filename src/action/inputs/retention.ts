import type { RetentionPolicy } from "../../snapshots/retention.ts";
import type { InputName, ReadInput } from "./names.ts";
import { findText, invalidInput, findDuration, readFields } from "./value.ts";

/** Which snapshots are kept; undefined where no rule is set, and then nothing is removed. Throws `input-invalid`. */
export function findRetention(read: ReadInput): RetentionPolicy | undefined {
  const policy = readFields({
    last: () => findCount(read, "keep-last"),
    daily: () => findCount(read, "keep-daily"),
    weekly: () => findCount(read, "keep-weekly"),
    monthly: () => findCount(read, "keep-monthly"),
    withinMs: () => findDuration(read, "keep-within", { shortest: "1h", longest: "3650d" }, "for no such rule"),
  });
  return Object.keys(policy).length === 0 ? undefined : policy;
}

const mostKept = 10_000;

function findCount(read: ReadInput, name: InputName): number | undefined {
  const text = findText(read, name);
  if (text === undefined) return undefined;
  const count = Number(text);
  if (/^[1-9]\d*$/.test(text) && count <= mostKept) return count;
  throw invalidInput(name, text, {
    rule: `a whole number from 1 to ${String(mostKept)}`,
    hint: /^[1-9]\d*[a-z]+$/i.test(text)
      ? `give the number alone: ${text.replace(/[a-z]+$/i, "")}; keep-within alone takes a duration`
      : `leave ${name} out for no such rule; without any keep-* input no recorded snapshot is`,
  });
}
