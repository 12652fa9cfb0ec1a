import { describe, expect, test } from "vitest";
import { findUnsettled } from "../world/settled.ts";
import type { StepInputs, World } from "../world/world.ts";
import { runInProcess } from "./in-process.ts";
import { startScenario } from "./scenario.ts";

const retention: StepInputs = { quiesce: "false", presign: "false", "keep-last": "2" };

async function backUp(world: World, overrides: StepInputs = {}) {
  const result = await world.run(world.backupInputs({ ...retention, ...overrides }));
  expect(result.outcome).toBe("success");
  return result;
}

/** Names of the stored objects, without the folder. */
function namesOf(world: World): readonly string[] {
  return world.objectKeys().map((key) => key.slice(key.lastIndexOf("/") + 1));
}

function nameOf(uri: string | undefined): string {
  return (uri ?? "").slice((uri ?? "").lastIndexOf("/") + 1);
}

function deletesIn(world: World) {
  return world.store.requests.filter(({ operation }) => operation === "DeleteObject");
}

test("Three nights with keep-last: 2 keep two, tell the plan and the history, and latest restores the newest", async () => {
  const world = await startScenario();
  const first = await backUp(world);
  expect(first.outputs).not.toHaveProperty("previous-age-seconds");
  const second = await backUp(world);
  expect(Number(second.outputs["previous-age-seconds"])).toBeLessThan(120);

  const planned = await runInProcess(world, world.backupInputs({ ...retention, "dry-run": "true" }));
  expect(planned.outcome).toBe("success");
  expect(planned.summary).toMatch(/Retention<\/th><td>.*keep {4}|remove/);
  expect(namesOf(world)).toHaveLength(4);

  const third = await backUp(world);
  const stays = [second, third].flatMap(({ outputs }) => [
    nameOf(outputs["snapshot-uri"]),
    nameOf(outputs["record-uri"]),
  ]);
  expect(namesOf(world)).toEqual(stays.toSorted());
  expect(deletesIn(world).map(({ key }) => nameOf(key))).toEqual([
    nameOf(first.outputs["snapshot-uri"]),
    nameOf(first.outputs["record-uri"]),
  ]);
  expect(deletesIn(world).every(({ query }) => query["versionId"] === undefined)).toBe(true);
  expect(third.summary).toContain("Backups of this cluster");
  expect(third.summary).toMatch(/size <code>[▁-█]{3}<\/code> from .* to /);
  expect(third.summary).toContain("2 kept, 1 of 1 removed");
  expect(third.annotations).toEqual(first.annotations);
  expect(await findUnsettled(world, third)).toEqual([]);

  const latest = { "snapshot-uri": "latest", "hosted-cluster": "example", "s3-bucket": world.bucket };
  const inputs = world.restoreInputs("", { ...latest, "s3-prefix": "etcd/nightly", "max-age": "1h" });
  const restored = await world.run(inputs);
  expect(restored.outcome).toBe("success");
  expect(restored.outputs["snapshot-uri"]).toBe(third.outputs["snapshot-uri"]);

  const proof = { ...inputs, mode: "verify", manifest: "" };
  expect((await world.run(proof)).outputs["snapshot-uri"]).toBe(third.outputs["snapshot-uri"]);
  world.store.clockOffsetMs = 2 * 3_600_000;
  const stale = await runInProcess(world, proof);
  expect(stale.outputs).toEqual({ "error-code": "snapshot-stale" });
  expect(stale.summary).toContain("no run has left anything there since");
  const missing = await runInProcess(world, { ...proof, "hosted-cluster": "other" });
  expect(missing.outputs).toEqual({ "error-code": "snapshot-missing" });
});

describe("what is removed is hidden by a marker, and no version is deleted", () => {
  test.each<[string, Parameters<typeof startScenario>[0]]>([
    ["in a bucket with versions", { versioning: true }],
    [
      "in a bucket with Object Lock",
      {
        store: {
          buckets: [{ name: "backups", region: "eu-central-1", owner: "111122223333", objectLock: true }],
        },
      },
    ],
  ])("%s", async (_, options) => {
    const world = await startScenario(options);
    const first = await backUp(world);
    const second = await backUp(world, { "keep-last": "1" });
    expect(namesOf(world)).toHaveLength(2);
    for (const uri of [first.outputs["snapshot-uri"], first.outputs["record-uri"]]) {
      const key = (uri ?? "").replace(`s3://${world.bucket}/`, "");
      expect(world.store.versions(world.bucket, key).map((version) => "deleteMarker" in version)).toEqual([
        ...[true, false],
      ]);
    }
    expect(second.log).toContain("a marker hides it; the bucket keeps its versions");
  });
});

test("A deletion that is denied half way is a warning, and the next backup finishes it", async () => {
  const world = await startScenario();
  const first = await backUp(world);
  world.store.faults.add({
    on: "DeleteObject",
    key: /\.json$/,
    times: 1,
    action: { kind: "answer", status: 403, code: "AccessDenied" },
  });
  const second = await backUp(world, { "keep-last": "1" });
  expect(second.annotations.map(({ message }) => message)).toContainEqual(
    expect.stringMatching(/could not be removed: store-access-denied: .* next backup tries again/),
  );
  expect(namesOf(world)).toContain(nameOf(first.outputs["record-uri"]));
  expect(namesOf(world)).toHaveLength(3);
  await backUp(world, { "keep-last": "1" });
  expect(namesOf(world)).toHaveLength(2);
});

test("A pinned snapshot and 1,200 objects of others are left alone", async () => {
  const world = await startScenario();
  const first = await backUp(world);
  const key = (first.outputs["record-uri"] ?? "").replace(`s3://${world.bucket}/`, "");
  const folder = key.slice(0, key.lastIndexOf("/") + 1);
  await world.store.seedObject(world.bucket, key.replace(/\.json$/, ".keep"), "");
  for (let index = 0; index < 1_200; index += 1)
    await world.store.seedObject(world.bucket, `${folder}note-${String(index)}.txt`, "x");
  await backUp(world, { "keep-last": "1" });
  await backUp(world, { "keep-last": "1" });
  expect(namesOf(world).filter((name) => !name.startsWith("note-"))).toHaveLength(5);
  expect(namesOf(world)).toHaveLength(1_205);
  expect(namesOf(world)).toContain(nameOf(first.outputs["snapshot-uri"]));
});
