import { execFile } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import tls from "node:tls";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { StoreSettings } from "../../src/adapters/s3/client.ts";
import { renderRestore } from "../../src/restore/restore-render.ts";
import { createRestoreReport } from "../../src/restore/world.ts";
import { createFileSpools } from "../../src/snapshots/spool.ts";
import { recordKeyOf } from "../../src/snapshots/location.ts";
import { renderRecord } from "../../src/snapshots/record.ts";
import { createCertificateAuthority } from "../world/certificates.ts";
import { startObjectStore, type ObjectStore } from "../world/object-store/object-store.ts";
import type { BucketOptions } from "../world/object-store/storage.ts";
import { createMemoryLog } from "../unit/restore/expectations.ts";
import { buildManifest, oldKey, readObjects } from "../unit/restore/manifest-builder.ts";
import { buildRecord, nonce, snapshot, snapshotBytes } from "../unit/restore/record-builder.ts";
import { rejectedCode } from "./snapshot-store-contract.ts";
import { openDuringTest } from "./test-store.ts";

const owner = { accessKeyId: "AKIAOWNER", secretAccessKey: "owner/secret" };
const reader = { accessKeyId: "AKIAREADER", secretAccessKey: "reader/secret" };
const stranger = { accessKeyId: "AKIASTRANGER", secretAccessKey: "stranger/secret" };
const session = { accessKeyId: "ASIASESSION", secretAccessKey: "session/secret", sessionToken: "t".repeat(900) };
const accounts = [
  { ...owner, actions: ["s3:*"] },
  { ...reader, actions: ["s3:GetObject", "s3:GetObjectVersion"] },
  { ...stranger, actions: [] },
  { ...session, actions: ["s3:*"], expiresAt: new Date(Date.now() + 3_600_000) },
];
const account = "111122223333";
const body = snapshotBytes;

let folder: string;
let authority: string;
let server: ObjectStore;
let insecure: ObjectStore;

beforeAll(async () => {
  const certificateAuthority = await createCertificateAuthority("object store");
  tls.setDefaultCACertificates([...tls.getCACertificates("default"), certificateAuthority.certificate]);
  folder = mkdtempSync(path.join(tmpdir(), "restore-render-"));
  authority = path.join(folder, "ca.pem");
  writeFileSync(authority, certificateAuthority.certificate);
  const buckets: readonly BucketOptions[] = [
    { name: "backups", region: "us-east-1", owner: account, versioning: "enabled" },
    { name: "plain", region: "us-east-1", owner: account },
  ];
  server = await startObjectStore({ certificateAuthority, buckets, accounts });
  insecure = await startObjectStore({ buckets, accounts });
  for (const store of [server, insecure]) await keep(store, "backups");
  await keep(server, "plain");
});

afterAll(async () => {
  await server.close();
  await insecure.close();
  rmSync(folder, { recursive: true });
});

/** A snapshot and its record, as a backup leaves them. */
async function keep(store: ObjectStore, bucket: string): Promise<void> {
  const { versionId } = await store.seedObject(bucket, snapshot.key, body, { metadata: { nonce } });
  const record = buildRecord({
    snapshot: {
      uri: `s3://${bucket}/${snapshot.key}`,
      ...(versionId === "null" ? {} : { versionId }),
    },
  });
  await store.seedObject(bucket, recordKeyOf(snapshot.key), renderRecord(record), { metadata: { nonce } });
}

function prepare(changes: Partial<StoreSettings> = {}, environment: Record<string, string> = {}) {
  const bucket = changes.bucket ?? "backups";
  const store = openDuringTest(
    {
      bucket,
      endpoint: server.endpoint,
      forcePathStyle: true,
      credentials: owner,
      checksums: "auto",
      limits: { storeConnectMs: 5_000, storeRequestMs: 5_000, storeTries: 2 },
      ...changes,
    },
    { environment },
  );
  const workspace = mkdtempSync(path.join(folder, "workspace-"));
  writeFileSync(path.join(workspace, "cluster.yaml"), buildManifest());
  return {
    workspace,
    run: (signal: AbortSignal = new AbortController().signal) =>
      renderRestore(
        {
          snapshot: { bucket, key: snapshot.key },
          manifest: "cluster.yaml",
          output: "out.yaml",
          encryptionKeys: [oldKey],
          identities: [],
          presignExpiresInSeconds: 600,
          pins: {},
          allowUnrecorded: false,
          allowUnsafeRestore: [],
        },
        {
          store: store.withSignal(signal),
          log: createMemoryLog(),
          signal,
          openSpool: createFileSpools(folder),
          environment: { GITHUB_WORKSPACE: workspace, RUNNER_TEMP: folder },
          remember: () => undefined,
          onSecret: () => undefined,
        },
        createRestoreReport(),
      ),
  };
}

