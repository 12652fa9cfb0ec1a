import { expect, test } from "vitest";
import { findUnsettled } from "../world/settled.ts";
import { apiServersRow, titlesOf } from "./refusal.ts";
import { startScenario } from "./scenario.ts";

const minutes = 60_000;

test("A token that is revoked during the transfer leaves running API servers, and the next backup tidies up", async () => {
  const world = await startScenario({ limits: { undoMs: 2_000, cleanUpMs: 2_000 } });
  const step = await world.start(world.backupInputs());
  await world.store.waitForRequest(({ operation }) => operation === "UploadPart");
  world.cluster.revokeTokens();
  const result = await step.result;
  expect([result.exitCode, titlesOf(result)]).toEqual([1, ["release-failed"]]);
  expect(result.post && [result.post.exitCode, titlesOf(result.post)]).toEqual([1, ["release-failed"]]);
  await world.cluster.waitUntilReady();
  expect(world.hosted()).toMatchObject({ replicas: world.initial.replicas, pausedUntil: undefined });
  expect(world.objectKeys()).toEqual([]);

  world.cluster.clock.advance(16 * minutes);
  const kubeconfig = await world.cluster.kubeconfig();
  const next = await world.run(world.backupInputs({ kubeconfig }));
  expect(next.outcome).toBe("success");
  expect(next.outputs["recovered"]).toBe("true");
  expect(await findUnsettled(world, next)).toEqual([]);
});

test("Store credentials that expire during the transfer cost the backup, and nothing else", async () => {
  const world = await startScenario();
  const temporary = { accessKeyId: "ASIATEMPORARY0000001", secretAccessKey: "Temporary+Secret/Access=Key00000000001" };
  const { actions = [] } = world.store.accounts.get(world.account.accessKeyId) ?? {};
  const session = { ...temporary, sessionToken: "session-token-of-the-test/0001==", actions };
  world.store.accounts.set(temporary.accessKeyId, { ...session, expiresAt: new Date(Date.now() + 60 * minutes) });
  const step = await world.start(
    world.backupInputs({
      "s3-access-key-id": temporary.accessKeyId,
      "s3-secret-access-key": temporary.secretAccessKey,
      "s3-session-token": session.sessionToken,
    }),
  );
  await world.store.waitForRequest(({ operation }) => operation === "UploadPart");
  world.store.accounts.set(temporary.accessKeyId, { ...session, expiresAt: new Date(Date.now() - minutes) });
  const result = await step.result;
  expect([result.exitCode, titlesOf(result)]).toEqual([1, ["store-credentials-expired"]]);
  expect(apiServersRow(result)).toBe("back");
  expect(await findUnsettled(world, result, { settleMs: 3_000 })).toEqual([
    expect.stringMatching(/^store: the upload of \S+ is open$/),
  ]);
});
