import {
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  GetObjectCommand,
  PutObjectCommand,
  UploadPartCommand,
  type S3Client,
} from "@aws-sdk/client-s3";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { Fault } from "../object-store/faults.ts";
import { createTestWorld, refusalOf, type TestWorld } from "./object-store-clients.ts";

const Bucket = "plain";
const patience = { timeout: 60_000 };
let world: TestWorld;
let client: S3Client;
beforeEach(async () => {
  world = await createTestWorld();
  client = world.connect();
});
afterEach(() => world.close());

const put = (Key = "k", signal?: AbortSignal) =>
  client.send(new PutObjectCommand({ Bucket, Key, Body: "0123456789" }), signal ? { abortSignal: signal } : {});
const read = async () => (await client.send(new GetObjectCommand({ Bucket, Key: "k" }))).Body?.transformToString();

test("an answer in place of the effect has its status, code and headers", async () => {
  const fault: Fault = {
    on: "PutObject",
    key: /^k/,
    nth: 2,
    times: 1,
    action: { kind: "answer", status: 503, code: "SlowDown", headers: { "Retry-After": "7" } },
  };
  world.store.faults.add(fault);
  await put("k1");
  await put("other");
  const refusal = await refusalOf(put("k2"));
  expect(refusal).toMatchObject({ status: 503, code: "SlowDown" });
  expect(refusal.error).toMatchObject({ $response: { headers: { "retry-after": "7" } } });
  await put("k3");
  expect(world.store.objects(Bucket).map(({ key }) => key)).toEqual(["k1", "k3", "other"]);
  expect(world.store.faults.fired(fault)).toBe(1);
  expect(world.store.requests.map(({ fault: hit, errorCode }) => [hit, errorCode])).toContainEqual([
    "answer",
    "SlowDown",
  ]);
});

test.each([
  [{ kind: "reset", when: "before" }, false],
  [{ kind: "reset", when: "after" }, true],
  [{ kind: "answer", status: 500, code: "InternalError", when: "before" }, false],
  [{ kind: "answer", status: 500, code: "InternalError", when: "after" }, true],
] satisfies [Fault["action"], boolean][])("%j leaves an object: %s", async (action, effect) => {
  world.store.faults.add({ on: "PutObject", times: "always", action });
  const { code } = await refusalOf(put());
  expect(code).toBe(action.kind === "reset" ? "TimeoutError" : "InternalError");
  await refusalOf(put());
  expect(world.store.objects(Bucket)).toHaveLength(effect ? 1 : 0);
  world.store.faults.clear();
  await put();
});

test.each(["before", "after"] as const)("a request that hangs %s its effect ends with its client", async (when) => {
  world.store.faults.add({ on: "*", times: 1, action: { kind: "hang", when } });
  const leaving = new AbortController();
  const refused = refusalOf(put("k", leaving.signal));
  await expect
    .poll(() => [world.store.requests[0]?.fault, world.store.objects(Bucket).length], patience)
    .toEqual(["hang", when === "after" ? 1 : 0]);
  leaving.abort();
  expect((await refused).code).toBe("AbortError");
  const entry = await world.store.waitForRequest(({ endedMs }) => endedMs !== undefined);
  expect(entry).toMatchObject({ fault: "hang", status: undefined });
  expect(world.store.objects(Bucket)).toHaveLength(when === "after" ? 1 : 0);
});

test("an error under status 200 completes nothing", async () => {
  world.store.faults.add({
    on: ["CompleteMultipartUpload"],
    times: 1,
    action: { kind: "error-in-200", code: "InternalError" },
  });
  const at = { Bucket, Key: "k" };
  const { UploadId } = await client.send(new CreateMultipartUploadCommand({ ...at, ChecksumAlgorithm: "CRC32" }));
  const { ETag, ChecksumCRC32 } = await client.send(
    new UploadPartCommand({ ...at, UploadId, PartNumber: 1, Body: "x" }),
  );
  const MultipartUpload = { Parts: [{ PartNumber: 1, ETag, ChecksumCRC32 }] };
  const complete = () => client.send(new CompleteMultipartUploadCommand({ ...at, UploadId, MultipartUpload }));
  expect((await refusalOf(complete())).code).toBe("InternalError");
  expect(world.store.objects(Bucket)).toEqual([]);
  await complete();
});

