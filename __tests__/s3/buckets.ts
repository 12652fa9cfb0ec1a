import {
  CreateBucketCommand,
  PutBucketVersioningCommand,
  PutObjectLockConfigurationCommand,
  type S3Client,
} from "@aws-sdk/client-s3";
import { createProbeWorld, buckets } from "./probe.ts";
import type { S3Server } from "./server.ts";

/** Makes the buckets of the suites in a server that has none. */
export async function createBuckets(server: S3Server): Promise<void> {
  const world = createProbeWorld(server);
  const { client } = world.owner;
  for (const name of ["snapshots", "versioned", buckets.plain, buckets.versions])
    await client.send(new CreateBucketCommand({ Bucket: name }));
  for (const name of ["versioned", buckets.versions])
    await client.send(new PutBucketVersioningCommand({ Bucket: name, VersioningConfiguration: { Status: "Enabled" } }));
  await createLockedBucket(client);
  world.close();
}

/** Holds each version for a day. */
async function createLockedBucket(client: S3Client): Promise<void> {
  await client.send(new CreateBucketCommand({ Bucket: buckets.locked, ObjectLockEnabledForBucket: true }));
  await client.send(
    new PutObjectLockConfigurationCommand({
      Bucket: buckets.locked,
      ChecksumAlgorithm: "CRC32",
      ObjectLockConfiguration: {
        ObjectLockEnabled: "Enabled",
        Rule: { DefaultRetention: { Mode: "GOVERNANCE", Days: 1 } },
      },
    }),
  );
}
