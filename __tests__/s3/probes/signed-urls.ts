import { setTimeout as delay } from "node:timers/promises";
import { GetObjectCommand, PutObjectCommand } from "@aws-sdk/client-s3";
import { getSignedUrl } from "@aws-sdk/s3-request-presigner";
import { buckets, describeAnswer, type ClientOptions, type Probe, type ProbeWorld } from "../probe.ts";

const Bucket = buckets.plain;

interface SigningOptions extends ClientOptions {
  readonly expiresInSeconds?: number;
  readonly signingDate?: Date;
}

/** A signed URL of an object of ten bytes. */
async function sign(world: ProbeWorld, options: SigningOptions = {}): Promise<string> {
  const Key = world.createKey("a snapshot+é.db");
  await world.owner.send(new PutObjectCommand({ Bucket, Key, Body: "0123456789" }));
  const { expiresInSeconds = 60, signingDate = new Date(), ...client } = options;
  return getSignedUrl(world.connect(client).client, new GetObjectCommand({ Bucket, Key }), {
    expiresIn: expiresInSeconds,
    signingDate,
  });
}

async function get(world: ProbeWorld, url: string): Promise<string> {
  return describeAnswer(await world.request(url));
}

/** The URL with one parameter of its query changed. */
function change(url: string, name: string, value: string): string {
  const changed = new URL(url);
  changed.searchParams.set(name, value);
  return changed.href;
}

export const signedUrlProbes: readonly Probe[] = [
  {
    question: "curl, whole and with a range of one byte",
    ask: async (world) => {
      const url = await sign(world);
      return `${await world.curl(url)}, ${await world.curl(url, "--range", "0-0")}`;
    },
  },
  { question: "HEAD on a URL that is signed for GET", ask: async (world) => world.curl(await sign(world), "--head") },
  {
    question: "after its expiry",
    ask: async (world) => {
      const url = await sign(world, { expiresInSeconds: 1 });
      await delay(2_100);
      return get(world, url);
    },
  },
  {
    question: "of another key than the signed one",
    ask: async (world) => get(world, (await sign(world)).replace("snapshot", "snapshut")),
  },
  {
    question: "with a longer life than the signed one",
    ask: async (world) => get(world, change(await sign(world), "X-Amz-Expires", "3600")),
  },
  {
    question: "for longer than 7 days",
    ask: async (world) => get(world, change(await sign(world), "X-Amz-Expires", "604801")),
  },
  {
    question: "with an unknown access key",
    ask: async (world) =>
      get(world, await sign(world, { credentials: { accessKeyId: "NOBODY00000000000001", secretAccessKey: "any" } })),
  },
  {
    question: "by a user without permission",
    ask: async (world) => get(world, await sign(world, { credentials: world.server.stranger })),
  },
  { question: "for another region", ask: async (world) => get(world, await sign(world, { region: "eu-central-1" })) },
  {
    question: "of an object that is not there",
    ask: async (world) =>
      get(world, await getSignedUrl(world.owner.client, new GetObjectCommand({ Bucket, Key: world.createKey() }))),
  },
  {
    question: "by a clock that is 20 minutes early",
    ask: async (world) => get(world, await sign(world, { signingDate: new Date(Date.now() + 20 * 60_000) })),
  },
];
