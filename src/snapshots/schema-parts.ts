import * as v from "valibot";

/** Forms of fields that the records of snapshots and of drills have. Everything is bounded, since a record is input like any other. */

/** Room for the longest name, address or image of Kubernetes, AWS and a workflow; a record has a few KiB. */
export const text = v.pipe(v.string(), v.maxLength(4096));
export const name = v.pipe(v.string(), v.minLength(1), v.maxLength(253));
export const time = v.pipe(v.string(), v.regex(/^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}Z$/));
export const sha256 = v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/));
export const s3Uri = v.pipe(v.string(), v.regex(/^s3:\/\/[^/]+\/.+$/), v.maxLength(2048));
/** Becomes an output, and so a word in somebody's shell. */
export const version = v.pipe(v.string(), v.regex(/^\d+\.\d+\.\d+[-+.\w]*$/), v.maxLength(100));
export const count = v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(Number.MAX_SAFE_INTEGER));
export const atLeastOne = v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(Number.MAX_SAFE_INTEGER));

export function described<Schema extends v.GenericSchema>(schema: Schema, description: string) {
  return v.pipe(schema, v.description(description));
}

export const run = v.object({ repository: text, workflow: text, runId: text, runAttempt: text, url: text });

/** The type that a reader gives of a schema: what was read is not changed. */
export type DeepReadonly<T> = T extends readonly (infer Item)[]
  ? readonly DeepReadonly<Item>[]
  : T extends object
    ? { readonly [Field in keyof T]: DeepReadonly<T[Field]> }
    : T;
