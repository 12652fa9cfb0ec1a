import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { parse as parseYaml } from "yaml";
import { parseKubeconfig, type Kubeconfig } from "../../../src/kubeconfig/context.ts";
import { base64, kubeconfigText, kubeconfigToken, refusal, shown, type KubeconfigFields } from "./kubeconfig-text.ts";

const folder = mkdtempSync(join(tmpdir(), "kubeconfig-"));
afterAll(() => {
  rmSync(folder, { recursive: true });
});

function parse(text: string, context?: string): Kubeconfig {
  return parseKubeconfig(text, { ...(context === undefined ? {} : { context }), environment: {} });
}

const text = kubeconfigText();

describe("what is accepted", () => {
  const accepted = { server: "https://api.example.test:6443", token: kubeconfigToken, proxy: {}, warnings: [] };
  it.each([
    ["text", text],
    ["base64", base64(text)],
    ["base64 in lines, as the tool of that name prints it", base64(text).replace(/(.{76})/g, "$1\n")],
    ["base64 in lines that end with CRLF", `${base64(text).replace(/(.{76})/g, "$1\r\n")}\r\n`],
    ["text with CRLF", text.replaceAll("\n", "\r\n")],
    ["base64 of text with CRLF", base64(text.replaceAll("\n", "\r\n"))],
    ["text with a byte order mark", `\uFEFF${text}`],
    ["a document with its start and end marked", `---\n${text}...\n`],
    ["JSON", JSON.stringify(parseYaml(text))],
  ])("%s", (_title, given) => {
    expect(parse(given)).toStrictEqual(accepted);
  });

  it.each<[string, KubeconfigFields]>([
    ["extensions", { cluster: { extensions: [{ name: "x" }] }, user: { token: kubeconfigToken, extensions: [] } }],
    ["compression that is switched off", { cluster: { "disable-compression": true } }],
    ["verification that is not skipped", { cluster: { "insecure-skip-tls-verify": false } }],
    ["fields that are empty", { user: { token: kubeconfigToken, tokenFile: "", exec: null, username: "" } }],
    [
      "a plugin of a user who is not asked for",
      {
        document: {
          users: [
            { name: "etcd-backup", user: { token: kubeconfigToken } },
            { name: "other", user: { exec: { command: "steal" } } },
          ],
        },
      },
    ],
  ])("%s", (_title, fields) => {
    expect(parse(kubeconfigText(fields))).toStrictEqual(accepted);
  });

  it.each<[string, KubeconfigFields]>([
    ["an empty mapping", { user: { token: kubeconfigToken, "as-user-extra": {} } }],
    ["an empty list", { user: { token: kubeconfigToken, "as-groups": [] } }],
    ["an empty name to act as", { user: { token: kubeconfigToken, as: "", "as-uid": "" } }],
    ["an empty field of a later version", { cluster: { "nobody-knows-this": {} } }],
    ["an empty file", { cluster: { "certificate-authority": "" }, user: { token: kubeconfigToken, "client-key": "" } }],
  ])("field report 4: %s, which has no effect", (_title, fields) => {
    expect(parse(kubeconfigText(fields))).toStrictEqual(accepted);
  });

  it.each([
    ["at its end", `${text}---\n`],
    ["at its end, with a comment", `${text}---\n# the end\n`],
    ["at both ends, in base64", base64(`---\n${text}---\n`)],
  ])("field report 4: a --- %s", (_title, given) => {
    expect(parse(given)).toStrictEqual(accepted);
  });

  it("field report 4: a key without a certificate beside a token, with a warning", () => {
    const user = {
      token: kubeconfigToken,
      "client-key-data": base64("the CA, as a recipe has it"),
      "as-user-extra": {},
    };
    const { warnings, ...read } = parse(kubeconfigText({ user }));
    expect({ ...read, warnings: [] }).toStrictEqual(accepted);
    expect(warnings).toStrictEqual([expect.stringMatching(/client-key-data .* no effect/)]);
  });

  it.each(["exec", "auth-provider"])("but not an empty %s, with which kubectl fails", (field) => {
    expect(refusal(kubeconfigText({ user: { token: "t", [field]: {} } })).code).toBe("kubeconfig-refused");
  });

  it("another context than the current one", () => {
    const given = kubeconfigText({
      document: {
        contexts: [
          { name: "management", context: { cluster: "management", user: "etcd-backup" } },
          { name: "other", context: { cluster: "other", user: "etcd-backup", namespace: "clusters" } },
        ],
        clusters: [
          { name: "management", cluster: { server: "https://api.example.test:6443" } },
          { name: "other", cluster: { server: "https://other.example.test/k8s/", "tls-server-name": "inside" } },
        ],
      },
    });
    expect(parse(given)).toStrictEqual(accepted);
    expect(parse(given, "other")).toStrictEqual({
      ...accepted,
      server: "https://other.example.test/k8s",
      tlsServerName: "inside",
    });
  });
});

