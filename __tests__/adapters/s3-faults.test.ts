import { createHash } from "node:crypto";
import { describe, expect, it, vi } from "vitest";
import type { StoreSettings } from "../../src/adapters/s3/client.ts";
import type { ErrorCode } from "../../src/errors.ts";
import { resolveSnapshot } from "../../src/snapshots/latest.ts";
import { removeOwn } from "../../src/snapshots/removal.ts";
import { createMemoryLog } from "../unit/restore/expectations.ts";
import { createFolder, folder, runNameAt } from "../unit/snapshots/folder.ts";
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

const limits = { storeConnectMs: 1_000, storeRequestMs: 5_000, storeTries: 3 };

async function connect(script: Script, changes: Partial<StoreSettings> = {}) {
  const server = await startScriptedStore(script);
  return { server, store: openDuringTest(storeSettings(server.endpoint, { limits, ...changes })) };
}

const nonce = { nonce: "0123456789abcdef" };
const upload = { key: "a.db", id: "upload-1" };
const parts = [{ number: 1, etag: '"p"' }];
const expected = { sizeBytes: 4, metadata: nonce };
const record = { contentType: "application/json", metadata: nonce };

describe("completing an upload", () => {
  const cases: readonly (readonly [string, Script, ErrorCode | "ours", readonly string[]])[] = [
    [
      "an error in a 200, then success",
      ({ name, count }) =>
        name === "HeadObject"
          ? head(4, nonce)
          : count === 1
            ? { ...refusal(500, "InternalError"), status: 200 }
            : completed,
      "ours",
      ["CompleteMultipartUpload", "CompleteMultipartUpload", "HeadObject"],
    ],
    [
      "a lost answer, then no such upload, and the object is this one",
      ({ name, count }) =>
        name === "HeadObject" ? head(4, nonce) : count === 1 ? "cut" : refusal(404, "NoSuchUpload"),
      "ours",
      ["CompleteMultipartUpload", "CompleteMultipartUpload", "HeadObject"],
    ],
    [
      "412 for an object that is this one",
      ({ name }) => (name === "HeadObject" ? head(4, nonce) : refusal(412, "PreconditionFailed")),
      "ours",
      ["CompleteMultipartUpload", "HeadObject"],
    ],
    [
      "412 for someone else's object: the upload is aborted",
      ({ name }) =>
        name === "HeadObject"
          ? head(4, { nonce: "other" })
          : name === "AbortMultipartUpload"
            ? { status: 204 }
            : refusal(412, "PreconditionFailed"),
      "object-exists",
      ["CompleteMultipartUpload", "HeadObject", "AbortMultipartUpload"],
    ],
    [
      "success, but the object has another length",
      ({ name }) => (name === "HeadObject" ? head(5, nonce) : completed),
      "proof-failed",
      ["CompleteMultipartUpload", "HeadObject"],
    ],
    [
      "success, but there is no object",
      ({ name }) => (name === "CompleteMultipartUpload" ? completed : absent),
      "store-refused",
      // Looked at twice, since a look whose answer was lost is a failure as well.
      ["CompleteMultipartUpload", "HeadObject", "GetObject", "HeadObject", "GetObject"],
    ],
    [
      "no such upload and no object",
      ({ name }) => (name === "CompleteMultipartUpload" ? refusal(404, "NoSuchUpload") : absent),
      "store-refused",
      ["CompleteMultipartUpload", "HeadObject", "GetObject"],
    ],
    [
      "cut for ever, and no object",
      ({ name }) => (name === "CompleteMultipartUpload" ? "cut" : absent),
      "store-unreachable",
      ["CompleteMultipartUpload", "CompleteMultipartUpload", "CompleteMultipartUpload", "HeadObject", "GetObject"],
    ],
    [
      "expired credentials, for the look as well",
      () => refusal(400, "ExpiredToken"),
      "store-credentials-expired",
      ["CompleteMultipartUpload", "HeadObject", "GetObject"],
    ],
  ];
  it.each(cases)("%s", async (_title, script, outcome, names) => {
    const { server, store } = await connect(script);
    const done = store.completeUpload(upload, parts, expected);
    if (outcome === "ours") expect(await done).toEqual(expected);
    else expect(await rejectedCode(done)).toBe(outcome);
    expect(server.names()).toEqual(names);
    expect(server.requests[0]?.headers["if-none-match"]).toBe("*");
  });
});

it("an object without a nonce is nobody's, so it is never taken for this run's", async () => {
  const { store } = await connect(({ name }) =>
    name === "HeadObject" ? head(4, {}) : name === "AbortMultipartUpload" ? { status: 404 } : refusal(412, "X"),
  );
  const done = store.completeUpload(upload, parts, { sizeBytes: 4, metadata: {} });
  expect(await rejectedCode(done)).toBe("object-exists");
});

