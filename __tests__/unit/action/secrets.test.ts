import { expect, test } from "vitest";
import { listKubeconfigSecrets } from "../../../src/kubeconfig/secrets.ts";
import { listKeySecrets, listSecrets, listSignedUrlSecrets, maskSecrets } from "../../../src/action/secrets.ts";
import { giving } from "./input-builder.ts";

const pem =
  "-----BEGIN PRIVATE KEY-----\nTUlJRXZRSUJBREFOQmdrcWhraUc5dzBCQVFFRkFBU0M\nQktjd2dnU2pBZ0VBQW9JQkFRQw==\n-----END PRIVATE KEY-----\n";
const kubeconfig = `---
apiVersion: v1
kind: Config
current-context: admin
clusters:
- name: mgmt
  cluster:
    server: https://api.example.com:6443
    proxy-url: http://user:pr%20xy@proxy.example.com:3128
users:
- name: admin
  user:
    token: "tok/en+0123456789"
    client-certificate-data: cHVibGlj
    client-key-data: ${Buffer.from(pem).toString("base64")}
    password: >-
      folded
      password
`;

function masks(values: readonly string[]): string[] {
  const registered: string[] = [];
  const noted = new Set<string>();
  maskSecrets({ core: { setSecret: (secret) => registered.push(secret) }, masks: noted }, values);
  expect([...noted]).toEqual(registered);
  return registered;
}

test("only the secrets inside a kubeconfig become masks", () => {
  const registered = masks(listKubeconfigSecrets(kubeconfig));
  for (const secret of [
    "tok/en+0123456789",
    "tok%2Fen%2B0123456789",
    "tok%2fen%2b0123456789",
    "TUlJRXZRSUJBREFOQmdrcWhraUc5dzBCQVFFRkFBU0M",
    "Qktjd2dnU2pBZ0VBQW9JQkFRQw==",
    Buffer.from(pem).toString("base64"),
    "folded password",
    "pr xy",
    "pr%20xy",
  ])
    expect(registered).toContain(secret);
  const text = kubeconfig.split("\n").filter((line) => !/token|key-data|password|proxy/.test(line));
  for (const mask of registered) expect(text.some((line) => line.includes(mask))).toBe(false);
  for (const harmless of ["---", "apiVersion: v1", "-----BEGIN PRIVATE KEY-----", "admin", "cHVibGlj"])
    expect(registered).not.toContain(harmless);
});

test("a kubeconfig as base64 is a secret itself, and so is what is in it", () => {
  const text = Buffer.from(kubeconfig).toString("base64");
  const lines = text.match(/.{1,76}/g) ?? [];
  expect(masks(listKubeconfigSecrets(text))).toEqual(expect.arrayContaining([text, "tok/en+0123456789"]));
  expect(masks(listKubeconfigSecrets(lines.join("\n")))).toEqual(
    expect.arrayContaining([...lines.filter((line) => line.length > 3), "tok/en+0123456789"]),
  );
});

test.each([
  ["broken YAML", 'users:\n- user: {token: "tok-0123456789"\n  x: [', "tok-0123456789"],
  ["JSON", '{"users":[{"name":"a","user":{"token":"tok-0123456789"}}]}', "tok-0123456789"],
  ["CRLF", "users:\r\n- user:\r\n    token: tok-0123456789\r\n", "tok-0123456789"],
  ["a token alone", "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJ4In0.c2ln", "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJ4In0.c2ln"],
  [
    "an exec plugin's environment",
    "users:\n- user:\n    exec:\n      command: kubectl\n      env:\n      - {name: A, value: plugin-secret}",
    "plugin-secret",
  ],
  [
    "a second document",
    "kind: Config\n---\nclusters:\n- cluster: {proxy-url: 'http://user:proxy-secret@proxy.example.com'}",
    "proxy-secret",
  ],
  [
    "a document behind a broken one",
    "users: [\n---\nusers:\n- user: {exec: {env: [{name: A, value: plugin-secret}]}}",
    "plugin-secret",
  ],
])("secrets are found in %s", (_, text, secret) => {
  expect(masks(listKubeconfigSecrets(text))).toContain(secret);
});

test("names and switches in an exec plugin's environment are no masks, which would take outputs from other jobs", () => {
  const env = { AWS_PROFILE: "prod", AWS_STS_REGIONAL_ENDPOINTS: "regional", AWS_REGION: "eu-central-1", X: "true" };
  const variables = Object.entries({ ...env, PLUGIN_KEY: "plugin-secret" }).map(([name, value]) => ({ name, value }));
  const text = JSON.stringify({ users: [{ name: "a", user: { exec: { command: "aws", env: variables } } }] });
  expect(masks(listKubeconfigSecrets(text))).toEqual(["plugin-secret"]);
});

test("the line below an empty field is no secret", () => {
  const text = "users:\n- user:\n    token:\ncurrent-context: admin\nbroken: [";
  expect(listKubeconfigSecrets(text)).toEqual([]);
});

