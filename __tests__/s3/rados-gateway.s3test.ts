import tls from "node:tls";
import { CreateBucketCommand, PutBucketVersioningCommand, S3Client } from "@aws-sdk/client-s3";
import { beforeAll, describe, expect, inject, it } from "vitest";
import { createSnapshotStore } from "../../src/adapters/s3.ts";
import type { StoreSettings } from "../../src/adapters/s3-client.ts";
import { describeSnapshotStore, readAll, realClock, rejection } from "../adapters/snapshot-store-contract.ts";

const gateway = inject("radosGateway");
const settings: StoreSettings = {
  bucket: "snapshots",
  endpoint: gateway.endpoint,
  forcePathStyle: true,
  credentials: gateway.owner,
  checksums: "auto",
};

beforeAll(async () => {
  // What NODE_EXTRA_CA_CERTS does for a process that starts.
  tls.setDefaultCACertificates([...tls.getCACertificates("default"), gateway.certificateAuthority]);
  const client = new S3Client({
    endpoint: gateway.endpoint,
    region: "us-east-1",
    forcePathStyle: true,
    credentials: gateway.owner,
  });
  for (const Bucket of ["snapshots", "versioned"]) await client.send(new CreateBucketCommand({ Bucket }));
  const VersioningConfiguration = { Status: "Enabled" } as const;
  await client.send(new PutBucketVersioningCommand({ Bucket: "versioned", VersioningConfiguration }));
  client.destroy();
});

describeSnapshotStore("RADOS gateway", () => ({
  settings,
  stranger: gateway.stranger,
  versionedBucket: "versioned",
  certificateAuthorityFile: gateway.certificateAuthorityFile,
}));

describe("RADOS gateway, where it differs", () => {
  const world = { clock: realClock, environment: {} };

  it("overwrites at completion in spite of If-None-Match, so whoever completes last is found", async () => {
    const store = createSnapshotStore(settings, world);
    const key = "differs/complete.db";
    await store.putNewObject(key, Buffer.from("first"), { contentType: "text/plain", metadata: { nonce: "01" } });
    const upload = await store.startUpload(key, { nonce: "02" });
    const parts = [await store.uploadPart(upload, 1, Buffer.from("second"))];
    const expected = { sizeBytes: 6, metadata: { nonce: "02" } };
    expect((await store.completeUpload(upload, parts, expected)).metadata).toEqual({ nonce: "02" });
    expect((await readAll(store.readObject(key))).toString()).toBe("second");
    store.close();
  });

  it("checks no region", async () => {
    const store = createSnapshotStore({ ...settings, region: "eu-central-1" }, world);
    expect(await store.findObject("differs/region.db")).toBeUndefined();
    store.close();
  });

  it("does not encrypt without its own keys, and says so", async () => {
    const store = createSnapshotStore({ ...settings, serverSideEncryption: "AES256" }, world);
    const refused = await rejection(store.startUpload("differs/encrypted.db", { nonce: "03" }));
    expect(refused.code).toBe("store-refused");
    store.close();
  });
});
