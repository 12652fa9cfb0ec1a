import { expect, test } from "vitest";
import { parseRecord } from "../../../src/snapshots/record.ts";
import { createStep, runMain } from "../../world/memory-world/step.ts";
import { MemoryWorld } from "../../world/memory-world/world.ts";

test.each([
  ["of a type that only a newer HyperShift knows", { type: "vault", aescbc: null }],
  ["without a type", { type: null, aescbc: null }],
  ["of an odd type", { type: 3, aescbc: null }],
])("an encryption %s is not taken for none", async (_, secretEncryption) => {
  const world = new MemoryWorld({ hostedClusterPatch: { spec: { secretEncryption } } });
  const end = await world.timeline.play(runMain(world, createStep(world, { dryRun: true })));
  expect(end).toMatchObject({ kind: "red", failure: { code: "hosted-cluster-unsuitable" } });
});

test("the record names the KMS key that the data is encrypted with, and no role", async () => {
  const arn = "arn:aws:kms:eu-west-1:123456789012:key/0b1c";
  const aws = { region: "eu-west-1", activeKey: { arn }, auth: { awsKms: "arn:aws:iam::123456789012:role/kms" } };
  const secretEncryption = { type: "kms", aescbc: null, kms: { provider: "AWS", aws } };
  const world = new MemoryWorld({ hostedClusterPatch: { spec: { secretEncryption } } });
  world.secretsKey = undefined;
  const end = await world.timeline.play(runMain(world, createStep(world)));
  expect(end.kind).toBe("green");
  const key = world.bucket.keys.find((name) => name.endsWith(".json")) ?? "";
  expect(parseRecord(world.bucket.read(key).toString(), key).encryption).toEqual({
    type: "kms",
    kms: { provider: "AWS", "aws.region": "eu-west-1", "aws.activeKey.arn": arn },
  });
});
