import { DeleteObjectCommand, PutObjectCommand } from "@aws-sdk/client-s3";
import { buckets, describeAnswer, type Probe, type ProbeWorld } from "../probe.ts";
import { complete, isOpen, startWithPart } from "../probe-upload.ts";

const Bucket = buckets.plain;

/** Answers of completions at one time, each of an upload of its own to one key. */
async function raceCompletions(world: ProbeWorld, count: number): Promise<string> {
  const key = world.createKey();
  const started = [];
  for (let number = 0; number < count; number += 1) started.push(await startWithPart(world, key));
  const answers = await Promise.all(started.map((upload) => complete(world, upload, { IfNoneMatch: "*" })));
  return nameWinners(answers.filter(({ status }) => status === 200).length);
}

async function racePuts({ owner, createKey }: ProbeWorld, count: number): Promise<string> {
  const Key = createKey();
  const answers = await Promise.all(
    Array.from({ length: count }, (_, index) =>
      owner.send(new PutObjectCommand({ Bucket, Key, Body: `writer ${index}`, IfNoneMatch: "*" })),
    ),
  );
  return nameWinners(answers.filter(({ status }) => status === 200).length);
}

function nameWinners(count: number): string {
  return count === 1 ? "one wins" : count === 0 ? "none wins" : "several win";
}

export const conditionProbes: readonly Probe[] = [
  {
    question: "PUT with `If-None-Match: *`, and again",
    ask: async ({ owner, createKey }) => {
      const Key = createKey();
      const put = () => owner.send(new PutObjectCommand({ Bucket, Key, Body: "x", IfNoneMatch: "*" }));
      const first = await put();
      return `${describeAnswer(first)}, ${describeAnswer(await put())}`;
    },
  },
  { question: "eight such PUTs at one time", ask: (world) => racePuts(world, 8) },
  {
    question: "PUT with `If-None-Match: *` over a delete marker",
    ask: async ({ owner, createKey }) => {
      const at = { Bucket: buckets.versions, Key: createKey() };
      await owner.send(new PutObjectCommand({ ...at, Body: "x" }));
      await owner.send(new DeleteObjectCommand(at));
      return describeAnswer(await owner.send(new PutObjectCommand({ ...at, Body: "y", IfNoneMatch: "*" })));
    },
  },
  {
    question: "completion with `If-None-Match: *` where nothing is",
    ask: async (world) =>
      describeAnswer(await complete(world, await startWithPart(world, world.createKey()), { IfNoneMatch: "*" })),
  },
  {
    question: "completion with `If-None-Match: *` where an object is, and what becomes of the upload",
    ask: async (world) => {
      const key = world.createKey();
      await world.owner.send(new PutObjectCommand({ Bucket, Key: key, Body: "first" }));
      const upload = await startWithPart(world, key);
      const answer = await complete(world, upload, { IfNoneMatch: "*" });
      return `${describeAnswer(answer)}, ${(await isOpen(world, upload)) ? "still open" : "gone"}`;
    },
  },
  { question: "four such completions at one time", ask: (world) => raceCompletions(world, 4) },
];
