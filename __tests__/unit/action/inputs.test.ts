import { describe, expect, test } from "vitest";
import { listBackupOptOuts } from "../../../src/action/inputs/backup.ts";
import { readModeName } from "../../../src/action/inputs/mode.ts";
import { listRestoreOptOuts } from "../../../src/action/inputs/restore-render.ts";
import { kubeconfigText } from "../kubeconfig/kubeconfig-text.ts";
import { giving, parseBackup, parseRestore, refusal, type GivenInputs } from "./input-builder.ts";

describe("what is read", () => {
  test("a backup with the fewest inputs has every default", () => {
    const { cluster, store, request } = parseBackup();
    expect(cluster.kubeconfig.server).toBe("https://api.example.test:6443");
    expect(cluster).not.toHaveProperty("githubToken");
    expect(store).toStrictEqual({
      bucket: "backups",
      region: "eu-central-1",
      forcePathStyle: false,
      checksums: "auto",
    });
    expect(request).toStrictEqual({
      hostedCluster: { namespace: "clusters", name: "example" },
      prefix: "",
      quiesce: true,
      maxPauseMs: 900_000,
      members: "one",
      recipients: [],
      allowUnhealthy: false,
      dryRun: false,
      presign: true,
      presignExpiresInSeconds: 3_600,
    });
  });

  test("a backup with every input", () => {
    const inputs = parseBackup({
      "kubeconfig-context": "management",
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
      store: {
        endpoint: "https://s3.example.com:9000",
        forcePathStyle: false,
        credentials: { accessKeyId: "AKIDEXAMPLE", secretAccessKey: "secret/key+1", sessionToken: "token==" },
        presignCredentials: { accessKeyId: "AKIDREAD", secretAccessKey: "other" },
        expectedBucketOwner: "123456789012",
        checksums: "when-required",
      },
      request: {
        hostedCluster: { namespace: "hcp", name: "prod.eu" },
        prefix: "etcd/prod",
        quiesce: false,
        maxPauseMs: 5_400_000,
        allowUnhealthy: true,
        dryRun: true,
        presign: false,
        presignExpiresInSeconds: 604_800,
      },
    });
  });

  test("a restore takes the bucket from the snapshot's address", () => {
    const key = Buffer.alloc(32, 7);
    expect(parseRestore({ output: "out.yaml", "encryption-key": key.toString("base64") })).toStrictEqual({
      store: { bucket: "backups", region: "eu-central-1", forcePathStyle: false, checksums: "auto" },
      request: {
        snapshot: { bucket: "backups", key: "clusters/example/20261124T120000Z-0123abcd.db" },
        manifest: "cluster.yaml",
        output: "out.yaml",
        encryptionKeys: [key],
        identities: [],
        presignExpiresInSeconds: 3_600,
        pins: {},
        allowUnrecorded: false,
        allowUnsafeRestore: [],
      },
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
    [
      "the input, as a store other than AWS writes it",
      { "s3-region": "GRA", "s3-endpoint": "https://s3.gra.store.example" },
      {},
      "GRA",
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
    [{ kubeconfig: " " }, "input-missing", "kubeconfig"],
    [{ "hosted-cluster": "" }, "input-missing", "hosted-cluster"],
    [{ "s3-bucket": "" }, "input-missing", "s3-bucket"],
    [{ "s3-region": "" }, "input-missing", "s3-region"],
    [{ "s3-access-key-id": "AKID" }, "input-missing", "s3-secret-access-key"],
    [{ "s3-secret-access-key": "x" }, "input-missing", "s3-access-key-id"],
    [{ "s3-session-token": "x" }, "input-missing", "s3-access-key-id"],
    [{ "presign-access-key-id": "AKID" }, "input-missing", "presign-secret-access-key"],
    [{ "presign-secret-access-key": "x", presign: "false" }, "input-missing", "presign-access-key-id"],
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
    [{ "s3-bucket": "Backups" }, "input-invalid", "s3-bucket"],
    [{ "s3-endpoint": "https://store.example/backups" }, "input-invalid", "s3-endpoint"],
    [{ "s3-server-side-encryption": "aes256" }, "input-invalid", "s3-server-side-encryption"],
    [{ "s3-kms-key-id": "k" }, "input-invalid", "s3-server-side-encryption"],
    [{ "s3-kms-key-id": "k", "s3-server-side-encryption": "AES256" }, "input-invalid", "s3-server-side-encryption"],
    [{ "s3-kms-key-id": "a key", "s3-server-side-encryption": "aws:kms" }, "input-invalid", "s3-kms-key-id"],
    [{ "s3-region": "GRA" }, "input-invalid", "s3-region"],
    [{ "s3-region": "GR/A", "s3-endpoint": "https://store.example" }, "input-invalid", "s3-region"],
    [{ "s3-bucket": "a/b", "s3-endpoint": "https://store.example" }, "input-invalid", "s3-bucket"],
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
    // What the rule says already is no hint.
    const rule = /must be (.*)$/.exec(error.message)?.[1] ?? "no rule";
    expect(error.hint).toMatch(/\w+ \w+/);
    expect(error.hint).not.toContain(rule);
  });

  const restore: [GivenInputs, string, string][] = [
    [{ "snapshot-uri": "" }, "input-missing", "snapshot-uri"],
    [{ manifest: "" }, "input-missing", "manifest"],
    [{ "snapshot-uri": "newest" }, "input-invalid", "snapshot-uri"],
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

  test("a value is shown in quotes, on one line", () => {
    const { message } = refusal(() => parseBackup({ "hosted-cluster": "a\r\n::error::\u202e\u001b[1A" }));
    expect(message).toContain(String.raw`"a\r\n::error::\u202e\u001b[1A"`);
  });

  test("of a long value not even the beginning is shown: no mask of the whole would hide it", () => {
    const { message } = refusal(() => parseBackup({ "hosted-cluster": "s3cret".repeat(50) }));
    expect(message).toMatch(/^the input hosted-cluster is a text of 300 characters; /);
    const address = refusal(() => parseRestore({ "snapshot-uri": "s3cret".repeat(50) }));
    expect(address.message).not.toContain("s3cret");
  });

  test.each([
    ["key-recipients", (text: string) => parseBackup({ "key-recipients": text })],
    ["age-identity", (text: string) => parseRestore({ "age-identity": text })],
  ])("every wrong line of %s is told by its number, in one error", (name, parse) => {
    const { code, message } = refusal(() => parse("# mine\nage1wrong\nkeys/backup.txt"));
    expect(code).toBe("input-invalid");
    expect(message).toMatch(new RegExp(`${name} is refused: line 2 is [^;]+; line 3 is `));
  });

  const canary = "cAnArY0123456789";
  test.each<[GivenInputs]>([
    [{ "s3-access-key-id": `${canary} x`, "s3-secret-access-key": "x" }],
    [{ "s3-access-key-id": "x", "s3-secret-access-key": `${canary}\nx` }],
    [{ "s3-access-key-id": "x", "s3-secret-access-key": "x", "s3-session-token": `${canary} x` }],
    [{ "s3-endpoint": `https://user:${canary}@s3.example.com` }],
    [{ "s3-endpoint": `https://s3.example.com/?X-Amz-Signature=${canary}` }],
    [{ "snapshot-uri": `https://s3.example.com/a.db?X-Amz-Signature=${canary}` }],
    [{ "encryption-key": canary }],
    [{ "age-identity": `AGE-SECRET-KEY-${canary}` }],
    [{ "key-recipients": `AGE-SECRET-KEY-${canary}` }],
  ])("a secret is never shown: %j", (given) => {
    const restores = ["snapshot-uri", "encryption-key", "age-identity"].some((name) => name in given);
    const error = refusal(() => (restores ? parseRestore(given) : parseBackup(given)));
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

  test.each([
    ["", "input-missing", "set mode to one of backup"],
    ["Backup", "input-invalid", "did you mean backup?"],
    ["bakcup", "input-invalid", "did you mean backup?"],
    ["restore", "input-invalid", "did you mean restore-render?"],
    ["list", "input-invalid", "docs/inputs.md"],
  ])("the mode %j: %s", (mode, code, hint) => {
    expect(refusal(() => readModeName(giving({ mode })))).toMatchObject({
      code,
      hint: expect.stringContaining(hint) as string,
    });
  });
});

test.each<[GivenInputs, RegExp]>([
  [{ "max-pause": "15 minutes" }, /^did you mean 15m\?$/],
  [{ "max-pause": "2m" }, /^leave it out for 15m$/],
  [{ "keep-within": "14" }, /^did you mean 14h or 14d\?$/],
  [{ "keep-within": "1s" }, /^leave it out for no such rule$/],
  [{ "keep-daily": "14d" }, /^give the number alone: 14; keep-within alone takes a duration$/],
  [{ "s3-server-side-encryption": "KMS" }, /^did you mean aws:kms\?$/],
  [{ members: "3" }, /docs\/inputs\.md/],
  [{ "s3-bucket": "https://backups.s3.eu-central-1.amazonaws.com/" }, /^give it as s3-bucket: backups$/],
  [
    { "s3-bucket": "https://backups.s3.amazonaws.com/etcd/prod/" },
    /^give it as s3-bucket: backups and s3-prefix: etcd\/prod$/,
  ],
  [
    { "s3-bucket": "https://s3.console.aws.amazon.com/s3/buckets/backups?region=eu-central-1" },
    /^give it as s3-bucket: backups$/,
  ],
  [{ "s3-bucket": "https://store.example/backups/etcd" }, /^give it as s3-bucket: backups and s3-prefix: etcd$/],
  [{ "s3-bucket": "arn:aws:s3:::backups/etcd/*" }, /^give it as s3-bucket: backups and s3-prefix: etcd$/],
  [{ "s3-bucket": "arn:aws:s3:eu-central-1:111122223333:accesspoint/etcd" }, /access points/],
  [{ "s3-bucket": "MyBackups" }, /^AWS has no capitals.*set s3-endpoint/],
  [{ "s3-prefix": "etcd/prod/*" }, /the policy alone: give etcd\/prod$/],
  [{ "s3-region": "eu-central-1a" }, /^that is a zone, and its region is eu-central-1$/],
  [
    { "hosted-cluster": "clusters/example" },
    /^give it as hosted-cluster: example and hosted-cluster-namespace: clusters$/,
  ],
  [{ "hosted-cluster": "hostedcluster/example" }, /^give the name alone: example$/],
  [{ "hosted-cluster": "example, other" }, /docs\/fleet\.md/],
])("%j is told with the value that is meant", (given, hint) => {
  expect(refusal(() => parseBackup(given)).hint).toMatch(hint);
});

test("an input that must be set, and is not, is told as such", () => {
  const { message } = refusal(() => parseBackup({ "s3-kms-key-id": "alias/backups" }));
  expect(message).toMatch(/^the input s3-server-side-encryption is not set; it must be aws:kms/);
});

test.each([
  ["s3://backups/a/20261124T120000Z-0123abcd.json", "did you mean s3://backups/a/20261124T120000Z-0123abcd.db?"],
  ["s3://backups/a/20261124T120000Z-0123abcd.key.age", "did you mean s3://backups/a/20261124T120000Z-0123abcd.db?"],
  ["https://backups.s3.eu-central-1.amazonaws.com/a/b.db", "did you mean s3://backups/a/b.db?"],
  ["https://store.example/backups/a/b.db", "did you mean s3://backups/a/b.db?"],
  ["https://store.example/backups/a/b.db?X-Amz-Signature=0", "did you mean s3://backups/a/b.db?"],
  ['"s3://backups/a/b.db"', "did you mean s3://backups/a/b.db?"],
  ["Latest", "did you mean latest?"],
  ["s3://backups/etcd/nightly/", "that is a folder: give latest"],
  ["s3://backups", "that is a folder: give latest"],
  ["gs://backups/etcd/x.db", "give s3://<bucket>/<key>.db"],
])("the address that %s means is told", (uri, hint) => {
  expect(refusal(() => parseRestore({ "snapshot-uri": uri })).hint).toContain(hint);
});

test("codes with commas between them are told to stand one a line", () => {
  const given = { "allow-unsafe-restore": "etcd-would-split,volume-too-small" };
  expect(refusal(() => parseRestore(given)).hint).toMatch(/^write one a line, without commas/);
});

describe("several wrong inputs", () => {
  test("are told at once, each with its code and hint, and keep their values to themselves where they are secret", () => {
    const error = refusal(() =>
      parseBackup({
        kubeconfig: "",
        "hosted-cluster": "../example",
        "s3-bucket": "s3://backups/etcd",
        "s3-secret-access-key": "cAnArY 0123",
        "max-pause": "900",
        "dry-run": "yes",
      }),
    );
    expect(error.code).toBe("inputs-invalid");
    for (const name of ["kubeconfig", "hosted-cluster", "s3-bucket", "s3-secret-access-key", "max-pause", "dry-run"])
      expect(error.message).toMatch(new RegExp(`^- input-(?:missing|invalid): .*input ${name} `, "m"));
    expect(error.message).toContain("(give it as s3-bucket: backups and s3-prefix: etcd)");
    expect(error.message).toContain("did you mean 900s?");
    expect(error.message).not.toContain("cAnArY");
  });

  test("of a restore are told at once", () => {
    const error = refusal(() => parseRestore({ "snapshot-uri": "", manifest: "", "presign-expires-in": "8d" }));
    expect(error.message.match(/^- /gm)).toHaveLength(3);
  });

  test("an unusable kubeconfig is one of them", () => {
    const error = refusal(() => parseBackup({ kubeconfig: "a: [", quiesce: "no" }));
    expect(error.message).toMatch(/^- kubeconfig-invalid: .*\n- input-invalid: /m);
  });
});

test("each opt-out in use is listed", () => {
  expect(listBackupOptOuts(parseBackup({ "allow-insecure-endpoint": "true" }))).toStrictEqual([]);
  const inputs = parseBackup({
    "allow-insecure-endpoint": "true",
    "s3-endpoint": "http://127.0.0.1:9000",
    "allow-unhealthy": "true",
  });
  expect(listBackupOptOuts(inputs).map((text) => text.replace(/:.*/, ""))).toStrictEqual([
    "allow-insecure-endpoint",
    "allow-unhealthy",
  ]);
  expect(
    listRestoreOptOuts(parseRestore({ "allow-unsafe-restore": "etcd-would-split", "allow-unrecorded": "true" })),
  ).toEqual([expect.stringContaining("allow-unsafe-restore"), expect.stringContaining("allow-unrecorded")]);
});

test("a snapshot of any name is taken where it needs no record", () => {
  const given = { "snapshot-uri": "s3://backups/by-hand/etcd-snapshot" };
  expect(parseRestore({ ...given, "allow-unrecorded": "true" }).request.snapshot).toEqual({
    bucket: "backups",
    key: "by-hand/etcd-snapshot",
  });
  expect(refusal(() => parseRestore(given)).message).toContain("is no address of a snapshot");
});

test("a restore that needs no record takes no max-age, which could be held against nothing", () => {
  const error = refusal(() => parseRestore({ "allow-unrecorded": "true", "max-age": "24h" }));
  expect([error.code, error.message]).toEqual(["input-invalid", expect.stringContaining("allow-unrecorded")]);
});

test("a restore reads the kubeconfig of the living cluster where there is one, with its context", () => {
  expect(parseRestore()).not.toHaveProperty("kubeconfig");
  const given = kubeconfigText();
  expect(parseRestore({ kubeconfig: given }).kubeconfig).toEqual(parseBackup().cluster.kubeconfig);
  expect(refusal(() => parseRestore({ kubeconfig: given, "kubeconfig-context": "nowhere" })).code).toBe(
    "kubeconfig-invalid",
  );
  expect(refusal(() => parseRestore({ kubeconfig: "a: [" })).code).toBe("kubeconfig-invalid");
});

test("a restore takes limits, two keys of any length of AES, an age and codes", () => {
  const [first, second] = [Buffer.alloc(16, 1), Buffer.alloc(24, 2)];
  expect(
    parseRestore({
      "s3-prefix": "/clusters/",
      "hosted-cluster": "example",
      "hosted-cluster-namespace": "tenants",
      "encryption-key": `${first.toString("base64")}\n${second.toString("base64")}\n`,
      "max-age": "2d",
      "allow-unsafe-restore": "etcd-would-split\nvolume-too-small",
    }).request,
  ).toMatchObject({
    pins: { prefix: "clusters", hostedCluster: { namespace: "tenants", name: "example" } },
    encryptionKeys: [first, second],
    maxAgeMs: 172_800_000,
    allowUnsafeRestore: ["etcd-would-split", "volume-too-small"],
  });
});

test("the namespace has a default, and limits nothing without hosted-cluster", () => {
  expect(parseRestore({ "hosted-cluster-namespace": "clusters" }).request.pins).toEqual({});
});

test.each(["true", "TRUE", "false", "all", "hosted-cluster-differs"])(
  "allow-unsafe-restore: %s is refused, with the codes that may be accepted",
  (value) => {
    const error = refusal(() => parseRestore({ "allow-unsafe-restore": value }));
    expect(error.code).toBe("input-invalid");
    expect(error.hint).toContain("etcd-would-split");
  },
);
