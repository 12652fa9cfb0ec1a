import { gzipSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { parse, stringify } from "yaml";
import { parseKubeconfig } from "../../../src/kubeconfig/context.ts";
import { listKubeconfigSecrets } from "../../../src/kubeconfig/secrets.ts";
import { base64, kubeconfigText, kubeconfigToken, refusal, serviceAccountToken, shown } from "./kubeconfig-text.ts";

const text = kubeconfigText();
const secret = { apiVersion: "v1", kind: "Secret", metadata: { name: "k" }, data: { kubeconfig: base64(text) } };

/** How a kubeconfig is wrapped, and the words that say so. */
const wrappings: readonly (readonly [title: string, given: string, words: RegExp])[] = [
  ["base64 of base64", base64(base64(text)), /decodes to base64 again/],
  ["base64 of base64 in lines", base64(base64(text).replace(/(.{76})/g, "$1\n")), /decodes to base64 again/],
  ["a Secret", stringify(secret), /is a Secret, not a kubeconfig/],
  ["base64 of a Secret", base64(stringify(secret)), /is base64.*is a Secret/],
  ["a list with a Secret", stringify({ kind: "List", items: [secret] }), /is a List, not/],
  ["a ConfigMap", stringify({ kind: "ConfigMap", data: { kubeconfig: text } }), /is a ConfigMap, not/],
  ["a text of JSON", JSON.stringify(text), /text in quotes/],
  ["base64 of a text of JSON", base64(JSON.stringify(text)), /text in quotes/],
  ["single quotes", `'${text}'`, /text in quotes/],
  ["line breaks as \\n", text.replaceAll("\n", "\\n"), /\\n in place of its line breaks/],
  ["an item of a YAML list", stringify([parse(text)]), /an item of a list/],
  ["a text in a YAML list", stringify([text]), /an item of a list/],
  ["a key of its own", stringify({ kubeconfig: text }), /below a key of its own/],
  ["a mapping below a key", stringify({ value: parse(text) as object }), /below a key of its own/],
  ["a code block", `\`\`\`yaml\n${text}\`\`\``, /between lines of ```/],
  ["a data: URL", `data:application/yaml;base64,${base64(text)}`, /a data: URL/],
  ["a compressed file", gzipSync(text).toString("base64"), /a compressed file/],
  ["UTF-16", Buffer.from(`\uFEFF${text}`, "utf16le").toString("base64"), /text in UTF-16/],
  ["an encoding for URLs", encodeURIComponent(text), /encoded for a URL/],
  ["a line of a program before it", `Switched to context "x".\n${text}`, /other lines before/],
  ["a script that writes it", `cat <<EOF > kubeconfig\n${text}EOF\n`, /other lines before/],
  ["base64 with its name before it", `base64:${base64(text)}`, /base64 with other characters around it/],
  ["base64 with the prompt of a shell behind it", `${base64(text)}%`, /base64 with other characters around it/],
  ["a variable of another name", `export MANAGEMENT_KUBECONFIG_B64=${base64(text)}`, /assignment to a variable/],
  ["an answer of a vault", JSON.stringify({ data: { data: { kubeconfig: text } } }), /below a key of its own/],
  ["hexadecimal digits", Buffer.from(text).toString("hex"), /hexadecimal digits/],
];

/** What is no kubeconfig at all. */
const others: readonly (readonly [title: string, given: string, words: RegExp])[] = [
  ["a path", "/home/runner/.kube/config", /path of a file/],
  ["a path below home", "~/.kube/config", /path of a file/],
  ["a path of Windows", "C:\\Users\\me\\.kube\\config", /path of a file/],
  ["the name of a file", "kubeconfig.yaml", /path of a file/],
  ["a variable", "export KUBECONFIG=/home/runner/.kube/config", /assignment to a variable/],
  ["a bare token", serviceAccountToken({ sub: "x" }), /a token alone/],
  ["an opaque token", "sha256~0123456789abcdefghijklmnopqrstuvwxyzABCDEFG", /a token alone/],
  ["an expression", "${{ secrets.KUBECONFIG }}", /expression that was not evaluated/],
  ["a mask", "***", /mask, copied from a log/],
  [
    "an archive",
    Buffer.concat([Buffer.from("PK\x03\x04"), Buffer.alloc(100, 7)]).toString("base64"),
    /a compressed file/,
  ],
  [
    "a file that age encrypted",
    "-----BEGIN AGE ENCRYPTED FILE-----\nYWdl\n-----END AGE ENCRYPTED FILE-----",
    /encrypted/,
  ],
  ["a file that GnuPG encrypted", "-----BEGIN PGP MESSAGE-----\nabc\n-----END PGP MESSAGE-----", /encrypted/],
  ["a certificate", "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----", /a file in PEM/],
  ["the page of a login", "<!DOCTYPE html>\n<html><body>Sign in</body></html>", /a web page/],
  ["tabs", text.replaceAll("  ", "\t"), /indented with tabs/],
  ["blanks of a web page", text.replaceAll("  ", "\u00a0\u00a0"), /blanks that YAML does not know/],
  [
    "what kubectl prints without a file",
    "apiVersion: v1\nkind: Config\nclusters: null\ncontexts: null\nusers: null\ncurrent-context: ''\npreferences: {}\n",
    /is empty/,
  ],
  ["an ExternalSecret", stringify({ kind: "ExternalSecret", spec: {} }), /is an ExternalSecret, not/],
  ["a Deployment", stringify({ apiVersion: "apps/v1", kind: "Deployment" }), /is a Deployment, not/],
];

describe("field report 14: what a kubeconfig was wrapped in is told by name", () => {
  it.each([...wrappings, ...others])("%s", (_title, given, words) => {
    const refused = refusal(given);
    expect(refused.code).toBe("kubeconfig-invalid");
    expect(refused.message).toMatch(words);
    expect(refused.hint).toMatch(/\w+ \w+/);
    expect(refused.hint).not.toContain("--minify --flatten\n");
    expect(shown(refused)).not.toContain(kubeconfigToken);
  });

  it.each<[string, object, RegExp]>([
    ["a token in base64", { token: base64(serviceAccountToken({ sub: "x" })) }, /base64 of a token/],
    ["a token with its scheme", { token: `Bearer ${serviceAccountToken({ sub: "x" })}` }, /begins with Bearer/],
    ["a token that SOPS encrypted", { token: "ENC[AES256_GCM,data:abc,iv:x,tag:y,type:str]" }, /SOPS/],
    ["a token that kubectl left out", { token: "REDACTED" }, /left out/],
    [
      "a key that kubectl left out",
      { "client-certificate-data": "DATA+OMITTED", "client-key-data": "DATA+OMITTED" },
      /left out/,
    ],
    ["PEM as it is", { "client-certificate-data": "-----BEGIN CERTIFICATE-----\n", "client-key-data": "eA==" }, /PEM/],
    [
      "base64 of base64 in a field",
      {
        "client-certificate-data": base64(base64("-----BEGIN CERTIFICATE-----\n".repeat(3))),
        "client-key-data": "eA==",
      },
      /base64 of base64/,
    ],
  ])("within: %s", (_title, user, words) => {
    const refused = refusal(kubeconfigText({ user }));
    expect(refused.code).toBe("kubeconfig-invalid");
    expect(refused.message).toMatch(words);
  });
});

it.each(wrappings)("the token is a mask whatever it is wrapped in: %s", (_title, given) => {
  expect(listKubeconfigSecrets(given)).toContain(kubeconfigToken);
});

it("a token in base64 is a mask in both forms", () => {
  const token = serviceAccountToken({ sub: "x" });
  const secrets = listKubeconfigSecrets(kubeconfigText({ user: { token: base64(token) } }));
  expect(secrets).toEqual(expect.arrayContaining([token, base64(token)]));
});

it("every field that the parser reads as a credential is a mask", () => {
  const token = "an-opaque-token-of-some-length";
  for (const given of [kubeconfigText({ user: { token } }), base64(kubeconfigText({ user: { token } }))]) {
    expect(parseKubeconfig(given, { environment: {} }).token).toBe(token);
    expect(listKubeconfigSecrets(given)).toContain(token);
  }
});

it.each([
  ["names of a variable", "KUBECONFIG".repeat(100_000)],
  ["lines", "a\n".repeat(400_000)],
  ["blanks", "\u00a0".repeat(1_000_000)],
])("1 MB of %s are looked through without harm", (_title, given) => {
  expect(refusal(given).code).toBe("kubeconfig-invalid");
  expect(listKubeconfigSecrets(given)).not.toContain("");
});
