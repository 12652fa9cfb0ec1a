import { figuresOf } from "../etcd/figures.ts";
import type { HashKvPoint } from "../etcd/hash-kv.ts";
import type { Snapshot } from "../etcd/snapshot.ts";

/** A record, or a part of one, of which only the form of JSON is known. */
export type Fields = Readonly<Record<string, unknown>>;

/** A figure that record and file both tell, and tell differently. */
export interface Difference {
  /** Such as `contents.secrets`. */
  readonly field: string;
  readonly record: unknown;
  readonly file: unknown;
}

/** The figures that a record has of the snapshot of `entry`, one of its `snapshots`, by the names of `figuresOf`. */
export function figuresInRecord(record: Fields, entry: Fields, snapshots: readonly Fields[]): Fields {
  // With one snapshot for each member, the rest of the record is of the first of the highest revision.
  const isNewest = snapshots.every((other, index) => {
    const ahead = Number(other["revision"]) - Number(entry["revision"]);
    return ahead < 0 || (ahead === 0 && index >= snapshots.indexOf(entry));
  });
  return isNewest ? { ...pick(record, ["liveSet", "contents", "prediction"]), ...entry } : entry;
}

/** At which revision the record's member was asked for its HashKV; undefined where it was not. */
export function findHashKvPoint({ hashKV }: { readonly hashKV?: unknown }): HashKvPoint | undefined {
  if (!isFields(hashKV)) return undefined;
  const { revision, compactRevision } = hashKV;
  return Number.isSafeInteger(revision) && Number.isSafeInteger(compactRevision)
    ? { revision: Number(revision), compactRevision: Number(compactRevision) }
    : undefined;
}

/** The differences between a snapshot and its `figuresInRecord`; a figure that only one of them has is not one. */
export function compareFigures(snapshot: Snapshot, recorded: Fields): readonly Difference[] {
  return compare(figuresOf(snapshot), recorded, "");
}

/** True for an object of JSON that is not a list. */
export function isFields(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function compare(file: unknown, record: unknown, field: string): readonly Difference[] {
  if (record === undefined || file === undefined) return [];
  if (!isFields(file) || !isFields(record)) return file === record ? [] : [{ field, record, file }];
  // A resource that one of them has no keys of is a difference.
  const names = field === "contents" ? [...Object.keys(file), ...Object.keys(record)] : Object.keys(file);
  return [...new Set(names)].flatMap((name) => {
    const path = field === "" ? name : `${field}.${name}`;
    if (field === "contents") return compare(file[name] ?? 0, record[name] ?? 0, path);
    return compare(file[name], record[name], path);
  });
}

function pick(value: Fields, names: readonly string[]): Fields {
  return Object.fromEntries(names.flatMap((name) => (name in value ? [[name, value[name]]] : [])));
}
