import * as v from "valibot";
import { ActionError, hasCode } from "../errors.ts";
import type { SnapshotStore } from "../ports.ts";
import { limits } from "../time-limits.ts";
import { formatTime, parseTime } from "../time.ts";
import { drillRecordSchema } from "./drill-record-schema.ts";
import { formatSnapshotUri, recordKeyOf, type SnapshotUri } from "./location.ts";
import { isOfOneObject, readRecordText } from "./recorded-snapshot.ts";
import type { DeepReadonly } from "./schema-parts.ts";

/** The result of one drill; schema: docs/drill.schema.json. */
export type DrillRecord = DeepReadonly<v.InferOutput<typeof drillRecordSchema>>;
export type DrillPhase = DrillRecord["phases"][number];

/** Key of the result of a drill beside a record. */
export function drillKey(recordKey: string, drilledAt: Date): string {
  return recordKey.replace(/\.json$/, `.drill-${formatTime(drilledAt).replaceAll(/[-:]/g, "")}.json`);
}

/** When a drill was, as the key of its result tells it; undefined for the key of anything else. */
export function findDrillTime(key: string): Date | undefined {
  const digits = /\.drill-(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z\.json$/.exec(key);
  if (digits === null) return undefined;
  const [year = "", month = "", day = "", hour = "", minute = "", second = ""] = digits.slice(1);
  return parseTime(`${year}-${month}-${day}T${hour}:${minute}:${second}Z`);
}

/** Throws `internal` for one that its reader would refuse. */
export function renderDrillRecord(record: DrillRecord): Buffer {
  const { issues } = v.safeParse(drillRecordSchema, record, { abortEarly: true });
  if (issues !== undefined)
    throw new ActionError(
      "internal",
      `the result of the drill could not be read: ${v.getDotPath(issues[0]) ?? "the whole"}`,
    );
  return Buffer.from(`${JSON.stringify(record, null, 2)}\n`);
}

/** Undefined for what is no result of a drill, or of another schemaVersion. */
export function parseDrillRecord(text: string): DrillRecord | undefined {
  try {
    const result = v.safeParse(drillRecordSchema, JSON.parse(text));
    return result.success ? result.output : undefined;
  } catch {
    return undefined;
  }
}

/**
 * The newest drills of those that keys name, the newest first; one that cannot be read is left out. Throws what the store
 * throws for all else than one object.
 */
export async function readDrills(
  store: Pick<SnapshotStore, "readObject">,
  keys: readonly string[],
  most: number,
): Promise<readonly DrillRecord[]> {
  const newest = keys
    .flatMap((key) => {
      const time = findDrillTime(key);
      return time === undefined ? [] : [{ key, time }];
    })
    .toSorted((one, other) => other.time.getTime() - one.time.getTime())
    .slice(0, most);
  const found = await Promise.all(newest.map(({ key }) => readDrill(store, key)));
  return found.filter((drill) => drill !== undefined);
}

async function readDrill(store: Pick<SnapshotStore, "readObject">, key: string): Promise<DrillRecord | undefined> {
  try {
    return parseDrillRecord(await readRecordText(store, { key, sizeBytes: undefined, uri: key }));
  } catch (error) {
    if (isOfOneObject(error)) return undefined;
    throw error;
  }
}

/**
 * The newest drill of one snapshot, and not of another member's of the same run; undefined where there is none among the last of
 * the run, or where the store does not tell: nothing hangs on it. Throws `cancelled`.
 */
export async function findNewestDrill(
  store: Pick<SnapshotStore, "listObjects" | "readObject">,
  snapshot: SnapshotUri,
): Promise<DrillRecord | undefined> {
  const uri = formatSnapshotUri(snapshot);
  try {
    const objects = await store.listObjects(recordKeyOf(snapshot.key).replace(/\.json$/, ".drill-"));
    const keys = objects.map(({ key }) => key);
    const drills = await readDrills(store, keys, limits.drillsShown);
    return drills.find((drill) => drill.snapshot.uri === uri);
  } catch (error) {
    if (hasCode(error, "cancelled")) throw error;
    return undefined;
  }
}

/** What a drill has shown, and when, in one sentence. */
export function describeDrill({ drilledAt, rtoSeconds, secrets, etcd }: DrillRecord): string {
  const read = secrets.shown ? `${String(secrets.read)} Secrets and the like were read` : "no Secret was read";
  return `at ${drilledAt}: etcd ${etcd.version} started on it, ${read}; a restore of the data took ${rtoSeconds.toFixed(1)} s`;
}
