import {
  DeleteObjectCommand,
  GetObjectCommand,
  HeadObjectCommand,
  PutObjectCommand,
  type PutObjectCommandOutput,
} from "@aws-sdk/client-s3";
import { getSignedUrl } from "@aws-sdk/s3-request-presigner";
import { buckets, describeAnswer, type Probe, type ProbeWorld, type Result } from "../probe.ts";
import { complete, startWithPart } from "../probe-upload.ts";

const Bucket = buckets.versions;

interface Place {
  readonly Bucket: string;
  readonly Key: string;
}

function put({ owner }: ProbeWorld, at: Place, text: string): Promise<Result<PutObjectCommandOutput>> {
  return owner.send(new PutObjectCommand({ ...at, Body: text }));
}

/** A key with an old and a new version, and the old one's id. */
async function storeTwice(world: ProbeWorld): Promise<Place & { readonly VersionId: string }> {
  const at = { Bucket, Key: world.createKey() };
  const { value } = await put(world, at, "old");
  await put(world, at, "newer");
  return { ...at, VersionId: value?.VersionId ?? "" };
}

export const versionProbes: readonly Probe[] = [
  {
    question: "version in the answer to PUT, HEAD and completion",
    ask: async (world) => {
      const at = { Bucket, Key: world.createKey() };
      const answers = [await put(world, at, "x"), await world.owner.send(new HeadObjectCommand(at))];
      const upload = await startWithPart(world, at.Key, { Bucket });
      const done = await complete(world, upload);
      return [...answers, done].map(({ value }) => ((value?.VersionId ?? "") === "" ? "no" : "yes")).join(", ");
    },
  },
  {
    question: "version in the answer to PUT and HEAD, bucket without versions",
    ask: async (world) => {
      const at = { Bucket: buckets.plain, Key: world.createKey() };
      const answers = [await put(world, at, "x"), await world.owner.send(new HeadObjectCommand(at))];
      return answers.map(({ value }) => value?.VersionId ?? "no").join(", ");
    },
  },
  {
    question: "GET of an old version",
    ask: async (world) => {
      const answer = await world.owner.send(new GetObjectCommand(await storeTwice(world)));
      return `${describeAnswer(answer)}, ${await answer.value?.Body?.transformToString()}`;
    },
  },
  {
    question: "signed URL of an old version",
    ask: async (world) => {
      const { status, text } = await world.request(
        await getSignedUrl(world.owner.client, new GetObjectCommand(await storeTwice(world))),
      );
      return `${status}, ${text}`;
    },
  },
  {
    question: "GET of a version that never was",
    ask: async (world) => {
      const { VersionId, ...at } = await storeTwice(world);
      const never = VersionId.replace(/[a-z\d](?=[^a-z\d]*$)/i, (last) => (last === "0" ? "1" : "0"));
      return describeAnswer(await world.owner.send(new GetObjectCommand({ ...at, VersionId: never })));
    },
  },
  {
    question: "DELETE makes a delete marker; then GET, HEAD, GET of the marker, GET of the version",
    ask: async (world) => {
      const { VersionId, ...at } = await storeTwice(world);
      const removed = await world.owner.send(new DeleteObjectCommand(at));
      const marker = removed.value?.VersionId ?? "";
      const answers = [
        await world.owner.send(new GetObjectCommand(at)),
        await world.owner.send(new HeadObjectCommand(at)),
        await world.owner.send(new GetObjectCommand({ ...at, VersionId: marker })),
        await world.owner.send(new GetObjectCommand({ ...at, VersionId })),
      ];
      const made = removed.value?.DeleteMarker === true ? "marker" : "no marker";
      return [`${removed.status} ${made}`, ...answers.map(describeAnswer)].join(", ");
    },
  },
  {
    question: "DELETE of a version, and again",
    ask: async (world) => {
      const version = await storeTwice(world);
      const answers = [
        await world.owner.send(new DeleteObjectCommand(version)),
        await world.owner.send(new DeleteObjectCommand(version)),
      ];
      return answers.map(describeAnswer).join(", ");
    },
  },
  {
    question: "DELETE of a version that Object Lock holds; DELETE of its key",
    ask: async (world) => {
      const at = { Bucket: buckets.locked, Key: world.createKey() };
      const { value, ...answer } = await world
        .connect({ requestChecksumCalculation: "WHEN_SUPPORTED" })
        .send(new PutObjectCommand({ ...at, Body: "x" }));
      if (value?.VersionId === undefined) return `PUT: ${describeAnswer(answer)}`;
      const answers = [
        await world.owner.send(new DeleteObjectCommand({ ...at, VersionId: value.VersionId })),
        await world.owner.send(new DeleteObjectCommand(at)),
      ];
      return answers.map(describeAnswer).join(", ");
    },
  },
  {
    question: "PUT and part without a digest where Object Lock holds versions",
    ask: async (world) => {
      const at = { Bucket: buckets.locked, Key: world.createKey() };
      const answer = await put(world, at, "x");
      try {
        const upload = await startWithPart(world, world.createKey(), { Bucket: buckets.locked });
        return `${describeAnswer(answer)}, ${describeAnswer(await complete(world, upload))}`;
      } catch {
        return `${describeAnswer(answer)}, part refused`;
      }
    },
  },
];
