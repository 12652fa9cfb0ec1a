import { createHash } from "node:crypto";
import { GetObjectCommand, ListObjectsV2Command, PutObjectCommand } from "@aws-sdk/client-s3";
import { getSignedUrl } from "@aws-sdk/s3-request-presigner";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Account } from "../object-store/accounts.ts";
import {
  admin,
  createTestWorld,
  findElement,
  owner,
  refusalOf,
  type Tap,
  type TestWorld,
} from "./object-store-clients.ts";

const minuteMs = 60_000;
const temporary: Account = { ...admin, accessKeyId: "ASIATEMPORARY", sessionToken: "token/with+signs==" };
const ended: Account = { ...temporary, accessKeyId: "ASIAENDED", expiresAt: new Date(Date.now() - minuteMs) };
let world: TestWorld;
beforeAll(async () => {
  world = await createTestWorld({
    buckets: [
      { name: "plain", region: "us-east-1", owner },
      { name: "far", region: "eu-west-1", owner },
    ],
    accounts: [admin, temporary, ended],
  });
  await world.store.seedObject("plain", "there", "content");
});
afterAll(() => world.close());

const put = (body: string | Uint8Array = "x", key = "new") =>
  new PutObjectCommand({ Bucket: "plain", Key: key, Body: body });

describe("a signature in the header", () => {
  const signed: Record<string, { account?: Account; region?: string; bucket?: string; key?: string }> = {
    "of a long-lived key": {},
    "of temporary credentials": { account: temporary },
    "for another region": { region: "eu-west-1", bucket: "far" },
    "of a key with signs": { key: "a b/ü+!*'()~&=?#%41:@,;$/.." },
  };
  test.each(Object.entries(signed))(
    "%s is right",
    async (_, { account = admin, region = "us-east-1", bucket = "plain", key = "k" }) => {
      const client = world.connect({ account, region });
      await client.send(new PutObjectCommand({ Bucket: bucket, Key: key, Body: "body", Metadata: { Nonce: "a  b" } }));
      expect(world.store.objects(bucket).find((object) => object.key === key)?.metadata).toEqual({ nonce: "a  b" });
      const listed = await client.send(new ListObjectsV2Command({ Bucket: bucket, Prefix: key, Delimiter: "é" }));
      expect(listed.Contents?.map(({ Key }) => Key)).toContain(key);
    },
  );

  interface Refused {
    readonly account?: Account;
    readonly region?: string;
    readonly tap?: Tap;
    readonly clockOffsetMs?: number;
    readonly expected: readonly [status: number, code: string];
  }
  const date = /(?<=Credential=[^/]*\/)\d{8}/;
  const refused: Record<string, Refused> = {
    "a wrong secret": {
      account: { ...admin, secretAccessKey: "wrong" },
      expected: [403, "SignatureDoesNotMatch"],
    },
    "an unknown key": { account: { ...admin, accessKeyId: "AKIANOBODY" }, expected: [403, "InvalidAccessKeyId"] },
    "temporary credentials without their token": {
      account: { ...admin, accessKeyId: temporary.accessKeyId },
      expected: [403, "InvalidAccessKeyId"],
    },
    "a wrong token": { account: { ...temporary, sessionToken: "other" }, expected: [400, "InvalidToken"] },
    "a token with a long-lived key": { account: { ...admin, sessionToken: "other" }, expected: [400, "InvalidToken"] },
    "an expired token": { account: ended, expected: [400, "ExpiredToken"] },
    "a clock that is 16 min slow": { clockOffsetMs: 16 * minuteMs, expected: [403, "RequestTimeTooSkewed"] },
    "a clock that is 16 min fast": { clockOffsetMs: -16 * minuteMs, expected: [403, "RequestTimeTooSkewed"] },
    "a wrong region": { region: "eu-west-1", expected: [400, "AuthorizationHeaderMalformed"] },
    "a scope of another day": {
      tap: ({ headers }) => (headers["authorization"] = (headers["authorization"] ?? "").replace(date, "20200101")),
      expected: [400, "AuthorizationHeaderMalformed"],
    },
    "a scope of another service": {
      tap: ({ headers }) => (headers["authorization"] = (headers["authorization"] ?? "").replace("/s3/", "/ec2/")),
      expected: [400, "AuthorizationHeaderMalformed"],
    },
    "no signature": { tap: ({ headers }) => delete headers["authorization"], expected: [403, "AccessDenied"] },
    "a signature of another kind": {
      tap: ({ headers }) => (headers["authorization"] = "AWS AKIAADMIN:c2lnbmF0dXJl"),
      expected: [400, "InvalidRequest"],
    },
    "no date": { tap: ({ headers }) => delete headers["x-amz-date"], expected: [403, "AccessDenied"] },
    "a changed header": {
      tap: ({ headers }) => (headers["x-amz-meta-nonce"] = "other"),
      expected: [403, "SignatureDoesNotMatch"],
    },
    "a changed path": { tap: (request) => (request.path = "/plain/other"), expected: [403, "SignatureDoesNotMatch"] },
    "a header that is not signed": {
      tap: ({ headers }) => (headers["x-amz-meta-more"] = "more"),
      expected: [403, "AccessDenied"],
    },
    "a body that is not the signed one": {
      tap: (request) => (request.body = Buffer.from("b0dy")),
      expected: [400, "XAmzContentSHA256Mismatch"],
    },
    "no hash of the body": {
      tap: ({ headers }) => delete headers["x-amz-content-sha256"],
      expected: [400, "InvalidRequest"],
    },
  };
  test.each(Object.entries(refused))(
    "with %s is refused",
    async (_, { tap, clockOffsetMs = 0, expected, ...options }) => {
      world.store.clockOffsetMs = clockOffsetMs;
      const client = world.connect({
        ...options,
        ...(tap ? { tap } : {}),
        requestChecksumCalculation: "WHEN_REQUIRED",
      });
      const command = new PutObjectCommand({ Bucket: "plain", Key: "new", Body: "body", Metadata: { nonce: "1" } });
      // Over https the SDK signs UNSIGNED-PAYLOAD unless it is asked for the hash.
      client.middlewareStack.add(
        (next) => (args) => {
          const { request } = args;
          if (typeof request === "object" && request !== null && "headers" in request)
            Object.assign(request.headers ?? {}, {
              "x-amz-content-sha256": createHash("sha256").update("body").digest("hex"),
            });
          return next(args);
        },
        { step: "build" },
      );
      const refusal = await refusalOf(client.send(command));
      world.store.clockOffsetMs = 0;
      expect([refusal.status, refusal.code]).toEqual(expected);
      expect(world.store.objects("plain").some(({ key }) => key === "new")).toBe(false);
      expect(world.store.requests.at(-1)).toMatchObject({ status: expected[0], errorCode: expected[1] });
    },
  );

  test("that does not match is answered with all that a leak could print", async () => {
    const client = world.connect({ account: { ...temporary, secretAccessKey: "wrong" } });
    const { error } = await refusalOf(client.send(put()));
    const text = JSON.stringify(error);
    expect(text).toContain("AWS4-HMAC-SHA256\\n");
    expect(text).toContain(`x-amz-security-token:${temporary.sessionToken ?? ""}`);
    expect(text).toContain(temporary.accessKeyId);
  });

  test("of curl is right, and refused with the body of S3 when its secret is wrong", async () => {
    const sign = (secret: string, body = "", ...args: string[]) =>
      world.curl(
        `${world.store.endpoint}/plain/there`,
        ...["--aws-sigv4", "aws:amz:us-east-1:s3", "--user", `AKIAADMIN:${secret}`, ...args],
        ...["--header", `x-amz-content-sha256: ${createHash("sha256").update(body).digest("hex")}`],
      );
    expect(await sign(admin.secretAccessKey)).toEqual({ status: 200, body: "content" });
    const refusal = await sign("wrong");
    expect(refusal.status).toBe(403);
    for (const name of [
      "StringToSign",
      "StringToSignBytes",
      "CanonicalRequest",
      "CanonicalRequestBytes",
      "SignatureProvided",
    ])
      expect(findElement(refusal.body, name), name).toBeTruthy();
    expect(await sign(admin.secretAccessKey, "x", "--request", "PUT", "--data-binary", "x")).toMatchObject({
      status: 200,
    });
  });
});

