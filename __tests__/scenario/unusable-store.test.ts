import { expect, onTestFinished, test } from "vitest";
import type { ErrorCode } from "../../src/errors.ts";
import { findUnsettled } from "../world/settled.ts";
import type { StepInputs, World } from "../world/world.ts";
import { apiServersRow, expectRefusal, inProcesses, titlesOf } from "./refusal.ts";
import { shareScenario, startScenario } from "./scenario.ts";

const scenario = shareScenario();

test.each<readonly [what: string, code: ErrorCode, names: string, inputs: StepInputs]>([
  ["a bucket that is not there", "bucket-not-found", "no-such-bucket", { "s3-bucket": "no-such-bucket" }],
  [
    "a wrong secret key",
    "store-credentials-rejected",
    "s3-secret-access-key",
    { "s3-secret-access-key": "Backup+Secret/Access=Key0000000000000002" },
  ],
  [
    "an unknown access key",
    "store-credentials-rejected",
    "s3-access-key-id",
    { "s3-access-key-id": "AKIANOBODY00001" },
  ],
  ["a wrong region", "store-wrong-region", "eu-central-1", { "s3-region": "us-west-2" }],
  // Nothing listens there.
  ["an endpoint that does not answer", "store-unreachable", "localhost:9", { "s3-endpoint": "https://localhost:9" }],
  ["the bucket of another owner", "store-access-denied", "backups", { "s3-expected-bucket-owner": "999999999999" }],
])("A store with %s is found out before anything is changed", async (what, code, names, inputs) => {
  const world = scenario();
  const run = ["a wrong secret key", "a wrong region"].includes(what) ? inProcesses : undefined;
  const result = await expectRefusal(world, world.backupInputs(inputs), { code, names, contact: "reads" }, run);
  expect(apiServersRow(result)).toBe("never stopped");
});

test("An access key that may not write is found out before anything is changed", async () => {
  const world = scenario();
  const { accessKeyId } = world.account;
  const allowed = world.store.accounts.get(accessKeyId);
  if (allowed === undefined) throw new Error("the world has no account");
  const actions = allowed.actions.filter((entry) => typeof entry !== "string" && entry.action !== "s3:PutObject");
  world.store.accounts.set(accessKeyId, { ...allowed, actions });
  onTestFinished(() => {
    world.store.accounts.set(accessKeyId, allowed);
  });
  await expectRefusal(world, world.backupInputs(), {
    code: "store-access-denied",
    names: "s3:PutObject",
    contact: "reads",
  });
});

test("An object that is there already is found out before anything is changed", async () => {
  const world = scenario();
  world.store.faults.add({
    on: "HeadObject",
    times: "always",
    action: { kind: "answer", status: 200, code: "OK", headers: { ETag: '"feed"' } },
  });
  onTestFinished(() => {
    world.store.faults.clear();
  });
  await expectRefusal(world, world.backupInputs(), { code: "object-exists", names: ".db", contact: "reads" });
});

/** Somebody else writes an object of the same name while the snapshot is on its way; returns its key. */
async function writeFirst(world: World): Promise<string> {
  const { key = "" } = await world.store.waitForRequest(({ operation }) => operation === "UploadPart");
  await world.store.seedObject(world.bucket, key, "somebody else's");
  return key;
}

test("An object that came meanwhile is not overwritten", async () => {
  const world = await startScenario();
  const step = await world.start(world.backupInputs());
  const key = await writeFirst(world);
  const result = await step.result;
  expect([result.exitCode, titlesOf(result)]).toEqual([1, ["object-exists"]]);
  expect((await world.store.readObject(world.bucket, key)).toString()).toBe("somebody else's");
  expect(apiServersRow(result)).toBe("back");
  world.store.removeObject(world.bucket, key);
  expect(world.objectKeys()).toEqual([]);
  expect(await findUnsettled(world, result)).toEqual([]);
});
