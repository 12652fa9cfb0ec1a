import { describe, expect, it } from "vitest";
import type { StoreSettings } from "../../src/adapters/s3/client.ts";
import type { Log } from "../../src/ports.ts";
import { findUrlExpiry } from "../../src/snapshots/signed-url.ts";
import {
  absent,
  completed,
  created,
  head,
  refusal,
  startScriptedStore,
  type Script,
  type ScriptedAnswer,
} from "./scripted-store.ts";
import { readAll, rejectedCode, rejection } from "./snapshot-store-contract.ts";
import { openDuringTest, storeSettings } from "./test-store.ts";

async function open(script: Script, changes: Partial<StoreSettings> = {}) {
  const server = await startScriptedStore(script);
  const lines: string[] = [];
  const print = (line: string): void => void lines.push(line);
  const log: Log = { info: print, warning: print, debug: () => undefined, group: (_title, run) => run() };
  const limits = { storeConnectMs: 5_000, storeRequestMs: 5_000, storeTries: 1, ...changes.limits };
  return { store: openDuringTest(storeSettings(server.endpoint, { ...changes, limits }), { log }), server, lines };
}

const put: ScriptedAnswer = { status: 200, headers: { etag: '"feed"' } };
const part = { number: 1, etag: '"feed"' };
const upload = { key: "a.db", id: "upload-1" };
const expected = { sizeBytes: 4, metadata: { nonce: "aa" } };
const options = { contentType: "application/json", metadata: expected.metadata };

describe("field report 5: a store without conditional writes", () => {
  /** Refuses what carries the header; `taken`: somebody else's object is there. */
  const script =
    (answer: ScriptedAnswer, taken = false): Script =>
    ({ name, headers, count }) => {
      if (headers["if-none-match"] !== undefined) return answer;
      switch (name) {
        case "HeadObject":
          return taken ? head(4, { nonce: "bb" }) : count === 1 ? { status: 404 } : head(4, expected.metadata);
        case "GetObject":
          return taken ? refusal(403, "AccessDenied") : absent;
        case "PutObject":
          return put;
        default:
          return completed;
      }
    };

  it.each([
    ["501", refusal(501, "NotImplemented")],
    ["501 without a body", { status: 501 }],
    ["400", refusal(400, "NotImplemented")],
  ])("that answers %s gets a look, and the write without the header", async (_title, answer) => {
    const { store, server, lines } = await open(script(answer));
    await store.completeUpload(upload, [part], expected);
    const sent = server.requests.filter(({ name }) => name === "CompleteMultipartUpload");
    expect(sent.map(({ headers }) => headers["if-none-match"])).toStrictEqual(["*", undefined]);
    expect(lines.join("\n")).toContain("no If-None-Match");
  });

  it.each([
    ["501", refusal(501, "NotImplemented")],
    ["400", refusal(400, "NotImplemented")],
  ])("that answers %s to the record", async (_title, answer) => {
    const { store, server } = await open(script(answer));
    await store.putNewObject("a.json", Buffer.from("mine"), options);
    expect(server.names().filter((name) => name === "PutObject")).toHaveLength(2);
    // The second object is not tried with the header again.
    const before = server.requests.length;
    await rejection(store.putNewObject("b.json", Buffer.from("mine"), { ...options, metadata: { nonce: "cc" } }));
    expect(server.requests.slice(before).every(({ headers }) => headers["if-none-match"] === undefined)).toBe(true);
  });

  it.each([
    ["501", refusal(501, "NotImplemented")],
    ["501 without a body", { status: 501 }],
    ["400", refusal(400, "NotImplemented")],
  ])("that answers %s is known by the trial of preflight, and told", async (_title, answer) => {
    const { store, server, lines } = await open(({ name, headers }) => {
      if (name === "CompleteMultipartUpload")
        return headers["if-none-match"] === undefined ? refusal(400, "InvalidPart") : answer;
      return name === "PutObject" ? put : absent;
    });
    await store.rehearseCompletion(upload);
    expect(lines).toStrictEqual([expect.stringContaining("no If-None-Match")]);
    await store.putNewObject("a.json", Buffer.from("mine"), options);
    const written = server.requests.find(({ name }) => name === "PutObject");
    expect(written?.headers).not.toHaveProperty("if-none-match");
    expect(lines).toHaveLength(1);
  });

  it.each([
    ["a part that is not there", refusal(400, "InvalidPart")],
    ["a part without a checksum", refusal(400, "InvalidRequest")],
    ["an upload without parts", refusal(404, "NoSuchUpload")],
    ["a condition that it gets wrong", refusal(412, "PreconditionFailed")],
    ["an error of its own", refusal(500, "InternalError")],
  ])("a trial that is refused for %s leaves the condition on", async (_title, answer) => {
    const { store, server, lines } = await open(({ name }) => (name === "PutObject" ? put : answer));
    await store.rehearseCompletion(upload);
    expect(lines).toStrictEqual([]);
    await store.putNewObject("a.json", Buffer.from("mine"), options);
    expect(server.requests.at(-1)?.headers["if-none-match"]).toBe("*");
  });

  it.each<[string, ScriptedAnswer, string]>([
    ["a user who may start uploads alone", refusal(403, "AccessDenied"), "store-access-denied"],
    ["a session that has just ended", refusal(400, "ExpiredToken"), "store-credentials-expired"],
    ["a store that knows no completion", refusal(501, "NotImplemented"), "store-refused"],
  ])("the trial finds %s", async (_title, answer, code) => {
    const { store } = await open(() => answer);
    expect(await rejectedCode(store.rehearseCompletion(upload))).toBe(code);
  });

  it("a store that completes what it never got is told, and keeps no object of it", async () => {
    const { store, server, lines } = await open(({ name }) => (name === "DeleteObject" ? { status: 204 } : completed));
    await store.rehearseCompletion(upload);
    expect(server.names()).toStrictEqual(["CompleteMultipartUpload", "DeleteObject"]);
    expect(lines).toStrictEqual([expect.stringContaining("a part that it never got")]);
  });

  it("keeps another's object", async () => {
    const { store, server } = await open(script(refusal(501, "NotImplemented"), true));
    expect(await rejectedCode(store.putNewObject("a.json", Buffer.from("mine"), options))).toBe("object-exists");
    expect(server.names().filter((name) => name === "PutObject")).toHaveLength(1);
  });

  it("that refuses the write for another reason is not taken for one", async () => {
    const { store, lines } = await open(({ name }) =>
      name === "HeadObject" || name === "GetObject" ? absent : refusal(501, "NotImplemented"),
    );
    const failure = await rejection(store.putNewObject("a.json", Buffer.from("mine"), options));
    expect(failure.code).toBe("store-refused");
    expect(failure.hint).toContain("docs/s3-compatibility.md");
    expect(lines).toStrictEqual([]);
  });
});