describe("a presigned URL", () => {
  const get = new GetObjectCommand({ Bucket: "plain", Key: "there", ExpectedBucketOwner: owner });
  const sign = (options: { account?: Account; expiresIn?: number; region?: string } = {}) =>
    getSignedUrl(world.connect(options), get, { expiresIn: options.expiresIn ?? 60 });

  test("is answered to curl, whole and in parts", async () => {
    await world.store.seedObject("plain", "there", "content");
    for (const url of [await sign(), await sign({ account: temporary })]) {
      expect(await world.curl(url)).toEqual({ status: 200, body: "content" });
      expect(await world.curl(url, "--header", "Range: bytes=0-0")).toEqual({ status: 206, body: "c" });
    }
    expect(world.store.requests.at(-1)).toMatchObject({
      operation: "GetObject",
      presigned: true,
      accessKeyId: "ASIATEMPORARY",
    });
  });

  test("of a part takes the right body only", async () => {
    const client = world.connect({ requestChecksumCalculation: "WHEN_REQUIRED" });
    const md5 = createHash("md5").update("body").digest("base64");
    const url = await getSignedUrl(client, new PutObjectCommand({ Bucket: "plain", Key: "by-url", ContentMD5: md5 }), {
      unhoistableHeaders: new Set(["content-md5"]),
    });
    const send = (body: string, sent = md5) =>
      world.curl(url, "--request", "PUT", "--data-binary", body, "--header", `Content-MD5: ${sent}`);
    expect(findElement((await send("b0dy")).body, "Code")).toBe("BadDigest");
    expect(findElement((await send("body", "AAAA")).body, "Code")).toMatch("SignatureDoesNotMatch");
    expect(await send("body")).toMatchObject({ status: 200 });
  });

  const changes: Record<string, [change: (url: string) => string, status: number, code: string, args?: string[]]> = {
    "another key": [(url) => url.replace("/there", "/their"), 403, "SignatureDoesNotMatch"],
    "a longer life": [(url) => url.replace("Expires=60", "Expires=600"), 403, "SignatureDoesNotMatch"],
    "a life of more than a week": [
      (url) => url.replace("Expires=60", "Expires=604801"),
      400,
      "AuthorizationQueryParametersError",
    ],
    "no life": [(url) => url.replace("&X-Amz-Expires=60", ""), 400, "AuthorizationQueryParametersError"],
    "no signature": [(url) => url.replace(/&X-Amz-Signature=\w+/, ""), 400, "AuthorizationQueryParametersError"],
    "another owner": [(url) => url.replace(owner, "999999999999"), 403, "SignatureDoesNotMatch"],
    "a header more": [(url) => url, 403, "AccessDenied", ["--header", "x-amz-request-payer: requester"]],
    "a header for signatures": [(url) => url, 400, "InvalidArgument", ["--header", "Authorization: Basic eDp5"]],
    "another method": [(url) => url, 403, "SignatureDoesNotMatch", ["--request", "DELETE"]],
  };
  test.each(Object.entries(changes))("with %s is refused", async (_, [change, status, code, args = []]) => {
    const answer = await world.curl(change(await sign()), ...args);
    expect([answer.status, findElement(answer.body, "Code")]).toEqual([status, code]);
  });

  test("is refused after its time, before it, and after the credentials' time", async () => {
    const url = await sign();
    const messages: string[] = [];
    for (const offsetMs of [0.9 * minuteMs, 2 * minuteMs, -20 * minuteMs]) {
      world.store.clockOffsetMs = offsetMs;
      const { status, body } = await world.curl(url);
      messages.push(`${status} ${findElement(body, "Message") ?? ""}`);
    }
    world.store.clockOffsetMs = 0;
    expect(messages).toEqual(["200 ", "403 Request has expired", "403 Request is not yet valid"]);
    expect(findElement((await world.curl(await sign({ account: ended }))).body, "Code")).toBe("ExpiredToken");
  });

  test("of another region names the right one", async () => {
    const { status, body } = await world.curl(await sign({ region: "eu-central-1" }));
    expect([status, findElement(body, "Code"), findElement(body, "Region")]).toEqual([
      400,
      "AuthorizationQueryParametersError",
      "us-east-1",
    ]);
  });

  test("for GET is no URL for HEAD", async () => {
    expect(await world.curl(await sign(), "--head")).toMatchObject({ status: 403 });
  });
});
