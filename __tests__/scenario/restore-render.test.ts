import { appendFile, readFile, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { beforeAll, expect, onTestFinished, test } from "vitest";
import { at } from "../../src/json-path.ts";
import { decryptSecret } from "../world/etcd/fill.ts";
import { restoreFromUrl } from "../world/etcd/restore.ts";
import { findUnsettled } from "../world/settled.ts";
import { findKind, parseDocuments, readRendered } from "../world/rendered.ts";
import { shareScenario } from "./scenario.ts";

const scenario = shareScenario();
let snapshotUri = "";
beforeAll(async () => {
  const world = scenario();
  const { outcome, outputs } = await world.run(world.backupInputs());
  expect(outcome).toBe("success");
  snapshotUri = outputs["snapshot-uri"] ?? "";
});

test("What a backup stored starts again, HyperShift's way, from the rendered manifest", async () => {
  const world = scenario();
  const result = await world.run(world.restoreInputs(snapshotUri));
  expect(result.outcome).toBe("success");
  // The manifest was rendered without its Secrets and the old signing key; a release of 4.20 restores in one try.
  expect(result.annotations.map(({ message }) => message.split(":")[0]).sort()).toEqual([
    "init script (restore-retry-unsafe)",
    "spec.pullSecret",
    "spec.serviceAccountSigningKey",
    "spec.sshKey",
  ]);
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

test("With the key of the living cluster, the rendered manifest differs from the given one in URL and Secret alone", async () => {
  const world = scenario();
  const given = await readFile(join(world.workspace, "cluster.yaml"), "utf8");
  const kubeconfig = await world.cluster.kubeconfig({ user: "system:serviceaccount:clusters:etcd-restore" });
  const result = await world.run(world.restoreInputs(snapshotUri, { "encryption-key": "", kubeconfig }));
  const { text, documents, url, key } = await readRendered(result);
  expect(key).toEqual(world.cluster.aesKey);
  expect(await findUnsettled(world, result)).toEqual([]);
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
  const world = scenario();
  const fresh = await world.run(world.restoreInputs(snapshotUri));
  const named = await world.run(world.restoreInputs(snapshotUri, { output: "restored.yaml" }));
  onTestFinished(() => rm(join(world.workspace, "restored.yaml")));
  expect(fresh.outputs["rendered-manifest"]?.startsWith(fresh.directories.temp)).toBe(true);
  expect(named.outputs["rendered-manifest"]).toBe(join(world.workspace, "restored.yaml"));
  for (const { outputs } of [fresh, named])
    expect((await stat(outputs["rendered-manifest"] ?? "")).mode & 0o777).toBe(0o600);
});

test("A key of its own signs the URL where it is given", async () => {
  const world = scenario();
  const result = await world.run(
    world.restoreInputs(snapshotUri, {
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
  const world = scenario();
  const { aesKey } = world.cluster;
  const manifest = join(world.workspace, "cluster.yaml");
  const given = await readFile(manifest);
  onTestFinished(() => writeFile(manifest, given));
  await appendFile(
    manifest,
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
  const result = await world.run(world.restoreInputs(snapshotUri, { "encryption-key": "" }));
  expect(result.outcome).toBe("success");
  expect((await readRendered(result)).key).toEqual(aesKey);
  const base64 = aesKey.toString("base64");
  const hex = aesKey.toString("hex");
  expect(result.masks.map(({ value }) => value)).toEqual(
    expect.arrayContaining([base64, base64.replace("=", ""), aesKey.toString("base64url"), hex, hex.toUpperCase()]),
  );
});