describe("a field that is refused is named", () => {
  it.each<[string, KubeconfigFields]>([
    ["user.exec", { user: { exec: { command: "aws", args: ["eks", "get-token"] } } }],
    ["user.auth-provider", { user: { "auth-provider": { name: "gcp", config: { "cmd-path": "/bin/sh" } } } }],
    ["user.tokenFile", { user: { tokenFile: "/var/run/secrets/token" } }],
    ["user.client-certificate", { user: { token: "t", "client-certificate": "/etc/passwd" } }],
    ["user.client-key", { user: { token: "t", "client-key": "/etc/passwd" } }],
    ["user.username", { user: { username: "admin", password: "hunter2" } }],
    ["user.password", { user: { token: "t", password: "hunter2" } }],
    ["user.as", { user: { token: "t", as: "system:admin" } }],
    ["user.as-groups", { user: { token: "t", "as-groups": ["system:masters"] } }],
    ["user.as-uid", { user: { token: "t", "as-uid": "1" } }],
    ["user.as-user-extra", { user: { token: "t", "as-user-extra": { scopes: ["x"] } } }],
    ["cluster.certificate-authority", { cluster: { "certificate-authority": "/etc/ssl/ca.crt" } }],
    ["cluster.insecure-skip-tls-verify", { cluster: { "insecure-skip-tls-verify": true } }],
    ["cluster.server", { cluster: { server: "http://api.example.test:6443" } }],
    ["cluster.proxy-url", { cluster: { "proxy-url": "ftp://proxy.example.test" } }],
    ["cluster.nobody-knows-this", { cluster: { "nobody-knows-this": "x" } }],
    ["user.constructor", { user: { token: "t", constructor: "x" } }],
  ])("%s", (field, fields) => {
    const refused = refusal(kubeconfigText(fields));
    expect(refused.code).toBe("kubeconfig-refused");
    expect(refused.message).toContain(`field ${field} `);
    expect(refused.hint).toMatch(/\w+ \w+/);
  });

  it("but not shown when its name is no name", () => {
    const refused = refusal(kubeconfigText({ user: { "token super-secret-value": "x" } }));
    expect(refused.code).toBe("kubeconfig-refused");
    expect(shown(refused)).not.toContain("super-secret");
  });

  it("a plugin is not run to find that out", () => {
    const canary = join(folder, "plugin-ran");
    const exec = { apiVersion: "client.authentication.k8s.io/v1", command: "touch", args: [canary] };
    expect(refusal(kubeconfigText({ user: { exec } })).code).toBe("kubeconfig-refused");
    const provider = { name: "gcp", config: { "cmd-path": "touch", "cmd-args": canary } };
    expect(refusal(kubeconfigText({ user: { "auth-provider": provider } })).code).toBe("kubeconfig-refused");
    expect(existsSync(canary)).toBe(false);
  });

  it("a field with the name of a method of every object has a reason in words", () => {
    for (const name of ["constructor", "toString", "__proto__", "valueOf"]) {
      const given = text.replace("token:", `${name}: x\n      token:`);
      expect(typeof refusal(given).hint).toBe("string");
    }
  });
});
