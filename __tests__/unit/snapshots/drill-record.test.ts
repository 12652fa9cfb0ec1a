import { expect, test } from "vitest";
import { ActionError } from "../../../src/errors.ts";
import {
  drillKey,
  findNewestDrill,
  readDrills,
  renderDrillRecord,
  type DrillRecord,
} from "../../../src/snapshots/drill-record.ts";

const folder = "prod/clusters/tenant/";
const run = `${folder}20261124T120000Z-01234567`;

/** The result of a drill at noon of a day of November 2026. */
function buildDrill(day: number, snapshotKey: string): DrillRecord {
  return {
    schemaVersion: 1,
    drilledAt: `2026-11-${String(day)}T12:00:00Z`,
    action: { version: "1.0.0" },
    run: { repository: "acme/fleet", workflow: "drill", runId: "1", runAttempt: "1", url: "" },
    hostedCluster: { namespace: "clusters", name: "tenant" },
    snapshot: { uri: `s3://backups/${snapshotKey}`, sizeBytes: 1, sha256: "0".repeat(64), revision: 1 },
    etcd: { image: "registry.example/etcd", version: "3.5.21" },
    scripts: ["plain"],
    liveKeys: 1,
    secrets: { shown: false, reason: "no key was given" },
    phases: [],
    rtoSeconds: 1,
  };
}

function keyAt(day: number): string {
  return drillKey(`${run}.json`, new Date(Date.UTC(2026, 10, day, 12)));
}

/** A store with these objects; a failure in place of a text is thrown for it. */
function createStore(objects: ReadonlyMap<string, string | ActionError>) {
  return {
    listObjects: (prefix: string) =>
      Promise.resolve(
        [...objects.keys()]
          .filter((key) => key.startsWith(prefix))
          .map((key) => ({ key, sizeBytes: 1, modifiedAt: undefined })),
      ),
    // eslint-disable-next-line @typescript-eslint/require-await -- a generator that has it all
    readObject: async function* (key: string) {
      const found = objects.get(key) ?? new ActionError("object-not-found", "it is gone");
      if (found instanceof ActionError) throw found;
      yield Buffer.from(found);
    },
  };
}

const good = renderDrillRecord(buildDrill(25, `${run}.db`)).toString();

test.each<[string, string | ActionError]>([
  ["too large", " ".repeat(2 * 1024 * 1024)],
  ["not a result", "{"],
  ["gone since it was listed", new ActionError("object-not-found", "it is gone")],
  ["denied", new ActionError("store-access-denied", "it may not be read")],
])("the result of a drill that is %s hides no other", async (_, bad) => {
  const objects = new Map([
    [keyAt(25), good],
    [keyAt(26), bad],
  ]);
  expect(await readDrills(createStore(objects), [...objects.keys()], 5)).toHaveLength(1);
});

test("a store that is away hides all drills, and says so", async () => {
  const objects = new Map([[keyAt(25), new ActionError("store-unreachable", "it is away")]]);
  await expect(readDrills(createStore(objects), [...objects.keys()], 5)).rejects.toMatchObject({
    code: "store-unreachable",
  });
});

test("a snapshot is not called drilled for a drill of another member's in the same run", async () => {
  const [one, other] = [`${run}-etcd-0.db`, `${run}-etcd-1.db`] as const;
  const store = createStore(
    new Map([
      [keyAt(25), renderDrillRecord(buildDrill(25, one)).toString()],
      [keyAt(26), renderDrillRecord(buildDrill(26, other)).toString()],
    ]),
  );
  const drilledAt = async (key: string): Promise<string | undefined> =>
    (await findNewestDrill(store, { bucket: "backups", key }))?.drilledAt;
  expect(await drilledAt(one)).toBe("2026-11-25T12:00:00Z");
  expect(await drilledAt(other)).toBe("2026-11-26T12:00:00Z");
  expect(await drilledAt(`${run}-etcd-2.db`)).toBeUndefined();
});