describe("writing a record", () => {
  it.each([
    ["the same object", head(4, nonce), "mine", "ours"],
    ["the same nonce with other bytes", head(4, nonce), "mime", "object-exists"],
    ["another nonce", head(4, { nonce: "other" }), "mine", "object-exists"],
  ])("after a lost answer finds %s", async (_title, look, body, outcome) => {
    const { server, store } = await connect(({ name, count }) => {
      if (name === "HeadObject") return look;
      if (name === "GetObject") return { status: 200, headers: { etag: '"feed"' }, body };
      return count === 1 ? "cut" : refusal(412, "PreconditionFailed");
    });
    const done = store.putNewObject("a.json", Buffer.from("mine"), record);
    if (outcome === "ours") await done;
    else expect(await rejectedCode(done)).toBe(outcome);
    expect(server.requests[0]?.headers["if-none-match"]).toBe("*");
  });

  it("is tried again after a conflict", async () => {
    const { server, store } = await connect(({ count }) =>
      count === 1 ? refusal(409, "ConditionalRequestConflict") : { status: 200, headers: { "x-amz-version-id": "v7" } },
    );
    expect(await store.putNewObject("a.json", Buffer.from("mine"), record)).toEqual({ versionId: "v7" });
    expect(server.names()).toEqual(["PutObject", "PutObject"]);
  });
});

describe("uploading a part", () => {
  const stored = { status: 200, headers: { etag: '"e"' } };

  it("sends the buffer as it is, its SHA-256 signed, and again when it was damaged or cut", async () => {
    const { server, store } = await connect(({ count }) =>
      count === 1 ? refusal(400, "XAmzContentSHA256Mismatch") : count === 2 ? "cut" : stored,
    );
    const body = Buffer.alloc(3_000_000, "x");
    expect(await store.uploadPart(upload, 3, body)).toEqual({ number: 3, etag: '"e"' });
    expect(server.names()).toEqual(["UploadPart", "UploadPart", "UploadPart"]);
    for (const request of server.requests) {
      expect(request.body.equals(body)).toBe(true);
      expect(request.headers["content-md5"]).toBeUndefined();
      expect(request.headers["x-amz-content-sha256"]).toBe(createHash("sha256").update(body).digest("hex"));
      expect(Object.keys(request.headers).filter((name) => /checksum|trailer|expect/.test(name))).toEqual([]);
    }
  });

  it.each(["InvalidRequest", "MissingContentMD5"])(
    "sends each part with its MD5 once a store has asked for it by %s, as one with Object Lock does",
    async (name) => {
      const { server, store } = await connect(({ headers }) =>
        headers["content-md5"] === undefined ? refusal(400, name) : stored,
      );
      const bodies = [Buffer.from("one"), Buffer.from("two")];
      for (const [index, body] of bodies.entries()) await store.uploadPart(upload, index + 1, body);
      expect(server.requests.map(({ headers }) => headers["content-md5"])).toEqual([
        undefined,
        ...bodies.map((body) => createHash("md5").update(body).digest("base64")),
      ]);
    },
  );

  it("is refused where the store refuses it with its MD5 as well", async () => {
    const { server, store } = await connect(() => refusal(400, "InvalidRequest"));
    expect(await rejectedCode(store.uploadPart(upload, 1, Buffer.from("x")))).toBe("store-refused");
    expect(server.requests).toHaveLength(2);
  });

  it("waits when the store asks for it", async () => {
    const { store } = await connect(({ count }) =>
      count === 1 ? { ...refusal(503, "SlowDown"), headers: { "retry-after": "1" } } : stored,
    );
    const started = Date.now();
    await store.uploadPart(upload, 1, Buffer.from("x"));
    expect(Date.now() - started).toBeGreaterThan(900);
  });

  it("gives up with a name after the last try", async () => {
    const { server, store } = await connect(() => refusal(503, "SlowDown"));
    const refused = await rejection(store.uploadPart(upload, 1, Buffer.from("x")));
    expect(refused.code).toBe("store-unreachable");
    expect(refused.message).toContain("503 SlowDown");
    expect(server.names()).toHaveLength(limits.storeTries);
  });

  it("names the checksum at creation and repeats each part's at completion, where checksums are wanted", async () => {
    const { server, store } = await connect(
      ({ name }) =>
        name === "CreateMultipartUpload"
          ? created
          : name === "UploadPart"
            ? stored
            : name === "HeadObject"
              ? head(9, nonce)
              : completed,
      { checksums: "when-supported" },
    );
    const open = await store.startUpload("a.db", nonce);
    const part = await store.uploadPart(open, 1, Buffer.from("123456789"));
    // The check value of CRC-32 in every catalogue: CBF43926.
    expect(part.checksum).toBe(Buffer.from("cbf43926", "hex").toString("base64"));
    await store.completeUpload(open, [part], { sizeBytes: 9, metadata: nonce });
    const [create, sent, complete] = server.requests;
    expect(create?.headers["x-amz-checksum-algorithm"]).toBe("CRC32");
    expect(create?.headers["x-amz-meta-nonce"]).toBe(nonce.nonce);
    expect(sent?.headers["x-amz-checksum-crc32"]).toBe(part.checksum);
    expect(complete?.body.toString()).toContain(`<ChecksumCRC32>${part.checksum ?? ""}</ChecksumCRC32>`);
  });
});

