import { expect, onTestFinished, test } from "vitest";
import type { ErrorCode } from "../../src/errors.ts";
import { findUnsettled } from "../world/settled.ts";
import type { ExecFaultKind } from "../world/management-cluster/faults.ts";
import type { Fault } from "../world/object-store/faults.ts";
import type { World } from "../world/world.ts";
import { apiServersRow, titlesOf } from "./refusal.ts";
import { scriptOf } from "./requests.ts";
import { shareScenario, startScenario } from "./scenario.ts";

const scenario = shareScenario();

/** A backup that ends with one error, the API servers back, and nothing in the store. */
async function expectNoBackup(world: World, code: ErrorCode): Promise<string> {
  const result = await world.run(world.backupInputs());
  expect([result.exitCode, titlesOf(result)]).toEqual([1, [code]]);
  expect(apiServersRow(result)).toBe("back");
  expect(world.objectKeys()).toEqual([]);
  expect(result.outputs).not.toHaveProperty("snapshot-uri");
  expect(await findUnsettled(world, result)).toEqual([]);
  return result.annotations.map(({ message }) => message).join("\n");
}

test("A volume that is full ends the save, and etcdctl's own reason is told", async () => {
  const world = scenario();
  world.cluster.set({ volumeFull: true });
  onTestFinished(() => {
    world.cluster.set({ volumeFull: false });
  });
  expect(await expectNoBackup(world, "snapshot-failed")).toContain("no space left on device");
});

test("A volume that fills up between preflight and save is found before the save", async () => {
  const world = scenario();
  const { volumeSizeBytes } = world.cluster.switches();
  const off = world.cluster.onRequest(({ argv }) => {
    if (scriptOf(argv) === "save") world.cluster.set({ volumeSizeBytes: 1024 ** 3 });
  });
  onTestFinished(() => {
    off();
    world.cluster.set({ volumeSizeBytes });
  });
  await expectNoBackup(world, "space-missing");
});

test.each<readonly [what: string, code: ErrorCode, fault: ExecFaultKind]>([
  ["a byte turned", "transfer-failed", { kind: "flip", atByte: 5000 }],
  ["a gap each time", "exec-interrupted", { kind: "gap", atByte: 5000, bytes: 1 }],
  ["bytes that come twice each time", "exec-interrupted", { kind: "echo", atByte: 5000, bytes: 1 }],
])("A snapshot that comes out of the pod with %s is no backup", async (_, code, fault) => {
  const world = await startScenario({ limits: { retryDelayMs: 10, partSilenceMs: 2_000 } });
  world.cluster.addExecFault({ match: { argv: (argv) => scriptOf(argv) === "part" }, fault, times: Infinity });
  await expectNoBackup(world, code);
});

test.each<readonly [what: string, code: ErrorCode, fault: Pick<Fault, "on" | "nth" | "action">]>([
  ["turns a byte of a part", "proof-failed", { on: "UploadPart", action: { kind: "flip-byte", offset: 5000 } }],
  [
    "keeps the first bytes only",
    "proof-failed",
    // The first one is preflight's, of a part that was never sent.
    { on: "CompleteMultipartUpload", nth: 2, action: { kind: "truncate", sizeBytes: 5000 } },
  ],
])("A store that %s is found out by the read-back", async (_, code, fault) => {
  const world = scenario();
  world.store.faults.add({ ...fault, times: 1 });
  await expectNoBackup(world, code);
});