/** What HyperShift's init container downloads: curl without credentials, headers or redirects. */
async function download(manifest: string): Promise<Buffer> {
  const cluster = readObjects(manifest).find((object) => Reflect.get(object as object, "kind") === "HostedCluster");
  const [, url = ""] = /"restoreSnapshotURL":\["([^"]+)"\]/.exec(JSON.stringify(cluster)) ?? [];
  const file = path.join(folder, "snapshot");
  await promisify(execFile)("curl", ["-sS", "--cacert", authority, "-o", file, url]);
  return readFileSync(file);
}

describe("the rendered URL gives the whole snapshot to whoever has it", () => {
  it.each<[string, Partial<StoreSettings>]>([
    ["in a bucket with versions", {}],
    ["in a bucket without", { bucket: "plain" }],
    ["signed by a key that may only read", { presignCredentials: reader }],
    [
      "signed by a long-lived key, where a session reads the record",
      { credentials: session, presignCredentials: reader },
    ],
  ])("%s", async (_, settings) => {
    const { run, workspace } = prepare(settings);
    const { renderedManifest } = await run();
    expect(renderedManifest).toBe(path.join(workspace, "out.yaml"));
    expect((await download(readFileSync(renderedManifest, "utf8"))).equals(body)).toBe(true);
  });
});

describe("what would not restore is refused, and nothing is written", () => {
  it.each<[string, string, () => Partial<StoreSettings>, Record<string, string>]>([
    ["a URL as long as a session makes it", "snapshot-url-too-long", () => ({ credentials: session }), {}],
    ["a URL of a key that may not read", "snapshot-url-rejected", () => ({ presignCredentials: stranger }), {}],
    ["a URL of a store without TLS", "snapshot-url-not-https", () => ({ endpoint: insecure.endpoint }), {}],
    [
      "a URL that outlives its credentials",
      "snapshot-url-expires",
      () => ({}),
      { AWS_ACCESS_KEY_ID: owner.accessKeyId, AWS_CREDENTIAL_EXPIRATION: new Date(Date.now() + 60_000).toISOString() },
    ],
    ["a snapshot that this key may not see", "store-access-denied", () => ({ credentials: stranger }), {}],
    ["a snapshot in a bucket that is not there", "bucket-not-found", () => ({ bucket: "nowhere" }), {}],
  ])("%s", async (_, code, settings, environment) => {
    const { run, workspace } = prepare(settings(), environment);
    expect(await rejectedCode(run())).toBe(code);
    expect(readdirSync(workspace)).toEqual(["cluster.yaml"]);
  });

  it("a snapshot that was written again after its proof", async () => {
    const again = Buffer.alloc(snapshotBytes.length, "x");
    await server.seedObject("plain", snapshot.key, again, { metadata: { nonce: "f".repeat(32) } });
    const { run, workspace } = prepare({ bucket: "plain" });
    expect(await rejectedCode(run())).toBe("snapshot-changed");
    expect(readdirSync(workspace)).toEqual(["cluster.yaml"]);
    await keep(server, "plain");
  });

  it("a snapshot whose bytes rotted under the same version, length and nonce", async () => {
    const rotten = Buffer.from(body);
    rotten[1_000] = (rotten[1_000] ?? 0) ^ 1;
    await server.seedObject("plain", snapshot.key, rotten, { metadata: { nonce } });
    const { run, workspace } = prepare({ bucket: "plain" });
    expect(await rejectedCode(run())).toBe("snapshot-changed");
    expect(readdirSync(workspace)).toEqual(["cluster.yaml"]);
    await keep(server, "plain");
  });

  it("a run that was cancelled", async () => {
    const { run, workspace } = prepare();
    expect(await rejectedCode(run(AbortSignal.abort()))).toBe("cancelled");
    expect(readdirSync(workspace)).toEqual(["cluster.yaml"]);
  });
});