describe("reading an object", () => {
  const body = Buffer.from("0123456789".repeat(1000));
  const whole = { status: 200, headers: { etag: '"e1"' }, body };
  const rest = (range: string | undefined) => {
    const from = Number(/^bytes=(\d+)-$/.exec(range ?? "")?.[1]);
    const headers = { etag: '"e1"', "content-range": `bytes ${from}-${body.byteLength - 1}/${body.byteLength}` };
    return { status: 206, headers, body: body.subarray(from) };
  };

  it.each([
    ["cut", { ...whole, cutAt: 6000 }],
    ["silent", { ...whole, stallAt: 6000 }],
  ])("goes on where a %s connection stopped, in the same object", async (_title, first) => {
    const { server, store } = await connect(
      ({ count, headers }) =>
        count === 1 ? first : count === 2 ? { ...rest(headers.range), cutAt: 10 } : rest(headers.range),
      { limits: { ...limits, storeRequestMs: 5_000 } },
    );
    expect((await readAll(store.readObject("a.db"))).equals(body)).toBe(true);
    expect(server.requests.map((request) => request.headers.range)).toEqual([undefined, "bytes=6000-", "bytes=6010-"]);
    expect(server.requests[1]?.headers["if-match"]).toBe('"e1"');
  });

  it.each([
    ["the object changed meanwhile", refusal(412, "PreconditionFailed"), "store-refused"],
    ["the rest cannot be had", whole, "store-refused"],
    ["the object is gone", absent, "object-not-found"],
    ["every connection is cut", "cut", "store-unreachable"],
  ] as const)("fails when %s", async (_title, second, code) => {
    const { store } = await connect(({ count }) => (count === 1 ? { ...whole, cutAt: 10 } : second));
    expect(await rejectedCode(readAll(store.readObject("a.db")))).toBe(code);
  });

  it("ends when the run is cancelled", async () => {
    const { store } = await connect(() => ({ ...whole, stallAt: 10 }));
    const controller = new AbortController();
    setTimeout(() => {
      controller.abort();
    }, 100);
    expect(await rejectedCode(readAll(store.withSignal(controller.signal).readObject("a.db")))).toBe("cancelled");
  });

  it("can be left early", async () => {
    const { store } = await connect(() => ({ ...whole, stallAt: 10 }));
    for await (const chunk of store.readObject("a.db")) {
      expect(chunk.byteLength).toBe(10);
      break;
    }
  });
});

describe("listing open uploads", () => {
  const page = (uploads: readonly string[], next?: string) => ({
    status: 200,
    headers: { "content-type": "application/xml" },
    body: `<?xml version="1.0"?><ListMultipartUploadsResult>${uploads
      .map((id) => `<Upload><Key>${id.startsWith("x") ? "b.db" : "a.db"}</Key><UploadId>${id}</UploadId></Upload>`)
      .join("")}<IsTruncated>${String(next !== undefined)}</IsTruncated>${
      next === undefined ? "" : `<NextKeyMarker>a.db</NextKeyMarker><NextUploadIdMarker>${next}</NextUploadIdMarker>`
    }</ListMultipartUploadsResult>`,
  });

  it("reads every page and keeps to the prefix", async () => {
    const { server, store } = await connect(({ count }) => (count === 1 ? page(["1", "2"], "2") : page(["3", "x4"])));
    expect(await store.listUploads("a.db")).toEqual(["1", "2", "3"].map((id) => ({ key: "a.db", id })));
    expect(server.requests[1]?.url.searchParams.get("upload-id-marker")).toBe("2");
  });

  it("is not whole when a page says that there are more, and not where", async () => {
    const { body, ...answer } = page(["1"], "1");
    const { store } = await connect(() => ({ ...answer, body: body.replace(/<Next.*Marker>/, "") }));
    expect(await rejection(store.listUploads("a.db"))).toMatchObject({
      code: "store-refused",
      message: expect.stringContaining("breaks off") as string,
    });
  });

  it("is given up when a page leads to itself, since nobody knows what it hides", async () => {
    const { store } = await connect(() => page(["1"], "1"));
    expect(await rejectedCode(store.listUploads("a.db"))).toBe("store-refused");
  });

  it("finds none where the store cannot list", async () => {
    const { store } = await connect(() => refusal(501, "NotImplemented"));
    expect(await store.listUploads("a.db")).toEqual([]);
  });
});