test("an alias bomb, a deep and a huge text are looked through without harm", () => {
  const names = Array.from({ length: 9 }, (_, index) => `a${index}`);
  const lines = names.map((name, index) => `${name}: &${name} [${(index === 0 ? "x," : `*a${index - 1},`).repeat(9)}]`);
  const bomb = `${lines.join("\n")}\ntoken: tok-0123456789\n`;
  expect(listKubeconfigSecrets(bomb)).toContain("tok-0123456789");
  expect(listKubeconfigSecrets(`token: tok-0123456789\nx: ${"[".repeat(100_000)}`)).toContain("tok-0123456789");
  expect(listKubeconfigSecrets(`${"a: b\n".repeat(400_000)}token: tok-0123456789`)).toContain("tok-0123456789");
});

test("secrets of inputs and environment are listed, the key id is not", () => {
  const key = Buffer.alloc(32, 0xfb);
  const registered = masks(
    listSecrets(
      giving(
        {
          "s3-access-key-id": "AKIDEXAMPLE",
          "s3-secret-access-key": "wJalr/EXAMPLE",
          "s3-session-token": "session==",
          "presign-access-key-id": "AKIDREAD",
          "presign-secret-access-key": "read-secret",
          "encryption-key": key.toString("base64"),
        },
        {
          AWS_SECRET_ACCESS_KEY: "ambient-secret",
          AWS_SESSION_TOKEN: "ambient-token",
          HTTPS_PROXY: "http://u:proxypw@p",
        },
      ),
    ),
  );
  expect(registered).toEqual(
    expect.arrayContaining([
      "wJalr/EXAMPLE",
      "wJalr%2FEXAMPLE",
      "session==",
      "read-secret",
      ...listKeySecrets(key),
      "ambient-secret",
      "ambient-token",
      "proxypw",
    ]),
  );
  expect(registered.filter((mask) => mask.includes("AKID"))).toStrictEqual([]);
});

test("a short secret and blank lines are no masks, and none has two lines", () => {
  const registered = masks(["abc", "", "  \n---\n first line \r\nsecond line"]);
  expect(registered).toEqual(expect.arrayContaining(["first line", "second line"]));
  expect(registered.every((mask) => mask.length > 3 && !/[\r\n]/.test(mask))).toBe(true);
});

test("the ways to write a key", () => {
  const key = Buffer.alloc(32, 0xfb);
  expect(listKeySecrets(key)).toStrictEqual([
    key.toString("base64"),
    key.toString("base64").slice(0, 43),
    key.toString("base64url"),
    "fb".repeat(32),
    "FB".repeat(32),
  ]);
});

test("a key that is text is masked line by line, but for the lines that every such key has", () => {
  const pem = "-----BEGIN RSA PRIVATE KEY-----\nMIIEowIBAAKCAQEAq2\nqY9x7w==\n-----END RSA PRIVATE KEY-----\n";
  const registered = masks(listKeySecrets(Buffer.from(pem)));
  expect(registered).toEqual(expect.arrayContaining(["MIIEowIBAAKCAQEAq2", Buffer.from(pem).toString("base64")]));
  expect(registered.filter((mask) => mask.startsWith("-----"))).toEqual([]);
});

test("a short line of a key does not become a mask that takes a word from every log", () => {
  const pem = "-----BEGIN RSA PRIVATE KEY-----\nMIIEowIBAAKCAQEAq2\ntrue\nsuccess\n-----END RSA PRIVATE KEY-----\n";
  expect(masks(listKeySecrets(Buffer.from(pem))).filter((mask) => /^(?:true|success)$/.test(mask))).toEqual([]);
});

test("what stands around a PEM does not become a mask", () => {
  const bag = "Bag Attributes\n    friendlyName: service-account-signer-of-example\n";
  const pem = "-----BEGIN RSA PRIVATE KEY-----\nMIIEowIBAAKCAQEAq2\n-----END RSA PRIVATE KEY-----\n";
  const registered = masks(listKeySecrets(Buffer.from(bag + pem)));
  expect(registered).toContain("MIIEowIBAAKCAQEAq2");
  expect(registered.filter((mask) => mask.includes("friendlyName"))).toEqual([]);
});

test("identities are masked, also one that stands among the recipients, and recipients are not", () => {
  const recipient = `age1${"q".repeat(58)}`;
  const identity = `AGE-SECRET-KEY-1${"Q".repeat(58)}`;
  const misplaced = `AGE-SECRET-KEY-1${"P".repeat(58)}`;
  const given = giving({ "age-identity": `# mine\n${identity}\n`, "key-recipients": `${recipient}\n${misplaced}` }, {});
  const registered = masks(listSecrets(given));
  expect(registered).toEqual(expect.arrayContaining([identity, misplaced]));
  expect(registered).not.toContain(recipient);
});

test("the secret parts of a signed URL", () => {
  const url =
    "https://s3.example.com/b/a.db?X-Amz-Credential=AKID%2F1&X-Amz-Security-Token=to%2Fken%3D&X-Amz-Signature=0a1b2c3d";
  expect(listSignedUrlSecrets(url)).toEqual(expect.arrayContaining([url, "to%2Fken%3D", "to/ken=", "0a1b2c3d"]));
  expect(listSignedUrlSecrets(url)).not.toContain("AKID%2F1");
});
