import {
  CreateMultipartUploadCommand,
  GetObjectCommand,
  HeadObjectCommand,
  PutObjectCommand,
} from "@aws-sdk/client-s3";
import { buckets, describeAnswer, type Probe, type ProbeWorld } from "../probe.ts";

const minutes = 60_000;

/** What a read and a look of nothing answer with other credentials, or a message that was changed. */
async function read(world: ProbeWorld, options: Parameters<ProbeWorld["connect"]>[0]): Promise<string> {
  return describeAnswer(
    await world.connect(options).send(new GetObjectCommand({ Bucket: buckets.plain, Key: "probe/none" })),
  );
}

export const credentialProbes: readonly Probe[] = [
  {
    question: "GET with a wrong secret key",
    ask: (world) => read(world, { credentials: { ...world.server.owner, secretAccessKey: "wrong" } }),
  },
  {
    question: "HEAD with a wrong secret key",
    ask: async (world) => {
      const { send } = world.connect({ credentials: { ...world.server.owner, secretAccessKey: "wrong" } });
      return describeAnswer(await send(new HeadObjectCommand({ Bucket: buckets.plain, Key: "probe/none" })));
    },
  },
  {
    question: "GET with an unknown access key",
    ask: (world) => read(world, { credentials: { accessKeyId: "NOBODY00000000000001", secretAccessKey: "any" } }),
  },
  {
    question: "GET signed by a clock that is 20 minutes late",
    ask: (world) => read(world, { systemClockOffset: -20 * minutes }),
  },
  {
    question: "GET signed by a clock that is 20 minutes early",
    ask: (world) => read(world, { systemClockOffset: 20 * minutes }),
  },
  {
    question: "GET signed for another region",
    ask: (world) => read(world, { region: "eu-central-1" }),
  },
  {
    question: "GET with a signed header changed",
    ask: (world) =>
      read(world, {
        tap: (message) => {
          message.headers["x-amz-date"] = `${message.headers["x-amz-date"]?.slice(0, -2) ?? ""}0Z`;
          message.headers["amz-sdk-invocation-id"] = "changed";
        },
      }),
  },
  {
    question: "GET without a signature",
    ask: async ({ server, request }) => describeAnswer(await request(`${server.endpoint}/${buckets.plain}/probe/none`)),
  },
  {
    question: "GET by a user without permission",
    ask: (world) => read(world, { credentials: world.server.stranger }),
  },
  {
    question: "PUT by a user without permission",
    ask: async (world) => {
      const { send } = world.connect({ credentials: world.server.stranger });
      return describeAnswer(
        await send(new PutObjectCommand({ Bucket: buckets.plain, Key: world.createKey(), Body: "x" })),
      );
    },
  },
  {
    question: "start of an upload by a user without permission",
    ask: async (world) => {
      const { send } = world.connect({ credentials: world.server.stranger });
      return describeAnswer(
        await send(new CreateMultipartUploadCommand({ Bucket: buckets.plain, Key: world.createKey() })),
      );
    },
  },
  {
    question: "start of an upload in a bucket that must belong to another account",
    ask: async ({ owner, createKey }) =>
      describeAnswer(
        await owner.send(
          new CreateMultipartUploadCommand({
            Bucket: buckets.plain,
            Key: createKey(),
            ExpectedBucketOwner: "999988887777",
          }),
        ),
      ),
  },
];