describe("listing objects", () => {
  const page = (keys: readonly string[], next?: string) => ({
    status: 200,
    headers: { "content-type": "application/xml" },
    body: `<?xml version="1.0"?><ListBucketResult>${keys
      .map(
        (key) =>
          `<Contents><Key>${key}</Key><Size>7</Size><LastModified>2026-11-24T12:00:00.000Z</LastModified></Contents>`,
      )
      .join("")}<IsTruncated>${String(next !== undefined)}</IsTruncated>${
      next === undefined ? "" : `<NextContinuationToken>${next}</NextContinuationToken>`
    }</ListBucketResult>`,
  });
  const modifiedAt = new Date("2026-11-24T12:00:00Z");

  it("reads every page and keeps to the prefix", async () => {
    const { server, store } = await connect(({ count }) => (count === 1 ? page(["p/a"], "t") : page(["p/b", "q/c"])));
    expect(await store.listObjects("p/")).toEqual(["p/a", "p/b"].map((key) => ({ key, sizeBytes: 7, modifiedAt })));
    expect(server.requests.map(({ url }) => url.searchParams.get("prefix"))).toEqual(["p/", "p/"]);
    expect(server.requests[1]?.url.searchParams.get("continuation-token")).toBe("t");
  });

  it("is not whole when a page says that there are more, and not where", async () => {
    const { store } = await connect(() => page(["p/a"], ""));
    expect(await rejectedCode(store.listObjects("p/"))).toBe("store-refused");
  });

  it("is given up when a page leads to itself, since nobody knows what it hides", async () => {
    const { store } = await connect(() => page(["p/a"], "t"));
    expect(await rejectedCode(store.listObjects("p/"))).toBe("store-refused");
  });

  it.each(["", "/", "p/../q/", "p//"])("asks nothing for the folder %j", async (prefix) => {
    const { server, store } = await connect(() => page([]));
    expect(await rejectedCode(store.listObjects(prefix))).toBe("input-invalid");
    expect(await rejectedCode(store.listUploads(prefix))).toBe("input-invalid");
    expect(server.requests).toEqual([]);
  });
});

describe("the newest snapshot of a cluster", () => {
  const [older, newer] = ["2026-11-23T02:00:00Z", "2026-11-24T02:00:00Z"];
  const newerRecord = `${runNameAt(newer)}.json`;

  async function latestFrom(answer: ScriptedAnswer) {
    const source = createFolder([{ time: older }, { time: newer }]);
    const objects = await source.listObjects(folder);
    const texts = await Promise.all(
      objects.map(async ({ key }) => {
        return [key, key.endsWith(".json") ? await readAll(source.readObject(key)) : ""] as const;
      }),
    );
    const contents = objects.map(
      ({ key, sizeBytes }) => `<Contents><Key>${key}</Key><Size>${String(sizeBytes)}</Size></Contents>`,
    );
    const { store } = await connect(({ name, url }) =>
      name === "GetObject"
        ? url.pathname.endsWith(newerRecord)
          ? answer
          : { status: 200, body: new Map(texts).get(url.pathname.replace("/backups/", "")) ?? "" }
        : {
            status: 200,
            headers: { "content-type": "application/xml", date: new Date("2026-11-25T12:00:00Z").toUTCString() },
            body: `<ListBucketResult><Name>backups</Name><IsTruncated>false</IsTruncated>${contents.join("")}</ListBucketResult>`,
          },
    );
    const latestOf = { prefix: "prod", namespace: "clusters", name: "tenant" };
    return resolveSnapshot({ latestOf }, store, { log: createMemoryLog() });
  }

  it.each([
    ...[refusal(503, "SlowDown"), refusal(500, "InternalError"), refusal(429, "TooManyRequests")],
    ...[refusal(400, "RequestTimeout"), refusal(400, "ThrottlingException"), refusal(400, "KMS.ThrottlingException")],
  ])("is not an older one where the store is in trouble, and does not give the newest record: %o", async (answer) => {
    expect(await rejectedCode(latestFrom(answer))).toBe("store-unreachable");
  });

  it("is not an older one where the newest record never comes whole", async () => {
    const cut = { status: 200, headers: { etag: '"e1"' }, body: "{".repeat(1000), cutAt: 10 };
    expect(await rejectedCode(latestFrom(cut))).toBe("store-refused");
  });

  it.each([refusal(403, "InvalidObjectState"), refusal(400, "KMS.DisabledException")])(
    "is the one before it where its record alone cannot be read: %o",
    async (answer) => {
      const { key } = await latestFrom(answer);
      expect(key).toContain(runNameAt(older));
    },
  );
});

