import { describe, expect, it } from "vitest";
import { base64, kubeconfigText, kubeconfigToken, refusal, shown, type KubeconfigFields } from "./kubeconfig-text.ts";

const text = kubeconfigText();
const oneMiB = 1024 * 1024;

/** Nine levels of nine references each: 9^9 values, were they followed. */
const bomb = Array.from({ length: 9 }, (_, level) => {
  const below = level === 0 ? '"x"' : `*a${String(level - 1)}`;
  return `a${String(level)}: &a${String(level)} [${Array.from({ length: 9 }, () => below).join(", ")}]`;
}).join("\n");

describe("a kubeconfig that is none", () => {
  it.each([
    ["empty", ""],
    ["blank", " \n\t\n"],
    ["only comments", "# nothing\n"],
    ["null", "null"],
    ["a list", "- a\n- b"],
    ["an empty list", "[]"],
    ["one word", "eyJhbGciOiJSUzI1NiJ9.e30.c2ln"],
    ["a number", "42"],
    ["base64 of something else", base64("\u0000\u0001\u0002".repeat(40))],
    ["cut base64", base64(text).slice(0, 200)],
    ["two documents", `${text}---\n${text}`],
    ["a tag that makes objects", `!!js/function "x"\n${text}`],
    ["2 MiB of text", text + `# ${"x".repeat(2 * oneMiB)}\n`],
    ["2 MiB in base64", base64(text + `# ${"x".repeat(2 * oneMiB)}\n`)],
    ["an alias", text.replace("preferences: {}", "preferences: &p {}\nmore: *p")],
    [
      "an alias of the token",
      text.replace("token: ", "token: &t ").replace("preferences: {}", "preferences: {}\nz: *t"),
    ],
    ["a bomb of aliases", `${text}\n${bomb}`],
    ["a merge key", text.replace("user:\n", "user:\n      <<: { token: other }\n")],
    ["a key twice", text.replace("kind: Config", "kind: Config\nkind: Config")],
    ["the token twice", text.replace(/( +)(token: .*)/, "$1$2\n$1$2")],
    ["nested 20,000 deep", `${text}\nx: ${"[".repeat(20_000)}${"]".repeat(20_000)}`],
    ["nested without end", `${text}\nx: ${"[".repeat(100_000)}`],
    ["a tab for indentation", text.replace("  - name", "\t- name")],
  ])("%s", (_title, given) => {
    const refused = refusal(given);
    expect(refused.code).toMatch(/^kubeconfig-(invalid|refused)$/);
    expect(shown(refused)).not.toMatch(/undefined|\[object|\n {4}at /);
    expect(shown(refused)).not.toContain(kubeconfigToken);
    expect(shown(refused).length).toBeLessThan(500);
  });
});

describe("a kubeconfig that lacks something", () => {
  // Copies: the same object twice would be written as an alias.
  const twice = (entries: readonly object[]): readonly object[] => [...entries, ...structuredClone(entries)];
  const [contexts, clusters, users] = [
    [{ name: "management", context: { cluster: "management", user: "etcd-backup" } }],
    [{ name: "management", cluster: { server: "https://api.example.test:6443" } }],
    [{ name: "etcd-backup", user: { token: kubeconfigToken } }],
  ];
  it.each<[string, RegExp, KubeconfigFields]>([
    ["no current-context", /no current-context/, { document: { "current-context": undefined } }],
    ["an empty current-context", /no current-context/, { document: { "current-context": "" } }],
    ["a context that is not there", /no context "gone"/, { document: { "current-context": "gone" } }],
    ["no contexts", /no context "management"/, { document: { contexts: undefined } }],
    ["contexts that are no list", /no context "management"/, { document: { contexts: { management: {} } } }],
    ["a context without a cluster", /no cluster in/, { document: { contexts: [{ name: "management", context: {} }] } }],
    [
      "a context without a user",
      /no user in/,
      { document: { contexts: [{ name: "management", context: { cluster: "management" } }] } },
    ],
    ["a cluster that is not there", /no cluster "management"/, { document: { clusters: [] } }],
    [
      "a cluster of null",
      /no cluster "management"/,
      { document: { clusters: [{ name: "management", cluster: null }] } },
    ],
    ["a user who is not there", /no user "etcd-backup"/, { document: { users: [null, "etcd-backup"] } }],
    ["a context twice", /more than one entry "management" in contexts/, { document: { contexts: twice(contexts) } }],
    ["a cluster twice", /more than one entry "management" in clusters/, { document: { clusters: twice(clusters) } }],
    ["a user twice", /more than one entry "etcd-backup" in users/, { document: { users: twice(users) } }],
    ["no server", /no server/, { cluster: { server: "" } }],
    ["a server without https://", /no https:\/\/ address/, { cluster: { server: "api.example.test:6443" } }],
    ["a server that is no address", /no https:\/\/ address/, { cluster: { server: "https://" } }],
    ["a server with a user", /no https:\/\/ address/, { cluster: { server: "https://me@api.example.test" } }],
    [
      "a server with a password alone",
      /no https:\/\/ address/,
      { cluster: { server: "https://:pw@api.example.test" } },
    ],
    ["a server with a query", /no https:\/\/ address/, { cluster: { server: "https://api.example.test/?x=1" } }],
    ["a server with an empty query", /no https:\/\/ address/, { cluster: { server: "https://api.example.test/?" } }],
    ["a server with a fragment", /no https:\/\/ address/, { cluster: { server: "https://api.example.test/#x" } }],
    ["a server with an empty fragment", /no https:\/\/ address/, { cluster: { server: "https://api.example.test/#" } }],
    ["a server that is a list", /server that is no text/, { cluster: { server: ["https://api.example.test"] } }],
    ["no credentials", /neither a token nor/, { user: {} }],
    ["a token that is empty", /neither a token nor/, { user: { token: "" } }],
    ["a token that is a number", /token that is no text/, { user: { token: 123456789 } }],
    ["a token in two lines", /not one line/, { user: { token: "first-half\nsecond-half" } }],
    ["a token with a carriage return", /not one line/, { user: { token: "first-half\rsecond-half" } }],
    ["a token with a blank", /not one line/, { user: { token: "first-half second-half" } }],
    ["a token with a letter that no header takes", /not one line/, { user: { token: "first-half-\u00e4\u0000" } }],
    ["a token of blanks", /not one line/, { user: { token: "   " } }],
  ])("%s", (_title, problem, fields) => {
    const refused = refusal(kubeconfigText(fields));
    expect(refused.code).toBe("kubeconfig-invalid");
    expect(refused.message).toMatch(problem);
    expect(shown(refused)).not.toMatch(/undefined|\[object|first-half|:pw@|me@/);
  });

  it("a context that was asked for by a name of a million characters", () => {
    const name = "x".repeat(oneMiB / 2);
    for (const refused of [
      refusal(text, { context: name }),
      refusal(kubeconfigText({ document: { "current-context": name, contexts: [{ name, context: {} }] } })),
      refusal(
        kubeconfigText({
          document: { contexts: [{ name: "management", context: { cluster: name, user: "etcd-backup" } }] },
        }),
      ),
    ]) {
      expect(refused.code).toBe("kubeconfig-invalid");
      expect(refused.message.length).toBeLessThan(300);
    }
  });
});

describe("a token on a line that cannot be read is never shown", () => {
  it.each([
    ["an unclosed quote", (line: string) => line.replace("token: ", 'token: "')],
    ["a colon too many", (line: string) => line.replace("token: ", "token: a: ")],
    ["no colon", (line: string) => line.replace("token:", "token")],
    ["an open bracket", (line: string) => line.replace("token: ", "token: [")],
    ["an unknown tag", (line: string) => line.replace("token: ", "token: !secret ")],
    ["an anchor that is not there", (line: string) => line.replace("token: ", "token: *")],
    ["a wrong escape", (line: string) => line.replace("token: ", 'token: "\\q').concat('"')],
    ["a tab", (line: string) => line.replace("  token", "\ttoken")],
    ["the key of a key", (line: string) => line.replace("token: ", "? ")],
  ])("%s", (_title, spoil) => {
    const broken = text
      .split("\n")
      .map((line) => (line.includes(kubeconfigToken) ? spoil(line) : line))
      .join("\n");
    expect(broken).not.toBe(text);
    const refused = refusal(broken);
    expect(refused.code).toMatch(/^kubeconfig-(invalid|refused)$/);
    expect(shown(refused)).not.toContain(kubeconfigToken);
  });
});

describe("what to change is told", () => {
  it.each<[string, string, RegExp]>([
    ["a key twice", text.replace("kind: Config", "kind: Config\nkind: Config"), /has a key twice in line 3/],
    ["a bracket that is open", text.replace("preferences: {}", "preferences: {"), /in line \d+/],
    ["a file that was cut off", text.slice(0, text.indexOf("clusters:")), /no clusters at all: was it cut off\?/],
    ["a context that is not there", kubeconfigText({ document: { "current-context": "gone" } }), /get-contexts lists/],
    ["a server over http", kubeconfigText({ cluster: { server: "http://a.test" } }), /give its https:\/\/ address/],
    ["a server without https", kubeconfigText({ cluster: { server: "a.test:6443" } }), /https:\/\/<host>:<port>/],
    ["a token that is a number", kubeconfigText({ user: { token: 1234 } }), /put its value into quotes/],
    ["an impersonation", kubeconfigText({ user: { token: kubeconfigToken, as: "admin" } }), /remove it$/],
  ])("of %s", (_title, given, expected) => {
    expect(shown(refusal(given))).toMatch(expected);
    expect(shown(refusal(given))).not.toMatch(/[A-Z]+_[A-Z]+/);
  });
});
