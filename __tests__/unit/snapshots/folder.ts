import { createHash } from "node:crypto";
import { ActionError } from "../../../src/errors.ts";
import type { ListedObject, SnapshotStore } from "../../../src/ports.ts";
import type { SnapshotRecord } from "../../../src/snapshots/record.ts";
import { buildRecord } from "../restore/record-builder.ts";

/** A run in the folder of a cluster; what is not said is as a backup leaves it. */
export interface FolderRun {
  /** Of its name, and of its record. */
  readonly time?: string;
  /** Text in place of the record's own; null for none. */
  readonly record?: string | null;
  /** Merged into the record. */
  readonly parts?: Readonly<Record<string, unknown>>;
  readonly proofs?: Readonly<Record<string, boolean | undefined>>;
  readonly hostedCluster?: Partial<SnapshotRecord["hostedCluster"]>;
  /** null for none. */
  readonly snapshot?: null;
  /** Of the stored snapshot, and what the record says of it. */
  readonly sizeBytes?: number;
  readonly recordedBytes?: number;
  readonly liveKeys?: number;
  /** In the record. */
  readonly uri?: string;
  /** Ends of names of objects beside the snapshot, such as `.keep`. */
  readonly beside?: readonly string[];
  /** The answer to a read of the record. */
  readonly failure?: ActionError;
}

export const folder = "prod/clusters/tenant/";
export const clusterID = "0a0a0a0a-0000-4000-8000-000000000001";

export type Folder = Pick<
  SnapshotStore,
  "bucket" | "now" | "listObjects" | "readObject" | "findObject" | "deleteObject"
> & {
  /** What the store was asked, in order. */
  readonly asked: string[];
  readonly keys: () => readonly string[];
  /** Deletes an object, or throws. */
  onDelete: (key: string) => void;
};

/** The name of a run that was made at `time`. */
export function runNameAt(time: string): string {
  return `${time.replaceAll(/[-:]/g, "")}-${nonceAt(time).slice(0, 8)}`;
}

/** A store whose one folder holds these runs. */
export function createFolder(
  runs: readonly FolderRun[],
  { foreign = [], now = "2026-11-25T12:00:00Z" }: { readonly foreign?: readonly string[]; readonly now?: string } = {},
): Folder {
  const asked: string[] = [];
  const objects = new Map<string, ListedObject & { readonly text: string; readonly run?: FolderRun }>();
  const put = (name: string, text: string, sizeBytes = text.length, run?: FolderRun): void => {
    objects.set(`${folder}${name}`, {
      ...{ key: `${folder}${name}`, sizeBytes, modifiedAt: undefined, text },
      ...(run === undefined ? {} : { run }),
    });
  };
  for (const name of foreign) put(name, "x");
  for (const run of runs) {
    const time = timeOf(run);
    const name = runNameAt(time);
    if (run.snapshot !== null) put(`${name}.db`, "", run.sizeBytes ?? 4_096);
    if (run.record !== null) put(`${name}.json`, run.record ?? renderRecord(run), undefined, run);
    for (const end of run.beside ?? []) put(`${name}${end}`, "x");
  }
  const store: Folder = {
    asked,
    bucket: "backups",
    keys: () => [...objects.keys()].toSorted(),
    onDelete: () => undefined,
    now: () => new Date(now),
    listObjects: () => {
      asked.push("list");
      return Promise.resolve([...objects.values()]);
    },
    // eslint-disable-next-line @typescript-eslint/require-await -- a generator that has it all
    readObject: async function* (key) {
      const found = objects.get(key);
      if (found?.run === undefined) throw new ActionError("object-not-found", "only records are there");
      asked.push(`read ${timeOf(found.run)}`);
      if (found.run.failure) throw found.run.failure;
      yield Buffer.from(found.text);
    },
    findObject: (key) => {
      asked.push(`look ${key.slice(folder.length)}`);
      const found = objects.get(key);
      return Promise.resolve(found && { sizeBytes: found.sizeBytes ?? 0, metadata: {} });
    },
    // eslint-disable-next-line @typescript-eslint/require-await -- what it throws is a rejection
    deleteObject: async (key) => {
      asked.push(`delete ${key.slice(folder.length)}`);
      store.onDelete(key);
      objects.delete(key);
    },
  };
  return store;
}

function timeOf({ time = "2026-11-24T02:00:00Z" }: FolderRun): string {
  return time;
}

function nonceAt(time: string): string {
  return createHash("sha256").update(time).digest("hex").slice(0, 32);
}

function renderRecord(run: FolderRun): string {
  const time = timeOf(run);
  const record = buildRecord({
    createdAt: time,
    hostedCluster: { clusterID, ...run.hostedCluster },
    snapshot: {
      uri: run.uri ?? `s3://backups/${folder}${runNameAt(time)}.db`,
      sizeBytes: run.recordedBytes ?? 4_096,
      ...(run.liveKeys === undefined ? {} : { liveKeys: run.liveKeys }),
    },
  });
  const proofs = { trailer: true, readBack: true, structure: true, membersAgree: true, keysProven: true };
  return JSON.stringify({ ...record, nonce: nonceAt(time), proofs: { ...proofs, ...run.proofs }, ...run.parts });
}