describe("trying a signed URL", () => {
  const one = { status: 206, headers: { "content-range": "bytes 0-0/4711" }, body: "x" };

  it("asks without credentials, and again when the store is busy", async () => {
    const { server, store } = await connect(({ count }) => (count === 1 ? "cut" : count === 2 ? { status: 503 } : one));
    expect(await store.tryUrl(await store.signUrl("a.db", { expiresInSeconds: 60 }))).toBe(4711);
    expect(server.requests[0]?.headers.authorization).toBeUndefined();
    expect(server.requests[0]?.headers.range).toBe("bytes=0-0");
  });

  it.each([
    ["a redirect", { status: 307, headers: { location: "http://127.0.0.1:1/" } }, "307"],
    ["a refusal", refusal(403, "AccessDenied"), "403 AccessDenied"],
    ["a page of a proxy", { status: 200, body: "<html>log in</html>" }, "200"],
    ["a code that is none", refusal(400, "&#10;::error::"), "400"],
  ])("refuses %s", async (_title, answer, text) => {
    const { server, store } = await connect(() => answer);
    const refused = await rejection(store.tryUrl(`${server.endpoint}/backups/a.db?X-Amz-Signature=s3cret`));
    expect(refused.code).toBe("snapshot-url-rejected");
    expect(refused.message).toContain(`answered ${text} to`);
    expect(refused.message).not.toContain("s3cret");
    expect(server.names()).toHaveLength(1);
  });
});

describe("a server that is no S3 store", () => {
  const page = { headers: { "content-type": "text/html" }, body: "<html><body>default backend</body></html>" };
  const notThere: Script = () => ({ ...page, status: 404 });
  const welcome: Script = () => ({ ...page, status: 200 });

  it.each([
    ["404, which is not taken for an absent object", notThere],
    ["200, which is not taken for an object", welcome],
  ])("answers a look with %s", async (_, script) => {
    const { store } = await connect(script);
    expect(await rejection(store.findObject("a.db"))).toMatchObject({
      code: "store-refused",
      hint: expect.stringContaining("s3-endpoint") as string,
    });
  });

  it.each([
    ["404", notThere],
    ["200", welcome],
  ])("answers %s to a listing, which is not taken for an empty one", async (_, script) => {
    const { store } = await connect(script);
    expect(await rejectedCode(store.listObjects("clusters/"))).toBe("store-refused");
    expect(await rejectedCode(store.listUploads("clusters/"))).toBe("store-refused");
  });

  it.each([
    ["404", notThere],
    ["200", welcome],
  ])("answers %s to a removal, which is not taken for one", async (_, script) => {
    const { store } = await connect(script);
    expect(await rejectedCode(store.deleteObject("a.db"))).toBe("store-refused");
    expect(await rejectedCode(store.abortUpload(upload))).toBe("store-refused");
  });

  it("is none of those stores that call an answer without a body a page", async () => {
    const { store } = await connect(() => ({ ...page, status: 200, body: "" }));
    await store.deleteObject("a.db");
    await store.abortUpload(upload);
  });

  it("answers a look without a length, which is not taken for an empty object", async () => {
    const { store } = await connect(() => ({
      status: 200,
      headers: { etag: '"e"', "transfer-encoding": "chunked" },
    }));
    expect(await rejectedCode(store.findObject("a.db"))).toBe("store-refused");
  });

  it("answers for the record alone: a snapshot that has one is not removed", async () => {
    const { server, store } = await connect((request) =>
      request.url.pathname.endsWith(".json") ? notThere(request) : head(4, nonce),
    );
    vi.spyOn(store, "listUploads").mockResolvedValue([]);
    const run = { prefix: "", namespace: "clusters", name: "example", acquired: new Date(0), nonce: nonce.nonce };
    expect(await rejectedCode(removeOwn(store, "a.db", run))).toBe("store-refused");
    expect(server.names()).not.toContain("DeleteObject");
  });
});