test("damage is done to what was written, read, or just there", async () => {
  world.store.faults.add({ on: "PutObject", times: 1, action: { kind: "flip-byte", offset: 9 } });
  await put();
  const plain = world.connect({ responseChecksumValidation: "WHEN_REQUIRED" });
  const readAnyway = async () =>
    (await plain.send(new GetObjectCommand({ Bucket, Key: "k" }))).Body?.transformToString();
  expect(await readAnyway()).toBe("0123456788");
  // The SDK compares with the checksum that the store was given.
  expect((await refusalOf(read())).error).toMatchObject({ message: expect.stringContaining("hecksum") as unknown });
  world.store.faults.add({ on: "GetObject", times: 1, action: { kind: "truncate", sizeBytes: 4 } });
  expect(await readAnyway()).toBe("0123");
  await world.store.tamper(Bucket, "k", { kind: "flip-byte", offset: 0 });
  expect(await readAnyway()).toBe("1123");
  expect(world.store.objects(Bucket)[0]?.sizeBytes).toBe(4);
});

test("a part is damaged after its ETag was made", async () => {
  world.store.faults.add({ on: "UploadPart", times: 1, action: { kind: "flip-byte", offset: 0 } });
  const at = { Bucket, Key: "k" };
  const { UploadId } = await client.send(new CreateMultipartUploadCommand({ ...at, ChecksumAlgorithm: "CRC32" }));
  const { ETag, ChecksumCRC32 } = await client.send(
    new UploadPartCommand({ ...at, UploadId, PartNumber: 1, Body: "0" }),
  );
  const MultipartUpload = { Parts: [{ PartNumber: 1, ETag, ChecksumCRC32 }] };
  await client.send(new CompleteMultipartUploadCommand({ ...at, UploadId, MultipartUpload }));
  expect((await world.store.readObject(Bucket, "k")).toString()).toBe("1");
});

test("a body is slow, or cut", async () => {
  await world.store.seedObject(Bucket, "k", "0123456789");
  world.store.faults.add({ on: "*", times: 2, action: { kind: "slow-body", bytesPerSecond: 50 } });
  const startedMs = Date.now();
  expect(await read()).toBe("0123456789");
  await put();
  expect(Date.now() - startedMs).toBeGreaterThan(350);
  world.store.faults.add({ on: "GetObject", times: 1, action: { kind: "cut-body", afterBytes: 3 } });
  await refusalOf(read());
  const entry = await world.store.waitForRequest(({ fault, endedMs }) => fault === "cut-body" && endedMs !== undefined);
  expect(entry).toMatchObject({ status: 200, sentBytes: 3 });
});

test("a client that goes away when it has sent all of a slow body is no defect of the store", async () => {
  const slow = { kind: "slow-body" as const, bytesPerSecond: 18_000 };
  world.store.faults.add({ on: "PutObject", times: 2, action: slow });
  // More than one read of a socket, and little enough for the rest to be buffered.
  const Body = Buffer.alloc(180_000);
  const leaving = new AbortController();
  const cut = refusalOf(
    client.send(new PutObjectCommand({ Bucket, Key: "cut", Body }), { abortSignal: leaving.signal }),
  );
  await expect.poll(() => world.store.requests[0]?.receivedBytes, patience).toBeGreaterThan(0);
  leaving.abort();
  expect((await cut).code).toBe("AbortError");
  slow.bytesPerSecond = 180_000;
  const entry = await world.store.waitForRequest(({ endedMs }) => endedMs !== undefined);
  // As slow: when it is there, the store has come to the end of the first.
  await client.send(new PutObjectCommand({ Bucket, Key: "whole", Body }));
  expect(entry).toMatchObject({ status: undefined, errorCode: undefined });
  expect(world.store.objects(Bucket).map(({ key }) => key)).toEqual(["whole"]);
});

test("a request that is refused for its signature uses up no fault", async () => {
  const fault: Fault = { on: "*", times: 1, action: { kind: "reset", when: "before" } };
  world.store.faults.add(fault);
  const stranger = world.connect({ account: { accessKeyId: "AKIANOBODY", secretAccessKey: "x", actions: [] } });
  expect((await refusalOf(stranger.send(new GetObjectCommand({ Bucket, Key: "k" })))).status).toBe(403);
  expect(world.store.faults.fired(fault)).toBe(0);
});
