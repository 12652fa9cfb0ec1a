import { describe, expect, test } from "vitest";
import { findMistypedInputs, listOptOuts } from "../../../src/action/inputs.ts";
import { ActionError } from "../../../src/errors.ts";
import { parse, parseBackup, parseRestore, type GivenInputs } from "./input-builder.ts";

function refusal(run: () => unknown): ActionError {
  try {
    run();
  } catch (error) {
    if (error instanceof ActionError) return error;
    throw error;
  }
  throw new Error("nothing was refused");
}

describe("what is read", () => {
  test("a backup with the fewest inputs has every default", () => {
    expect(parseBackup()).toStrictEqual({
      mode: "backup",
      kubeconfig: "apiVersion: v1\nkind: Config",
      hostedCluster: "example",
      hostedClusterNamespace: "clusters",
      store: { bucket: "backups", region: "eu-central-1", forcePathStyle: false, checksums: "auto" },
      prefix: "",
      quiesce: true,
      maxPauseMs: 900_000,
      allowUnhealthy: false,
      dryRun: false,
      presign: true,
      presignExpiresInSeconds: 3_600,
    });
  });

  test("a backup with every input", () => {
    const inputs = parseBackup({
      "kubeconfig-context": "admin",
      "hosted-cluster": "prod.eu",
      "hosted-cluster-namespace": "hcp",
      "s3-prefix": "/etcd/prod/",
      "s3-endpoint": "https://s3.example.com:9000/",
      "s3-force-path-style": "False",
      "s3-access-key-id": "AKIDEXAMPLE",
      "s3-secret-access-key": "secret/key+1",
      "s3-session-token": "token==",
      "s3-expected-bucket-owner": "123456789012",
      "s3-checksums": "when-required",
      quiesce: "FALSE",
      "max-pause": "1h30m",
      "allow-unhealthy": "true",
      "dry-run": "True",
      presign: "false",
      "presign-expires-in": "7d",
      "presign-access-key-id": "AKIDREAD",
      "presign-secret-access-key": "other",
    });
    expect(inputs).toMatchObject({
      kubeconfigContext: "admin",
      hostedCluster: "prod.eu",
      hostedClusterNamespace: "hcp",
      prefix: "etcd/prod",
      store: {
        endpoint: "https://s3.example.com:9000",
        forcePathStyle: false,
        credentials: { accessKeyId: "AKIDEXAMPLE", secretAccessKey: "secret/key+1", sessionToken: "token==" },
        presignCredentials: { accessKeyId: "AKIDREAD", secretAccessKey: "other" },
        expectedBucketOwner: "123456789012",
        checksums: "when-required",
      },
      quiesce: false,
      maxPauseMs: 5_400_000,
      allowUnhealthy: true,
      dryRun: true,
      presign: false,
      presignExpiresInSeconds: 604_800,
    });
  });

  test("a restore takes the bucket from the snapshot's address", () => {
    const key = Buffer.alloc(32, 7);
    expect(parseRestore({ output: "out.yaml", "encryption-key": key.toString("base64") })).toStrictEqual({
      mode: "restore-render",
      store: { bucket: "backups", region: "eu-central-1", forcePathStyle: false, checksums: "auto" },
      snapshot: { bucket: "backups", key: "clusters/example/20261124T120000Z-0123abcd.db" },
      manifest: "cluster.yaml",
      output: "out.yaml",
      encryptionKey: key,
      presignExpiresInSeconds: 3_600,
      allowUnsafeRestore: false,
    });
    expect(parseRestore({ "s3-bucket": "backups" }).store.bucket).toBe("backups");
  });

  test("blanks around a value are cut, and only blanks are no value", () => {
    expect(parseBackup({ "s3-bucket": "  backups\n", "kubeconfig-context": "  ", "max-pause": "\t" })).toStrictEqual(
      parseBackup(),
    );
  });

  test.each<[string, GivenInputs, Record<string, string>, string]>([
    ["the input", { "s3-region": "us-west-2" }, { AWS_REGION: "eu-west-1" }, "us-west-2"],
    ["AWS_REGION", { "s3-region": "" }, { AWS_REGION: "eu-west-1", AWS_DEFAULT_REGION: "eu-west-2" }, "eu-west-1"],
    ["AWS_DEFAULT_REGION", { "s3-region": "" }, { AWS_REGION: "", AWS_DEFAULT_REGION: "eu-west-2" }, "eu-west-2"],
    [
      "an endpoint",
      { "s3-region": "", "s3-endpoint": "https://rgw.example" },
      { AWS_REGION: "eu-west-1" },
      "us-east-1",
    ],
    [
      "an endpoint of AWS",
      { "s3-region": "", "s3-endpoint": "https://s3.eu-west-1.amazonaws.com" },
      { AWS_REGION: "eu-west-1" },
      "eu-west-1",
    ],
  ])("the region is that of %s", (_, given, env, region) => {
    expect(parseBackup(given, env).store.region).toBe(region);
  });

  test("the path style is the default with an endpoint", () => {
    expect(parseBackup({ "s3-endpoint": "https://s3.example.com" }).store.forcePathStyle).toBe(true);
  });
});

