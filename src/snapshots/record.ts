import * as v from "valibot";
import { ActionError } from "../errors.ts";
import { at } from "../json-path.ts";
import { quote } from "../shown-text.ts";
import { recordSchema } from "./record-schema.ts";
import type { DeepReadonly } from "./schema-parts.ts";

/** The JSON beside a snapshot; a snapshot without it does not exist for a reader. Schema: docs/record.schema.json. */
export type SnapshotRecord = DeepReadonly<v.InferOutput<typeof recordSchema>>;
export type RunInfo = SnapshotRecord["run"];
export type SnapshotEntry = SnapshotRecord["snapshots"][number];
export type EncryptionEntry = SnapshotRecord["encryption"];
export type RecordedKey = NonNullable<EncryptionEntry["keys"]>[number];

/** Throws `internal` for a record that `parseRecord` would refuse: nobody could restore from it. */
export function renderRecord(record: SnapshotRecord): Buffer {
  const problem = findProblem(record);
  if (problem !== undefined)
    throw new ActionError("internal", `the record to be written could not be read: ${problem}`);
  return Buffer.from(`${JSON.stringify(record, null, 2)}\n`);
}

/**
 * Reads a record; fields that the schema does not name are kept.
 * Throws `record-invalid` for other text, another schemaVersion, and a field that is missing or of another form.
 */
export function parseRecord(text: string, uri: string): SnapshotRecord {
  const invalid = (problem: string): ActionError =>
    new ActionError("record-invalid", `the record ${uri} ${problem}`, {
      hint: "restore from another snapshot, or use the version of the action that wrote this record",
    });
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw invalid("is not JSON");
  }
  const version = at(value, "schemaVersion");
  if (typeof version === "number" && version !== 1)
    throw invalid(`has schemaVersion ${String(version)}; this version reads 1`);
  if (!isRecord(value)) throw invalid(`lacks or misstates a field: ${findProblem(value) ?? "unknown"}`);
  return value;
}

function isRecord(value: unknown): value is SnapshotRecord {
  return findProblem(value) === undefined;
}

/** The path of the first field that is missing or of another form; undefined for a record. */
function findProblem(value: unknown): string | undefined {
  const { issues } = v.safeParse(recordSchema, value, { abortEarly: true });
  return issues && quote(v.getDotPath(issues[0]) ?? "the whole");
}
