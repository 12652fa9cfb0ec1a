import { ListMultipartUploadsCommand, ListObjectsV2Command, PutObjectCommand } from "@aws-sdk/client-s3";
import { describe, expect, inject, it, onTestFinished } from "vitest";
import { readRendered } from "../world/rendered.ts";
import { startScenario } from "../scenario/scenario.ts";
import { decryptSecret } from "../world/etcd/fill.ts";
import { restoreFromUrl } from "../world/etcd/restore.ts";
import type { StepResult } from "../world/runner/step.ts";
import { ageIdentity, ageRecipient } from "../world/sealing.ts";
import { findUnsettled } from "../world/settled.ts";
import type { StepInputs, World } from "../world/world.ts";
import { createProbeWorld, type ProbeWorld } from "./probe.ts";
import { serverTitles, type AccessKey, type S3Server } from "./server.ts";

/** A prefix that nothing else has: the server outlives a test. */
let prefixes = 0;
function createPrefix(): string {
  prefixes += 1;
  return `action/${prefixes}`;
}

/** Inputs that lead to the server; everything else is the world's own. */
function storeInputs({ endpoint }: S3Server, bucket: string, key: AccessKey): StepInputs {
  return {
    "s3-endpoint": endpoint,
    "s3-region": "",
    "s3-bucket": bucket,
    "s3-access-key-id": key.accessKeyId,
    "s3-secret-access-key": key.secretAccessKey,
  };
}

function ask(server: S3Server): ProbeWorld {
  const world = createProbeWorld(server);
  onTestFinished(() => {
    world.close();
  });
  return world;
}

/** Keys of objects, and of open uploads. */
async function listKeys({ owner }: ProbeWorld, bucket: string, prefix: string): Promise<readonly string[]> {
  const at = { Bucket: bucket, Prefix: prefix };
  const objects = await owner.client.send(new ListObjectsV2Command(at));
  const uploads = await owner.client.send(new ListMultipartUploadsCommand(at));
  return [
    ...(objects.Contents ?? []).map(({ Key }) => String(Key)),
    ...(uploads.Uploads ?? []).map(({ Key }) => `open: ${String(Key)}`),
  ];
}

/** What the rendered manifest leads to is the source's etcd, HyperShift's way. */
async function expectRestorable(world: World, result: StepResult, authorityFile: string): Promise<void> {
  const { url, key } = await readRendered(result);
  const restored = await restoreFromUrl(url, authorityFile);
  onTestFinished(() => restored.close());
  const { revision } = restored.snapshot;
  expect(result.outputs["snapshot-revision"]).toBe(String(revision));
  expect(await restored.client.hashKv(revision)).toEqual(await world.cluster.etcd[0].client.hashKv(revision));
  for (const [name, plain] of world.cluster.filled.secrets)
    expect(decryptSecret((await restored.client.get(name))?.value ?? Buffer.alloc(0), key)).toEqual(plain);
}

for (const { name, server, lacking } of inject("s3Servers")) {
  if (server === undefined) {
    describe.skip(`The action with ${serverTitles[name]}: skipped, ${lacking}`, () => {
      it("restores what it backed up");
    });
    continue;
  }
  const env = { NODE_EXTRA_CA_CERTS: server.certificateAuthorityFile };
  describe(`The action with ${serverTitles[name]} ${server.version}`, () => {
    it.each([
      ["as it sends by default", "auto"],
      ["with checksums of AWS", "when-supported"],
    ])("restores what it backed up, %s", async (_, checksums) => {
      const world = await startScenario();
      const prefix = createPrefix();
      const inputs = { ...storeInputs(server, "snapshots", server.owner), "s3-checksums": checksums };
      const sealing = { "s3-prefix": prefix, "key-recipients": ageRecipient };
      const backup = await world.run(world.backupInputs({ ...inputs, ...sealing }), { env });
      expect(backup.outcome).toBe("success");
      expect(await findUnsettled(world, backup)).toEqual([]);
      const uri = backup.outputs["snapshot-uri"] ?? "";
      const key = uri.replace("s3://snapshots/", "");
      const client = ask(server);
      expect(await listKeys(client, "snapshots", prefix)).toEqual(
        [".db", ".json", ".key.age"].map((ending) => key.replace(/\.db$/, ending)),
      );

      const opening = { "encryption-key": "", "age-identity": ageIdentity };
      const render = await world.run(world.restoreInputs(uri, { ...inputs, ...opening }), { env });
      expect(render.outcome).toBe("success");
      expect(await findUnsettled(world, render)).toEqual([]);
      await expectRestorable(world, render, server.certificateAuthorityFile);
    });

    it("leads to the version that it backed up, and to no other", async () => {
      const world = await startScenario();
      const inputs = storeInputs(server, "versioned", server.owner);
      const backup = await world.run(world.backupInputs({ ...inputs, "s3-prefix": createPrefix() }), { env });
      const uri = backup.outputs["snapshot-uri"] ?? "";
      const render = await world.run(world.restoreInputs(uri, inputs), { env });
      expect([backup.outcome, render.outcome]).toEqual(["success", "success"]);

      const at = { Bucket: "versioned", Key: uri.replace("s3://versioned/", "") };
      await ask(server).owner.client.send(new PutObjectCommand({ ...at, Body: "something else" }));
      await expectRestorable(world, render, server.certificateAuthorityFile);
      const late = await world.run(world.restoreInputs(uri, inputs), { env });
      expect(late.outcome).toBe("failure");
      expect(late.annotations.map(({ title }) => title)).toContain("snapshot-changed");
    });

    it("keeps the newest alone with keep-last: 1, and finds it as latest", async () => {
      const world = await startScenario();
      for (const bucket of ["snapshots", "versioned"]) {
        const prefix = createPrefix();
        const store = { ...storeInputs(server, bucket, server.owner), "s3-prefix": prefix };
        const kept = { "keep-last": "1", "key-recipients": ageRecipient };
        const inputs = world.backupInputs({ ...store, ...kept, quiesce: "false", presign: "false" });
        expect((await world.run(inputs, { env })).outcome).toBe("success");
        const second = await world.run(inputs, { env });
        expect([second.outcome, ...second.annotations]).toEqual(["success"]);
        const uri = second.outputs["snapshot-uri"] ?? "";
        const key = uri.replace(`s3://${bucket}/`, "");
        expect(await listKeys(ask(server), bucket, prefix)).toEqual(
          [".db", ".json", ".key.age"].map((end) => key.replace(/\.db$/, end)),
        );
        const latest = { ...store, "hosted-cluster": "example", "max-age": "1h", mode: "verify", manifest: "" };
        const proof = await world.run(world.restoreInputs("latest", latest), { env });
        expect([proof.outcome, proof.outputs["snapshot-uri"]]).toEqual(["success", uri]);
      }
    });

    it.each([
      ["a wrong secret key", { secretAccessKey: "wrong" }, "store-credentials-rejected"],
      ["a key without permission", server.stranger, "store-access-denied"],
    ])("changes nothing with %s", async (_, changes, code) => {
      const world = await startScenario();
      const prefix = createPrefix();
      const inputs = storeInputs(server, "snapshots", { ...server.owner, ...changes });
      const result = await world.run(world.backupInputs({ ...inputs, "s3-prefix": prefix }), { env });
      expect(result.outcome).toBe("failure");
      expect(result.annotations.map(({ title }) => title)).toContain(code);
      expect(await findUnsettled(world, result)).toEqual([]);
      expect(await listKeys(ask(server), "snapshots", prefix)).toEqual([]);
    });
  });
}
