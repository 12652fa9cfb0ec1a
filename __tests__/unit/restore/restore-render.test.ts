import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import path from "node:path";
import { describe, expect, test } from "vitest";
import { renderRestore } from "../../../src/restore/restore-render.ts";
import type { RestoreRequest } from "../../../src/restore/world.ts";
import { createMemoryLog, rejectedCode } from "./expectations.ts";
import { createFolders } from "./folders.ts";
import { buildCluster, buildManifest, newKey, oldKey, readObjects } from "./manifest-builder.ts";
import { createMemoryStore, signature, type MemoryStoreOptions } from "./memory-store.ts";
import { buildRecord, snapshot, snapshotUri } from "./record-builder.ts";

interface Case {
  readonly manifest?: string;
  readonly store?: MemoryStoreOptions;
  readonly request?: Partial<RestoreRequest>;
}

const usual = { output: "out.yaml", encryptionKey: oldKey };

function prepare({ manifest = buildManifest(), store: options = {}, request = usual }: Case = {}) {
  const folders = createFolders();
  writeFileSync(path.join(folders.workspace, "cluster.yaml"), manifest);
  const store = createMemoryStore(options);
  const log = createMemoryLog();
  const secrets: (string | Buffer)[] = [];
  const world = {
    store,
    log,
    clock: { nowMs: () => Date.parse("2026-11-25T08:00:00Z") },
    environment: folders.environment,
    onSecret: (secret: string | Buffer) => void secrets.push(secret),
  };
  const asked: RestoreRequest = {
    snapshot,
    manifest: "cluster.yaml",
    presignExpiresInSeconds: 3_600,
    allowUnsafeRestore: false,
    ...request,
  };
  return { ...folders, store, log, secrets, run: () => renderRestore(asked, world) };
}

test("the manifest of a cluster that starts from the snapshot is written, and everything about it returned", async () => {
  const { workspace, run } = prepare();
  const result = await run();
  const output = path.join(workspace, "out.yaml");
  expect(result).toEqual({
    hostedCluster: { namespace: "clusters", name: "tenant" },
    snapshotUri,
    recordUri: snapshotUri.replace(/\.db$/, ".json"),
    sizeBytes: 4_128,
    sha256: "5".repeat(64),
    revision: 77,
    etcdVersion: "3.5.26",
    createdAt: "2026-11-24T12:00:30Z",
    encryptionKeySecretName: "tenant-etcd-encryption-key",
    presignedUrl: expect.stringContaining("https://store.example/backups/prod/clusters/tenant/") as string,
    presignedUrlExpiresAt: "2026-11-25T09:00:00Z",
    renderedManifest: output,
  });
  expect(statSync(output).mode & 0o777).toBe(0o600);
  expect(readObjects(readFileSync(output, "utf8"))).toMatchObject([
    { kind: "Namespace" },
    { kind: "Secret", data: { key: oldKey.toString("base64") } },
    {
      kind: "HostedCluster",
      spec: { etcd: { managed: { storage: { type: "PersistentVolume", restoreSnapshotURL: [result.presignedUrl] } } } },
    },
    { kind: "NodePool" },
  ]);
  expect(readFileSync(path.join(workspace, "cluster.yaml"), "utf8")).toBe(buildManifest());
});

test("without output and key: a new file under RUNNER_TEMP, for a snapshot in clear", async () => {
  const { temp, run } = prepare({
    manifest: buildManifest({ encryption: [], secret: null }),
    store: { record: buildRecord({ encryption: { type: "none" } }) },
    request: {},
  });
  const result = await run();
  expect(path.dirname(result.renderedManifest)).toBe(temp);
  expect(result.encryptionKeySecretName).toBeUndefined();
});

test("neither the signed URL nor a key is in the log, and both are masked", async () => {
  const { run, log, secrets } = prepare();
  const { presignedUrl } = await run();
  const text = log.lines.join("\n");
  for (const secret of [signature, oldKey.toString("base64"), newKey.toString("base64")])
    expect(text).not.toContain(secret);
  expect(secrets).toEqual(expect.arrayContaining([presignedUrl, oldKey]));
});

describe("whatever is refused, nothing is written", () => {
  test.each<[string, Case]>([
    ["manifest-invalid", { manifest: "a: [1" }],
    ["manifest-unsuitable", { manifest: buildCluster() + "---\n" + buildCluster() }],
    ["etcd-unmanaged", { manifest: buildCluster({ etcd: ["  etcd: {managementType: Unmanaged}"] }) }],
    ["record-missing", { store: { record: null } }],
    ["object-not-found", { store: { object: null } }],
    ["snapshot-changed", { store: { object: { sizeBytes: 1 } } }],
    ["hosted-cluster-differs", { manifest: buildManifest({ infraID: "other" }) }],
    ["release-older", { manifest: buildManifest({ release: "r.example/ocp:4.19.0" }) }],
    ["release-cannot-restore", { manifest: buildManifest({ release: "r.example/ocp:4.21.0" }) }],
    ["encryption-key-mismatch", { request: { ...usual, encryptionKey: newKey } }],
    ["encryption-type-mismatch", { manifest: buildManifest({ encryption: [] }) }],
    ["snapshot-url-expires", { store: { credentialsEnd: new Date("2026-11-25T08:30:00Z") } }],
    ["snapshot-url-too-long", { store: { url: `https://store.example/${"a".repeat(1024)}` } }],
    ["snapshot-url-not-https", { store: { url: "http://store.example/a" } }],
    ["snapshot-url-rejected", { store: { urlBytes: 1 } }],
    ["output-refused", { request: { output: "cluster.yaml" } }],
  ])("%s", async (code, given) => {
    const { workspace, temp, run } = prepare(given);
    expect(await rejectedCode(run())).toBe(code);
    expect(readdirSync(workspace)).toEqual(["cluster.yaml"]);
    expect(readdirSync(temp)).toEqual([]);
  });

  test.each<[string, Case]>([
    ["the manifest", { manifest: "" }],
    ["the manifest's path", { request: { manifest: "../cluster.yaml" } }],
    ["the output's path", { request: { output: "../out.yaml" } }],
  ])("and the store is not asked for what %s says already", async (_, given) => {
    const { run, store } = prepare(given);
    await rejectedCode(run());
    expect(store.asked).toEqual([]);
  });

  test("and no URL is signed before snapshot, key and manifest are known to belong together", async () => {
    const { run, store } = prepare({ request: { ...usual, encryptionKey: newKey } });
    await rejectedCode(run());
    expect(store.asked).not.toContain("sign");
  });

  test("not even where a file appears at the output while the URL is tried", async () => {
    const { workspace, store, run } = prepare();
    const output = path.join(workspace, "out.yaml");
    const { tryUrl } = store;
    Object.assign(store, {
      tryUrl: (url: string) => {
        writeFileSync(output, "theirs");
        return tryUrl(url);
      },
    });
    expect(await rejectedCode(run())).toBe("output-refused");
    expect(readFileSync(output, "utf8")).toBe("theirs");
    expect(existsSync(output)).toBe(true);
  });
});
