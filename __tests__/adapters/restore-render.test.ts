import { execFile } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import tls from "node:tls";
import { promisify } from "node:util";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { createSnapshotStore } from "../../src/adapters/s3.ts";
import type { StoreSettings } from "../../src/adapters/s3-client.ts";
import { renderRestore } from "../../src/restore/restore-render.ts";
import { recordKey } from "../../src/snapshot/location.ts";
import { renderRecord } from "../../src/snapshot/record.ts";
import { createCertificateAuthority } from "../fakes/certificates.ts";
import { startObjectStore, type ObjectStore } from "../fakes/object-store/object-store.ts";
import type { BucketOptions } from "../fakes/object-store/storage.ts";
import { createMemoryLog } from "../unit/restore/expectations.ts";
import { buildManifest, oldKey, readObjects } from "../unit/restore/manifest-builder.ts";
import { buildRecord, nonce, snapshot } from "../unit/restore/record-builder.ts";
import { realClock, rejectedCode } from "./snapshot-store-contract.ts";

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
const body = randomBytes(70_000);

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

const closing: (() => void)[] = [];
afterEach(() => {
  for (const close of closing.splice(0)) close();
});

/** A snapshot and its record, as a backup leaves them. */
async function keep(store: ObjectStore, bucket: string): Promise<void> {
  const { versionId } = await store.seedObject(bucket, snapshot.key, body, { metadata: { nonce } });
  const record = buildRecord({
    snapshot: {
      uri: `s3://${bucket}/${snapshot.key}`,
      sizeBytes: body.length,
      sha256: createHash("sha256").update(body).digest("hex"),
      ...(versionId === "null" ? {} : { versionId }),
    },
  });
  await store.seedObject(bucket, recordKey(snapshot.key), renderRecord(record), { metadata: { nonce } });
}

function prepare(changes: Partial<StoreSettings> = {}, environment: Record<string, string> = {}) {
  const bucket = changes.bucket ?? "backups";
  const store = createSnapshotStore(
    {
      bucket,
      endpoint: server.endpoint,
      forcePathStyle: true,
      credentials: owner,
      checksums: "auto",
      limits: { storeConnectMs: 5_000, storeRequestMs: 5_000, storeTries: 2 },
      ...changes,
    },
    { clock: realClock, environment },
  );
  const workspace = mkdtempSync(path.join(folder, "workspace-"));
  writeFileSync(path.join(workspace, "cluster.yaml"), buildManifest());
  closing.push(() => {
    store.close();
  });
  return {
    workspace,
    run: (signal: AbortSignal = new AbortController().signal) =>
      renderRestore(
        {
          snapshot: { bucket, key: snapshot.key },
          manifest: "cluster.yaml",
          output: "out.yaml",
          encryptionKey: oldKey,
          presignExpiresInSeconds: 600,
          allowUnsafeRestore: false,
        },
        {
          store: store.withSignal(signal),
          log: createMemoryLog(),
          clock: realClock,
          environment: { GITHUB_WORKSPACE: workspace },
          onSecret: () => undefined,
        },
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
    const again = randomBytes(body.length);
    await server.seedObject("plain", snapshot.key, again, { metadata: { nonce: "f".repeat(32) } });
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