describe("field report 8: the store's clock", () => {
  const away = (offsetMs: number): Script => {
    return ({ name }) => ({
      ...(name === "HeadObject" ? head(4, {}) : absent),
      headers: { ...head(4, {}).headers, date: new Date(Date.now() + offsetMs).toUTCString() },
    });
  };

  it.each([20, -20, 3])("%i min ahead: a signed URL begins and ends by it, with one warning", async (minutes) => {
    const { store, lines } = await open(away(minutes * 60_000));
    await store.findObject("a.db");
    await store.findObject("a.db");
    const ends = findUrlExpiry(await store.signUrl("a.db", { expiresInSeconds: 3600 }))?.getTime() ?? 0;
    expect(Math.abs(ends - Date.now() - minutes * 60_000 - 3_600_000)).toBeLessThan(30_000);
    expect(lines).toStrictEqual([expect.stringContaining("the clock of this runner is")]);
  });

  it("is not warned of within a minute", async () => {
    const { store, lines } = await open(away(30_000));
    await store.findObject("a.db");
    expect(lines).toStrictEqual([]);
  });

  it("is known to all views of the store", async () => {
    const { store } = await open(away(20 * 60_000));
    await store.withSignal(new AbortController().signal).findObject("a.db");
    const ends = findUrlExpiry(await store.signUrl("a.db", { expiresInSeconds: 60 }))?.getTime() ?? 0;
    expect(ends - Date.now()).toBeGreaterThan(15 * 60_000);
  });

  it.each([
    ["RequestTimeTooSkewed", /clock of the runner/],
    ["ExpiredToken", /clock of the runner/],
    ["AccessDenied", /s3:GetObject .*clock of the runner/],
    ["InvalidAccessKeyId", /presign-access-key-id/],
    ["AuthorizationHeaderMalformed", /s3-region/],
  ])("a URL that is refused as %s has a reason of its own", async (code, hint) => {
    const { store, server } = await open(() => refusal(403, code));
    const failure = await rejection(store.tryUrl(`${server.endpoint}/backups/a.db?X-Amz-Signature=x`));
    expect(failure.hint).toMatch(hint);
  });
});

