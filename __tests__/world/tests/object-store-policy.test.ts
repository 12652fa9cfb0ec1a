import {
  GetObjectCommand,
  HeadBucketCommand,
  HeadObjectCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  UploadPartCommand,
} from "@aws-sdk/client-s3";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Account } from "../object-store/accounts.ts";
import { admin, createTestWorld, owner, refusalOf, type TestWorld } from "./object-store-clients.ts";

const writer: Account = {
  accessKeyId: "AKIAWRITER",
  secretAccessKey: "writer",
  actions: [
    { action: "s3:PutObject", keyPrefix: "backups/" },
    { action: "s3:Get*", keyPrefix: "backups/" },
    { action: "s3:ListBucket", keyPrefix: "backups/" },
  ],
};

let world: TestWorld;
beforeAll(async () => {
  world = await createTestWorld({
    buckets: [
      { name: "plain", region: "us-east-1", owner },
      { name: "far", region: "eu-west-1", owner },
    ],
    accounts: [admin, writer],
  });
  await world.store.seedObject("plain", "there", "content");
});
afterAll(() => world.close());

const put = (body: string, key: string) => new PutObjectCommand({ Bucket: "plain", Key: key, Body: body });

describe("a bucket", () => {
  test("elsewhere is named by HEAD and by body", async () => {
    const client = world.connect();
    const head = await refusalOf(client.send(new HeadBucketCommand({ Bucket: "far" })));
    expect(head.status).toBe(301);
    expect(head.error).toMatchObject({ $response: { headers: { "x-amz-bucket-region": "eu-west-1" } } });
    expect(await refusalOf(client.send(new HeadObjectCommand({ Bucket: "far", Key: "k" })))).toMatchObject({
      status: 400,
    });
    const { error } = await refusalOf(client.send(new ListObjectsV2Command({ Bucket: "far" })));
    expect(error).toMatchObject({ name: "AuthorizationHeaderMalformed", Region: "eu-west-1" });
    const there = await world.connect({ region: "eu-west-1" }).send(new HeadBucketCommand({ Bucket: "far" }));
    expect(there.BucketRegion).toBe("eu-west-1");
  });

  test("that is not there, or is another owner's, is refused", async () => {
    const client = world.connect();
    const get = (Bucket: string, ExpectedBucketOwner: string) =>
      refusalOf(client.send(new GetObjectCommand({ Bucket, Key: "there", ExpectedBucketOwner })));
    expect(await get("absent", owner)).toMatchObject({ status: 404, code: "NoSuchBucket" });
    expect(await get("plain", "999999999999")).toMatchObject({ status: 403, code: "AccessDenied" });
    expect(await get("plain", "me")).toMatchObject({ status: 400, code: "InvalidBucketOwnerAWSAccountID" });
  });

  const table: Record<string, [send: (client: ReturnType<TestWorld["connect"]>) => Promise<unknown>, outcome: number]> =
    {
      "writing below the prefix": [(client) => client.send(put("x", "backups/a")), 200],
      "reading below the prefix": [
        (client) => client.send(new GetObjectCommand({ Bucket: "plain", Key: "backups/a" })),
        200,
      ],
      "listing the prefix": [
        (client) => client.send(new ListObjectsV2Command({ Bucket: "plain", Prefix: "backups/" })),
        200,
      ],
      "writing elsewhere": [(client) => client.send(put("x", "else")), 403],
      "reading elsewhere": [(client) => client.send(new HeadObjectCommand({ Bucket: "plain", Key: "there" })), 403],
      "listing everything": [(client) => client.send(new ListObjectsV2Command({ Bucket: "plain" })), 403],
      "learning that a key is absent": [
        (client) => client.send(new HeadObjectCommand({ Bucket: "plain", Key: "backups/absent" })),
        403,
      ],
      "an action that is not listed": [(client) => client.send(new HeadBucketCommand({ Bucket: "plain" })), 403],
      "an upload that is not there": [
        (client) =>
          client.send(
            new UploadPartCommand({ Bucket: "plain", Key: "backups/a", UploadId: "no", PartNumber: 1, Body: "" }),
          ),
        404,
      ],
    };
  test.each(Object.entries(table))("policy: %s", async (_, [send, outcome]) => {
    const call = send(world.connect({ account: writer }));
    if (outcome === 200) await call;
    else expect((await refusalOf(call)).status).toBe(outcome);
  });
});
