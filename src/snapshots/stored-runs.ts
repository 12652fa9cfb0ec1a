import type { ListedObject, SnapshotStore } from "../ports.ts";
import { findRunObject, pinKey } from "./location.ts";

/** The objects of one run that the folder of a cluster holds. */
export interface StoredRun {
  /** `<time>-<nonce8>`: how their names begin. */
  readonly name: string;
  readonly acquired: Date;
  readonly nonce8: string;
  readonly recordKey: string;
  /** Without its record no snapshot of a run exists for a reader. */
  readonly record?: ListedObject;
  readonly snapshots: readonly ListedObject[];
  /** What is of use beside a snapshot only: the sealed keys, and the results of drills. */
  readonly companions: readonly ListedObject[];
  readonly pinKey: string;
  readonly pinned: boolean;
  readonly drilled: boolean;
}

/** The runs that have objects in `folder`, of one cluster and with its slash; the newest first. */
export async function listRuns(
  store: Pick<SnapshotStore, "listObjects">,
  folder: string,
): Promise<readonly StoredRun[]> {
  return groupByRun(folder, await store.listObjects(folder));
}

/** Objects by the runs that their names tell, the newest first; an object whose name no run gives is in none. */
export function groupByRun(folder: string, objects: readonly ListedObject[]): readonly StoredRun[] {
  const runs = new Map<string, StoredRun>();
  for (const object of objects) {
    const found = findRunObject(folder, object.key);
    if (found === undefined) continue;
    const { runName: name, acquired, nonce8, kind } = found;
    const run = runs.get(name) ?? {
      ...{ name, acquired, nonce8, recordKey: `${folder}${name}.json`, pinKey: pinKey(folder, name) },
      ...{ snapshots: [], companions: [], pinned: false, drilled: false },
    };
    runs.set(name, {
      ...run,
      ...(kind === "record" ? { record: object } : {}),
      ...(kind === "snapshot" ? { snapshots: [...run.snapshots, object] } : {}),
      ...(kind === "sealed-key" || kind === "drill" ? { companions: [...run.companions, object] } : {}),
      pinned: run.pinned || kind === "pin",
      drilled: run.drilled || kind === "drill",
    });
  }
  return [...runs.values()].toSorted((a, b) => b.acquired.getTime() - a.acquired.getTime());
}
