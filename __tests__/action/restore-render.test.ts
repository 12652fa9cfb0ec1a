import { appendFile, readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { at } from "../../src/hypershift/json-path.ts";
import { decryptSecret } from "../fakes/etcd/fill.ts";
import { restoreFromUrl } from "../fakes/etcd/restore.ts";
import { findUnsettled } from "../fakes/settled.ts";
import type { World } from "../fakes/world.ts";
import { findKind, parseDocuments, readRendered } from "./rendered.ts";
import { startScenario } from "./scenario.ts";

async function backUp(world: World): Promise<string> {
  const { outcome, outputs } = await world.run(world.backupInputs());
  expect(outcome).toBe("success");
  return outputs["snapshot-uri"] ?? "";
}

test("What a backup stored starts again, HyperShift's way, from the rendered manifest", async () => {
  const world = await startScenario();
  const result = await world.run(world.restoreInputs(await backUp(world)));
  expect(result.outcome).toBe("success");
  expect(result.annotations).toEqual([]);
  const { url, key } = await readRendered(result);
  const restored = await restoreFromUrl(url, world.env["NODE_EXTRA_CA_CERTS"] ?? "");
  onTestFinished(() => restored.close());

  const [source] = world.cluster.etcd;
  const { revision } = restored.snapshot;
  expect(result.outputs["snapshot-revision"]).toBe(String(revision));
  expect(await restored.client.hashKv(revision)).toEqual(await source.client.hashKv(revision));
  expect(world.cluster.filled.secrets.size).toBeGreaterThan(0);
  for (const [name, plain] of world.cluster.filled.secrets) {
    const stored = await restored.client.get(name);
    expect(decryptSecret(stored?.value ?? Buffer.alloc(0), key)).toEqual(plain);
  }
  expect(await findUnsettled(world, result)).toEqual([]);
});

test("The rendered manifest differs from the given one in URL and encryption Secret alone", async () => {
  const world = await startScenario();
  const given = await readFile(join(world.workspace, "cluster.yaml"), "utf8");
  const result = await world.run(world.restoreInputs(await backUp(world)));
  const { text, documents, url } = await readRendered(result);
  expect(url).toMatch(/^https:\/\/localhost:\d+\/backups\/etcd\/nightly\/clusters\/example\/[^?]+\.db\?/);
  expect(url.length).toBeLessThanOrEqual(1024);
  const secret = findKind(documents, "Secret");
  expect(secret).toMatchObject({ metadata: { name: "example-etcd-encryption-key", namespace: "clusters" } });
  const others = documents.filter((document) => document !== secret && document !== null);
  const expected = structuredClone(parseDocuments(given));
  const storage: unknown = at(findKind(expected, "HostedCluster"), "spec", "etcd", "managed", "storage");
  Object.assign(storage ?? {}, { restoreSnapshotURL: [url] });
  expect(others).toEqual(expected.filter((document) => document !== null));
  expect(text).toContain("# Both of the old cluster: its objects carry them.");
});

test("The rendered manifest can be read by its owner only, and lies where the output says", async () => {
  const world = await startScenario();
  const uri = await backUp(world);
  const fresh = await world.run(world.restoreInputs(uri));
  const named = await world.run(world.restoreInputs(uri, { output: "restored.yaml" }));
  expect(fresh.outputs["rendered-manifest"]?.startsWith(fresh.directories.temp)).toBe(true);
  expect(named.outputs["rendered-manifest"]).toBe(join(world.workspace, "restored.yaml"));
  for (const { outputs } of [fresh, named])
    expect((await stat(outputs["rendered-manifest"] ?? "")).mode & 0o777).toBe(0o600);
});

test("A key of its own signs the URL where it is given", async () => {
  const world = await startScenario();
  const result = await world.run(
    world.restoreInputs(await backUp(world), {
      "presign-access-key-id": world.reader.accessKeyId,
      "presign-secret-access-key": world.reader.secretAccessKey,
      "presign-expires-in": "2h",
    }),
  );
  const { url } = await readRendered(result);
  expect(new URL(url).searchParams.get("X-Amz-Credential")).toContain(world.reader.accessKeyId);
  expect(new URL(url).searchParams.get("X-Amz-Expires")).toBe("7200");
  expect(await findUnsettled(world, result)).toEqual([]);
});

test("A key that was found in the manifest is masked in every way to write it", async () => {
  const world = await startScenario();
  const { aesKey } = world.cluster;
  await appendFile(
    join(world.workspace, "cluster.yaml"),
    `---
apiVersion: v1
kind: Secret
metadata:
  name: example-etcd-encryption-key
  namespace: clusters
data:
  key: ${aesKey.toString("base64")}
`,
  );
  const result = await world.run(world.restoreInputs(await backUp(world), { "encryption-key": "" }));
  expect(result.outcome).toBe("success");
  expect((await readRendered(result)).key).toEqual(aesKey);
  const base64 = aesKey.toString("base64");
  const hex = aesKey.toString("hex");
  expect(result.masks.map(({ value }) => value)).toEqual(
    expect.arrayContaining([base64, base64.replace("=", ""), aesKey.toString("base64url"), hex, hex.toUpperCase()]),
  );
});
