import { execFile } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import net, { type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import tls from "node:tls";
import { promisify } from "node:util";
import { afterEach, beforeAll, describe, expect, it, onTestFinished, vi } from "vitest";
import type { StoreSettings } from "../../src/adapters/s3/client.ts";
import type { ActionError } from "../../src/errors.ts";
import type { Log } from "../../src/ports.ts";
import { createCertificateAuthority, type CertificateAuthority } from "../world/certificates.ts";
import { startConnectProxy } from "./proxies.ts";
import { absent, head, refusal, startScriptedStore, type Script } from "./scripted-store.ts";
import { rejectedCode, rejection } from "./snapshot-store-contract.ts";
import { openDuringTest, storeSettings } from "./test-store.ts";

let authority: CertificateAuthority;

beforeAll(async () => {
  authority = await createCertificateAuthority("trusted");
  tls.setDefaultCACertificates([...tls.getCACertificates("default"), authority.certificate]);
});

afterEach(() => {
  vi.unstubAllEnvs();
});

const limits = { storeConnectMs: 10_000, storeRequestMs: 10_000, storeTries: 2 };
const credentials = { accessKeyId: "AKID", secretAccessKey: "s3cret" };

function settingsFor(endpoint: string, changes: Partial<StoreSettings> = {}): StoreSettings {
  return storeSettings(endpoint, { limits, ...changes });
}

function open(settings: StoreSettings, environment: Readonly<Record<string, string>> = {}) {
  return openDuringTest(settings, { environment });
}

async function serve(
  script: Script,
  options: { readonly tls?: boolean; readonly authority?: CertificateAuthority } = {},
) {
  const issuer = options.authority ?? authority;
  return startScriptedStore(
    script,
    options.tls === true
      ? await issuer.issue({ commonName: "store" }, { names: ["localhost", "127.0.0.1"] })
      : undefined,
  );
}

/** Says of every field of an error that a user sees that `secret` is not in it. */
function expectSilence(error: ActionError, ...secrets: readonly string[]): void {
  for (const secret of secrets) expect(`${error.message} ${error.hint ?? ""}`).not.toContain(secret);
}

describe("a refusal", () => {
  it.each([
    [refusal(403, "InvalidAccessKeyId"), "store-credentials-rejected", "s3-access-key-id"],
    [refusal(404, "XAdminUserNotFound"), "store-credentials-rejected", "s3-access-key-id"],
    [refusal(400, "InvalidToken"), "store-credentials-rejected", "s3-session-token"],
    [refusal(400, "ExpiredToken"), "store-credentials-expired", "role-duration-seconds"],
    [refusal(403, "RequestTimeTooSkewed"), "store-credentials-rejected", "clock"],
    [refusal(403, "AccessDenied"), "store-access-denied", "s3:PutObject"],
    [refusal(404, "NoSuchBucket"), "bucket-not-found", "s3-bucket"],
    [refusal(501, "NotImplemented"), "store-refused", "docs/s3-compatibility.md"],
    [
      { ...refusal(301, "PermanentRedirect"), headers: { "x-amz-bucket-region": "eu-west-1" } },
      "store-wrong-region",
      "s3-region: eu-west-1",
    ],
    [
      refusal(400, "AuthorizationHeaderMalformed", "<Region>eu-west-2</Region>"),
      "store-wrong-region",
      "s3-region: eu-west-2",
    ],
    [{ status: 403, body: "<html>blocked</html>" }, "store-access-denied", "s3:PutObject"],
  ] as const)("becomes a code and a hint (%#)", async (answer, code, hint) => {
    const server = await serve(() => answer);
    const refused = await rejection(open(settingsFor(server.endpoint)).startUpload("a.db", {}));
    expect([refused.code, refused.message]).toEqual([code, expect.stringContaining("s3://backups/a.db")]);
    expect(refused.hint).toContain(hint);
    expectSilence(refused, "secret words", "html", "undefined");
  });

  it("of a signature prints nothing of what was signed", async () => {
    const server = await serve(() =>
      refusal(
        403,
        "SignatureDoesNotMatch",
        "<StringToSign>t0ken</StringToSign><CanonicalRequest>t0ken</CanonicalRequest>",
      ),
    );
    const refused = await rejection(open(settingsFor(server.endpoint)).startUpload("a.db", {}));
    expect(refused.code).toBe("store-credentials-rejected");
    expect(refused.hint).toContain("s3-secret-access-key");
    expectSilence(refused, "t0ken", "secret words");
  });

  it("of a HEAD, which has no body, gets its reason by a GET", async () => {
    const server = await serve(({ name }) => (name === "HeadObject" ? { status: 400 } : refusal(400, "ExpiredToken")));
    expect(await rejectedCode(open(settingsFor(server.endpoint)).findObject("a.db"))).toBe("store-credentials-expired");
    expect(server.names()).toEqual(["HeadObject", "GetObject"]);
  });

  it("of a HEAD without s3:ListBucket says so", async () => {
    const server = await serve(({ name }) => (name === "HeadObject" ? { status: 403 } : refusal(403, "AccessDenied")));
    const refused = await rejection(open(settingsFor(server.endpoint)).findObject("a.db"));
    expect(refused.code).toBe("store-access-denied");
    expect(refused.hint).toContain("s3:ListBucket");
  });
});

describe("a store that cannot be reached", () => {
  it("is named with the reason", async () => {
    const server = net.createServer();
    await once(server.listen(0, "127.0.0.1"), "listening");
    const { port } = server.address() as AddressInfo;
    await new Promise((resolve) => server.close(resolve));
    const refused = await rejection(open(settingsFor(`http://127.0.0.1:${port}`)).findObject("a.db"));
    expect(refused.code).toBe("store-unreachable");
    expect(refused.message).toContain(`127.0.0.1:${port} cannot be reached (ECONNREFUSED)`);
  });

  it("is given up on when it is silent", async () => {
    const server = await serve(() => "silence");
    const store = open(settingsFor(server.endpoint, { limits: { ...limits, storeRequestMs: 500 } }));
    expect(await rejectedCode(store.uploadPart({ key: "a.db", id: "u" }, 1, Buffer.from("x")))).toBe(
      "store-unreachable",
    );
    expect(await rejectedCode(store.tryUrl(`${server.endpoint}/backups/a.db`))).toBe("store-unreachable");
    expect(server.names()).toHaveLength(2 * limits.storeTries);
  });

  it("is left when the run is cancelled", async () => {
    const server = await serve(() => "silence");
    const store = open(settingsFor(server.endpoint, { limits: { ...limits, storeRequestMs: 60_000 } }));
    const controller = new AbortController();
    const cancelled = store.withSignal(controller.signal);
    const calls = Promise.all([
      rejectedCode(cancelled.findObject("a.db")),
      rejectedCode(cancelled.completeUpload({ key: "a.db", id: "u" }, [], { sizeBytes: 1, metadata: { nonce: "1" } })),
      rejectedCode(cancelled.tryUrl(`${server.endpoint}/backups/a.db`)),
    ]);
    await vi.waitFor(() => {
      expect(server.names()).toHaveLength(3);
    }, 20_000);
    controller.abort();
    expect(await calls).toEqual(["cancelled", "cancelled", "cancelled"]);
    expect(await rejectedCode(cancelled.findObject("b.db"))).toBe("cancelled");
    expect(server.names()).toHaveLength(3);
  });

  it.each([
    ["an unknown authority", {}, "NODE_EXTRA_CA_CERTS"],
    ["no TLS at all", { plain: true }, "scheme"],
  ])("because of %s gets a hint", async (_title, { plain }: { plain?: boolean }, hint) => {
    const server = await serve(() => absent, {
      tls: plain !== true,
      authority: await createCertificateAuthority("other"),
    });
    const store = open(settingsFor(server.endpoint.replace("http:", "https:")));
    const refused = await rejection(store.findObject("a.db"));
    expect(refused.code).toBe("store-unreachable");
    expect(refused.hint).toContain(hint);
    expect(server.requests).toEqual([]);
  });
});

describe("a proxy", () => {
  it("of HTTPS_PROXY carries the calls and the try of a signed URL", async () => {
    const server = await serve(
      ({ name }) =>
        name === "GetObject" ? { status: 206, headers: { "content-range": "bytes 0-0/4" }, body: "x" } : head(4, {}),
      { tls: true },
    );
    const proxy = await startConnectProxy();
    const store = open(settingsFor(server.endpoint), { HTTPS_PROXY: `http://${proxy.address}` });
    expect(await store.findObject("a.db")).toEqual({ sizeBytes: 4, metadata: {} });
    expect(await store.tryUrl(await store.signUrl("a.db", { expiresInSeconds: 60 }))).toBe(4);
    expect(proxy.targets[0]).toBe(new URL(server.endpoint).host);
    expect(new Set(proxy.targets).size).toBe(1);
  });

  it("is passed by for a host of NO_PROXY", async () => {
    const server = await serve(() => head(4, {}), { tls: true });
    const proxy = await startConnectProxy();
    const store = open(settingsFor(server.endpoint), { https_proxy: `http://${proxy.address}`, no_proxy: "127.0.0.1" });
    expect(await store.findObject("a.db")).toEqual({ sizeBytes: 4, metadata: {} });
    expect(proxy.targets).toEqual([]);
  });

  it("that refuses is named", async () => {
    const server = await serve(() => head(4, {}), { tls: true });
    const proxy = await startConnectProxy({ refuse: "407 Refused" });
    const refused = await rejection(
      open(settingsFor(server.endpoint), { HTTPS_PROXY: `http://${proxy.address}` }).findObject("a.db"),
    );
    expect(refused.code).toBe("store-unreachable");
    expect(refused.hint).toContain("HTTPS_PROXY");
    expect(server.requests).toEqual([]);
  });

  it.each(["::", "127.0.0.1:3128", "socks5://127.0.0.1:1080"])("whose address is %s is refused", (address) => {
    expect(() => open(settingsFor("https://127.0.0.1:1"), { HTTPS_PROXY: address })).toThrow(
      expect.objectContaining({ code: "input-invalid" }),
    );
  });
});

describe("settings of the machine", () => {
  it("name no endpoint in the files of AWS's tools: s3-endpoint alone does", async () => {
    const folder = await mkdtemp(path.join(tmpdir(), "aws-config-"));
    onTestFinished(() => rm(folder, { recursive: true }));
    const file = path.join(folder, "config");
    await writeFile(file, "[default]\nendpoint_url = http://127.0.0.1:1\n");
    vi.stubEnv("AWS_CONFIG_FILE", file);
    const store = open({
      bucket: "backups",
      region: "eu-central-1",
      forcePathStyle: false,
      credentials,
      checksums: "auto",
    });
    const url = new URL(await store.signUrl("a.db", { expiresInSeconds: 60 }));
    expect(url.origin).toBe("https://backups.s3.eu-central-1.amazonaws.com");
  });

  it.each<[string, Partial<StoreSettings>, string]>([
    ["AWS", { region: "eu-central-1" }, "https://backups.s3.eu-central-1.amazonaws.com/p/a.db"],
    ["its first region", { region: "us-east-1" }, "https://backups.s3.us-east-1.amazonaws.com/p/a.db"],
    ["AWS in China", { region: "cn-north-1" }, "https://backups.s3.cn-north-1.amazonaws.com.cn/p/a.db"],
    ["GovCloud", { region: "us-gov-west-1" }, "https://backups.s3.us-gov-west-1.amazonaws.com/p/a.db"],
    ["an isolated region", { region: "us-iso-east-1" }, "https://backups.s3.us-iso-east-1.c2s.ic.gov/p/a.db"],
    [
      "the bucket in the path",
      { region: "eu-central-1", forcePathStyle: true },
      "https://s3.eu-central-1.amazonaws.com/backups/p/a.db",
    ],
    [
      "a bucket that no certificate covers as host",
      { region: "eu-central-1", bucket: "back.ups" },
      "https://s3.eu-central-1.amazonaws.com/back.ups/p/a.db",
    ],
    [
      "an endpoint",
      { endpoint: "https://s3.example.com:9000", forcePathStyle: true },
      "https://s3.example.com:9000/backups/p/a.db",
    ],
    [
      "an endpoint with the bucket as host",
      { endpoint: "https://s3.example.com", forcePathStyle: false },
      "https://backups.s3.example.com/p/a.db",
    ],
  ])("decide nothing of a URL's address: of %s", async (_, changes, address) => {
    const settings = { bucket: "backups", forcePathStyle: false, credentials, checksums: "auto", ...changes } as const;
    const url = new URL(await open(settings).signUrl("p/a.db", { expiresInSeconds: 60 }));
    expect(url.origin + url.pathname).toBe(address);
    expect(url.searchParams.get("X-Amz-Credential")).toContain(`/${changes.region ?? "us-east-1"}/s3/`);
  });

  it.each(["AWS_USE_FIPS_ENDPOINT", "AWS_USE_DUALSTACK_ENDPOINT"])(
    "that are for AWS do not matter: %s",
    async (name) => {
      vi.stubEnv(name, "true");
      const server = await serve(() => head(4, {}));
      expect(await open(settingsFor(server.endpoint)).findObject("a.db")).toMatchObject({ sizeBytes: 4 });
    },
  );
});

describe("credentials", () => {
  const withoutAny = () => {
    for (const name of ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE"])
      vi.stubEnv(name, undefined);
    vi.stubEnv("AWS_CONFIG_FILE", "/dev/null");
    vi.stubEnv("AWS_SHARED_CREDENTIALS_FILE", "/dev/null");
    vi.stubEnv("AWS_EC2_METADATA_DISABLED", "true");
  };
  const ambient = (endpoint: string): StoreSettings => {
    const { credentials: _given, ...rest } = settingsFor(endpoint);
    return rest;
  };

  it("of the environment are used when none are given, with their end", async () => {
    withoutAny();
    vi.stubEnv("AWS_ACCESS_KEY_ID", "AMBIENT");
    vi.stubEnv("AWS_SECRET_ACCESS_KEY", "secret");
    vi.stubEnv("AWS_SESSION_TOKEN", "token");
    vi.stubEnv("AWS_CREDENTIAL_EXPIRATION", "2099-01-02T03:04:05Z");
    const server = await serve(() => head(4, {}));
    const lines: string[] = [];
    const note = (line: string): void => void lines.push(line);
    const log: Log = { info: note, warning: note, debug: note, group: (_title, run) => run() };
    const store = openDuringTest(ambient(server.endpoint), { log });
    await store.findObject("a.db");
    await store.findObject("a.db");
    store.close();
    expect(lines).toEqual([expect.stringContaining("env vars")]);
    expect(server.requests[0]?.headers.authorization).toContain("Credential=AMBIENT/");
    expect(server.requests[0]?.headers["x-amz-security-token"]).toBe("token");
    expect(await store.findCredentialsExpiry()).toEqual(new Date("2099-01-02T03:04:05Z"));
  });

  it("that are given are never mixed with the environment's", async () => {
    withoutAny();
    vi.stubEnv("AWS_SESSION_TOKEN", "token");
    vi.stubEnv("AWS_CREDENTIAL_EXPIRATION", "2099-01-02T03:04:05Z");
    const server = await serve(() => head(4, {}));
    const store = open(settingsFor(server.endpoint), { AWS_CREDENTIAL_EXPIRATION: "2099-01-02T03:04:05Z" });
    await store.findObject("a.db");
    expect(server.requests[0]?.headers.authorization).toContain("Credential=AKID/");
    expect(server.requests[0]?.headers["x-amz-security-token"]).toBeUndefined();
    expect(await store.findCredentialsExpiry()).toBeUndefined();
  });

  it("for URLs have an end of their own: a URL outlived by its key was refused when the ambient session ended early", async () => {
    withoutAny();
    vi.stubEnv("AWS_ACCESS_KEY_ID", "AMBIENT");
    vi.stubEnv("AWS_SECRET_ACCESS_KEY", "secret");
    vi.stubEnv("AWS_SESSION_TOKEN", "token");
    vi.stubEnv("AWS_CREDENTIAL_EXPIRATION", "2099-01-02T03:04:05Z");
    const server = await serve(() => head(4, {}));
    const presignCredentials = { accessKeyId: "READER", secretAccessKey: "x" };
    expect(await open({ ...ambient(server.endpoint), presignCredentials }).findCredentialsExpiry()).toBeUndefined();
  });

  it("that are nowhere are missing, and nothing is sent", async () => {
    withoutAny();
    const server = await serve(() => head(4, {}));
    const store = open(ambient(server.endpoint));
    const missing = await rejection(store.findObject("a.db"));
    expect(missing.code).toBe("store-credentials-missing");
    expect(missing.hint).toContain("s3-access-key-id");
    expect(await rejectedCode(store.findCredentialsExpiry())).toBe("store-credentials-missing");
    expect(await rejectedCode(store.signUrl("a.db", { expiresInSeconds: 60 }))).toBe("store-credentials-missing");
    expect(server.requests).toEqual([]);
  });

  it("of the environment with a line break are rejected before they are sent", async () => {
    withoutAny();
    vi.stubEnv("AWS_ACCESS_KEY_ID", "AMBIENT\n");
    vi.stubEnv("AWS_SECRET_ACCESS_KEY", "secret");
    const server = await serve(() => head(4, {}));
    expect(await rejectedCode(open(ambient(server.endpoint)).findObject("a.db"))).toBe("store-credentials-rejected");
    expect(server.requests).toEqual([]);
  });

  it("for URLs sign URLs, and nothing else", async () => {
    const server = await serve(() => head(4, {}));
    const store = open(
      settingsFor(server.endpoint, { presignCredentials: { accessKeyId: "READER", secretAccessKey: "x" } }),
    );
    await store.findObject("a.db");
    expect(server.requests[0]?.headers.authorization).toContain("Credential=AKID/");
    expect(await store.signUrl("a.db", { expiresInSeconds: 60 })).toContain("X-Amz-Credential=READER%2F");
  });
});

describe("what never leaves", () => {
  it.each(["../other/a.db", "a//b.db", "a\nb", "", "k".repeat(1025)])("a request for the key %j", async (key) => {
    const server = await serve(() => head(4, {}));
    const store = open(settingsFor(server.endpoint));
    expect(await rejectedCode(store.findObject(key))).toBe("input-invalid");
    expect(await rejectedCode(store.deleteObject(key))).toBe("input-invalid");
    expect(await rejectedCode(store.signUrl(key, { expiresInSeconds: 60 }))).toBe("input-invalid");
    expect(server.requests).toEqual([]);
  });

  it.each([0, -1, 1.5, Number.NaN, 604_801])("a URL that is valid for %d seconds", async (expiresInSeconds) => {
    const store = open(settingsFor("https://127.0.0.1:1"));
    expect(await rejectedCode(store.signUrl("a.db", { expiresInSeconds }))).toBe("input-invalid");
  });

  it("a URL for a week does", async () => {
    const store = open(settingsFor("https://127.0.0.1:1"));
    const url = await store.signUrl("a.db", { expiresInSeconds: 604_800, versionId: "v1" });
    expect(new URL(url).searchParams.get("X-Amz-Expires")).toBe("604800");
    expect(new URL(url).searchParams.get("versionId")).toBe("v1");
  });

  it("the owner of the bucket is told to the store, but not in a URL", async () => {
    const server = await serve(() => head(4, {}));
    const store = open(settingsFor(server.endpoint, { expectedBucketOwner: "111122223333" }));
    await store.findObject("a.db");
    expect(server.requests[0]?.headers["x-amz-expected-bucket-owner"]).toBe("111122223333");
    expect(await store.signUrl("a.db", { expiresInSeconds: 60 })).not.toContain("111122223333");
  });
});

it("a process ends by itself with idle connections left", async () => {
  const server = await serve(() => head(4, {}));
  const program = `
    import { createSnapshotStore } from "./snapshot-store.ts";
    const store = createSnapshotStore(JSON.parse(process.argv[1]), { clock: { nowMs: Date.now, sleep: async () => {} } });
    console.log(JSON.stringify(await store.findObject("a.db")));`;
  const cwd = path.resolve(import.meta.dirname, "../../src/adapters/s3");
  const { stdout } = await promisify(execFile)(
    process.execPath,
    ["--input-type=module", "--eval", program, JSON.stringify(settingsFor(server.endpoint))],
    { cwd, timeout: 120_000 },
  );
  expect(JSON.parse(stdout)).toEqual({ sizeBytes: 4, metadata: {} });
});