describe("what is refused", () => {
  const backup: [GivenInputs, string, string][] = [
    [{ mode: "" }, "input-missing", "mode"],
    [{ kubeconfig: " " }, "input-missing", "kubeconfig"],
    [{ "hosted-cluster": "" }, "input-missing", "hosted-cluster"],
    [{ "s3-bucket": "" }, "input-missing", "s3-bucket"],
    [{ "s3-region": "" }, "input-missing", "s3-region"],
    [{ "s3-access-key-id": "AKID" }, "input-missing", "s3-secret-access-key"],
    [{ "s3-secret-access-key": "x" }, "input-missing", "s3-access-key-id"],
    [{ "s3-session-token": "x" }, "input-missing", "s3-access-key-id"],
    [{ "presign-access-key-id": "AKID" }, "input-missing", "presign-secret-access-key"],
    [{ "presign-secret-access-key": "x", presign: "false" }, "input-missing", "presign-access-key-id"],
    [{ mode: "Backup" }, "input-invalid", "mode"],
    [{ mode: "Recover" }, "input-invalid", "mode"],
    [{ "github-token": "ghs_a b" }, "input-invalid", "github-token"],
    [{ quiesce: "yes" }, "input-invalid", "quiesce"],
    [{ "dry-run": "1" }, "input-invalid", "dry-run"],
    [{ "allow-unhealthy": "tRUE" }, "input-invalid", "allow-unhealthy"],
    [{ "s3-checksums": "Auto" }, "input-invalid", "s3-checksums"],
    [{ "max-pause": "900" }, "input-invalid", "max-pause"],
    [{ "max-pause": "3m59s" }, "input-invalid", "max-pause"],
    [{ "max-pause": "2h1s" }, "input-invalid", "max-pause"],
    [{ "presign-expires-in": "59s" }, "input-invalid", "presign-expires-in"],
    [{ "presign-expires-in": "7d1s" }, "input-invalid", "presign-expires-in"],
    [{ "hosted-cluster": "Prod" }, "input-invalid", "hosted-cluster"],
    [{ "hosted-cluster": "../etc" }, "input-invalid", "hosted-cluster"],
    [{ "hosted-cluster": "a\n::error::b" }, "input-invalid", "hosted-cluster"],
    [{ "hosted-cluster": "a".repeat(300) }, "input-invalid", "hosted-cluster"],
    [{ "hosted-cluster": "a".repeat(55) }, "input-invalid", "hosted-cluster"],
    [{ "hosted-cluster": "a..b" }, "input-invalid", "hosted-cluster"],
    [{ "hosted-cluster-namespace": "a.b" }, "input-invalid", "hosted-cluster-namespace"],
    [{ "hosted-cluster-namespace": "a".repeat(64) }, "input-invalid", "hosted-cluster-namespace"],
    [{ "kubeconfig-context": "a\tb" }, "input-invalid", "kubeconfig-context"],
    [{ "s3-bucket": "s3://backups" }, "input-invalid", "s3-bucket"],
    [{ "s3-bucket": ".." }, "input-invalid", "s3-bucket"],
    [{ "s3-prefix": "a/../b" }, "input-invalid", "s3-prefix"],
    [{ "s3-prefix": "a//b" }, "input-invalid", "s3-prefix"],
    [{ "s3-prefix": "a/%2e%2e/b" }, "input-invalid", "s3-prefix"],
    [{ "s3-prefix": "a\\b" }, "input-invalid", "s3-prefix"],
    [{ "s3-prefix": "a\u0000b" }, "input-invalid", "s3-prefix"],
    [{ "s3-prefix": "é" }, "input-invalid", "s3-prefix"],
    [{ "s3-prefix": "a".repeat(980) }, "input-invalid", "s3-prefix"],
    [{ "s3-region": "eu_central_1" }, "input-invalid", "s3-region"],
    [{ "s3-region": "eu/../x" }, "input-invalid", "s3-region"],
    [{ "s3-expected-bucket-owner": "1234" }, "input-invalid", "s3-expected-bucket-owner"],
    [{ "s3-endpoint": "s3.example.com" }, "input-invalid", "s3-endpoint"],
    [{ "s3-endpoint": "http://s3.example.com" }, "input-invalid", "s3-endpoint"],
    [{ "s3-access-key-id": "a b", "s3-secret-access-key": "x" }, "input-invalid", "s3-access-key-id"],
    [{ "s3-access-key-id": "a", "s3-secret-access-key": "x\ny" }, "input-invalid", "s3-secret-access-key"],
  ];
  test.each(backup)("backup with %j: %s", (given, code, name) => {
    const error = refusal(() => parseBackup(given));
    expect({ code: error.code, named: new RegExp(`\\b${name}\\b`).test(error.message) }).toStrictEqual({
      code,
      named: true,
    });
    expect(error.hint).toBeDefined();
  });

  const restore: [GivenInputs, string, string][] = [
    [{ "snapshot-uri": "" }, "input-missing", "snapshot-uri"],
    [{ manifest: "" }, "input-missing", "manifest"],
    [{ "snapshot-uri": "latest" }, "input-invalid", "snapshot-uri"],
    [{ "snapshot-uri": "https://s3.example.com/a.db" }, "input-invalid", "snapshot-uri"],
    [{ "snapshot-uri": "s3://backups/../a.db" }, "input-invalid", "snapshot-uri"],
    [{ "snapshot-uri": "s3://backups/a.json" }, "input-invalid", "snapshot-uri"],
    [{ "s3-bucket": "others" }, "input-invalid", "s3-bucket"],
    [{ manifest: "a\u0000b" }, "input-invalid", "manifest"],
    [{ output: "a\nb" }, "input-invalid", "output"],
    [{ "dry-run": "true" }, "input-invalid", "dry-run"],
    [{ "dry-run": "maybe" }, "input-invalid", "dry-run"],
    [{ "encryption-key": "secret" }, "input-invalid", "encryption-key"],
    [{ "encryption-key": Buffer.alloc(31).toString("base64") }, "input-invalid", "encryption-key"],
    [{ "encryption-key": Buffer.alloc(33).toString("base64") }, "input-invalid", "encryption-key"],
    [{ "encryption-key": Buffer.alloc(32).toString("hex") }, "input-invalid", "encryption-key"],
  ];
  test.each(restore)("restore-render with %j: %s", (given, code, name) => {
    const error = refusal(() => parseRestore(given));
    expect(error.code).toBe(code);
    expect(error.message).toContain(name);
  });

  test("a value is shown in quotes, on one line, and cut", () => {
    const { message } = refusal(() =>
      parseBackup({ "hosted-cluster": `a\r\n::error::\u202e\u001b[1A${"b".repeat(300)}` }),
    );
    expect(message).toContain(String.raw`"a\r\n::error::\u202e\u001b[1A`);
    expect(message).toContain("…");
    expect(message.length).toBeLessThan(300);
    expect(message).not.toMatch(/[\p{Cc}\p{Cf}]/u);
  });

  const canary = "cAnArY0123456789";
  test.each<[GivenInputs]>([
    [{ "s3-access-key-id": `${canary} x`, "s3-secret-access-key": "x" }],
    [{ "s3-access-key-id": "x", "s3-secret-access-key": `${canary}\nx` }],
    [{ "s3-access-key-id": "x", "s3-secret-access-key": "x", "s3-session-token": `${canary} x` }],
    [{ "s3-endpoint": `https://user:${canary}@s3.example.com` }],
    [{ "s3-endpoint": `https://s3.example.com/?X-Amz-Signature=${canary}` }],
    [{ mode: "restore-render", "snapshot-uri": `https://s3.example.com/a.db?X-Amz-Signature=${canary}` }],
    [{ mode: "restore-render", "snapshot-uri": "s3://a-b/a.db", manifest: "m", "encryption-key": canary }],
  ])("a secret is never shown: %j", (given) => {
    const error = refusal(() => parseBackup(given));
    expect(error.code).toBe("input-invalid");
    expect(`${error.message} ${error.hint ?? ""}`).not.toContain(canary);
  });

  test("a line feed in ambient credentials is refused with the variable's name, unless the inputs are used", () => {
    const env = { AWS_ACCESS_KEY_ID: "AKID", AWS_SECRET_ACCESS_KEY: "secret\n" };
    const error = refusal(() => parseBackup({}, env));
    expect(error.message).toContain("AWS_SECRET_ACCESS_KEY");
    expect(error.message).not.toContain("secret\n");
    expect(parseBackup({ "s3-access-key-id": "a", "s3-secret-access-key": "b" }, env).store.credentials).toBeDefined();
  });

  test("an odd ambient region is refused with the variable's name", () => {
    expect(refusal(() => parseBackup({ "s3-region": "" }, { AWS_REGION: "a/b" })).message).toContain("AWS_REGION");
  });

  test("nothing at all asks for the mode", () => {
    expect(refusal(() => parse({})).hint).toBe("set mode to one of backup, restore-render, recover");
  });
});

test("each opt-out in use is listed", () => {
  expect(listOptOuts(parseBackup({ "allow-insecure-endpoint": "true" }))).toStrictEqual([]);
  const inputs = parseBackup({
    "allow-insecure-endpoint": "true",
    "s3-endpoint": "http://127.0.0.1:9000",
    "allow-unhealthy": "true",
  });
  expect(listOptOuts(inputs).map((text) => text.replace(/:.*/, ""))).toStrictEqual([
    "allow-insecure-endpoint",
    "allow-unhealthy",
  ]);
  expect(listOptOuts(parseRestore({ "allow-unsafe-restore": "true" }))).toEqual([
    expect.stringContaining("allow-unsafe-restore"),
  ]);
});

test("a mistyped input is told with the one that was meant", () => {
  expect(
    findMistypedInputs({
      INPUT_S3_BUCKET: "b",
      INPUT_MANIFESTS: "m",
      INPUT_MODE: "backup",
      INPUT_OTHER: "x",
      PATH: "/",
    }),
  ).toStrictEqual([
    { given: "s3_bucket", meant: "s3-bucket" },
    { given: "manifests", meant: "manifest" },
  ]);
});