describe("promise 13: a store that never ends", () => {
  const xml = (body: string): ScriptedAnswer => ({ status: 200, headers: { "content-type": "application/xml" }, body });
  const objects = (token: string) =>
    xml(
      `<ListBucketResult><Name>backups</Name><IsTruncated>true</IsTruncated><NextContinuationToken>${token}</NextContinuationToken></ListBucketResult>`,
    );
  const uploads = (marker: string) =>
    xml(
      `<ListMultipartUploadsResult><Bucket>backups</Bucket><IsTruncated>true</IsTruncated><NextKeyMarker>${marker}</NextKeyMarker><NextUploadIdMarker>${marker}</NextUploadIdMarker></ListMultipartUploadsResult>`,
    );

  it.each<[string, Script, "listObjects" | "listUploads"]>([
    ["two tokens in turn", ({ count }) => objects(count % 2 === 0 ? "even" : "odd"), "listObjects"],
    ["one token", () => objects("same"), "listObjects"],
    ["a token for each page", ({ count }) => objects(String(count)), "listObjects"],
    ["two markers in turn", ({ count }) => uploads(count % 2 === 0 ? "even" : "odd"), "listUploads"],
    ["a marker for each page", ({ count }) => uploads(String(count)), "listUploads"],
  ])("a listing with %s is given up", async (_title, script, list) => {
    const { store } = await open(script, { limits: { storePages: 20 } });
    const failure = await rejection(store[list]("etcd/"));
    expect(failure.code).toBe("store-refused");
    expect(failure.message).toContain("does not end");
  });

  it.each<[string, ScriptedAnswer]>([
    ["an error of blanks, now and then", { status: 403, body: " ", dripMs: 50 }],
    ["an error that is larger than any", { status: 403, body: Buffer.alloc(64 * 1024), dripMs: 1 }],
    ["a list that is larger than any", { status: 200, body: Buffer.alloc(64 * 1024), dripMs: 1 }],
  ])("%s is given up", async (_title, answer) => {
    const { store } = await open(() => answer, { limits: { storeAnswerMs: 500, storeAnswerMaxBytes: 256 * 1024 } });
    const failure = await rejection(store.listObjects("etcd/"));
    expect(failure.code).toMatch(/^store-(unreachable|refused)$/);
  });

  it("an object that comes a byte now and then is given up, and the line is named", async () => {
    const { store } = await open(
      () => ({ status: 200, headers: { "content-length": "1000000" }, body: "x", dripMs: 50 }),
      {
        limits: { storeRateWindowMs: 300 },
      },
    );
    const failure = await rejection(readAll(store.readObject("a.db")));
    expect(failure.code).toBe("store-unreachable");
    expect(failure.message).toContain("too slowly");
    expect(failure.hint).toContain("too slow");
  });

  it("field report 12: an object that comes slowly, but not too slowly, is read", async () => {
    // A machine that stands still for a second is not too slow.
    const body = Buffer.alloc(64 * 1024);
    const { store } = await open(
      () => ({ status: 200, headers: { "content-length": String(20 * body.length) }, body, dripMs: 50 }),
      { limits: { storeRateWindowMs: 200 } },
    );
    expect(await readAll(store.readObject("a.db"))).toHaveLength(20 * body.length);
  });
});

describe("encryption that is asked for", () => {
  const encryption = { serverSideEncryption: "aws:kms", kmsKeyId: "alias/backups" } as const;
  const asked = {
    "x-amz-server-side-encryption": "aws:kms",
    "x-amz-server-side-encryption-aws-kms-key-id": "alias/backups",
  };

  it("goes with each object, and with no part", async () => {
    const { store, server } = await open(
      ({ name }) =>
        name === "CreateMultipartUpload"
          ? { ...created, headers: { ...created.headers, "x-amz-server-side-encryption": "aws:kms" } }
          : put,
      encryption,
    );
    await store.startUpload("a.db", {});
    await store.uploadPart(upload, 1, Buffer.from("part"));
    await store.putNewObject("a.json", Buffer.from("mine"), options);
    const [create, sent, record] = server.requests.map(({ headers }) => headers);
    expect(create).toMatchObject(asked);
    expect(record).toMatchObject(asked);
    expect(sent).not.toHaveProperty("x-amz-server-side-encryption");
  });

  it("and that the store does not confirm is a warning", async () => {
    const { store, lines } = await open(() => created, encryption);
    await store.startUpload("a.db", {});
    await store.withSignal(new AbortController().signal).startUpload("b.db", {});
    expect(lines).toStrictEqual([expect.stringContaining("does not confirm s3-server-side-encryption: aws:kms")]);
  });

  it.each([
    ["RADOS gateway, which has no key server", refusal(400, "InvalidArgument")],
    ["a store that knows AES256 alone", refusal(400, "InvalidEncryptionAlgorithmError")],
    ["a key that is disabled", refusal(400, "KMS.DisabledException")],
    ["a store that knows none", refusal(501, "NotImplemented")],
  ])("and that is refused by %s is named by its input", async (_title, answer) => {
    const { store } = await open(() => answer, encryption);
    const failure = await rejection(store.startUpload("a.db", {}));
    expect([failure.code, failure.hint]).toStrictEqual([
      "store-refused",
      expect.stringMatching(/s3-server-side-encryption|s3-kms-key-id/),
    ]);
  });

  it("is not blamed for what is refused of a part", async () => {
    const { store } = await open(() => refusal(400, "InvalidArgument"), encryption);
    expect((await rejection(store.uploadPart(upload, 1, Buffer.from("part")))).hint).toBeUndefined();
  });
});
