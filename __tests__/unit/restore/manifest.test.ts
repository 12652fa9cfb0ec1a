import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { parseManifest } from "../../../src/restore/manifest.ts";
import { seed } from "../../seed.ts";
import { codeOf, rejectedError } from "./expectations.ts";
import { buildManifest } from "./manifest-builder.ts";

const parse = (text: string): readonly unknown[] => parseManifest(Buffer.from(text)).map(({ value }) => value);

describe("a manifest is read as kubectl reads it", () => {
  test("its documents, the empty one after the last separator too", () => {
    const documents = parseManifest(Buffer.from(buildManifest()));
    expect(documents.map(({ value }) => value && (value as { kind: string }).kind)).toEqual([
      "Namespace",
      "Secret",
      "HostedCluster",
      "NodePool",
      undefined,
    ]);
    expect(documents.map(({ text }) => text).join("")).toBe(buildManifest());
  });

  test.each([
    [
      "what is a number or a boolean of YAML 1.1 is not text",
      "a: 1e3\nb: yes\nc: 'yes'\nd: 1_0\ne: Off\nf: 2020-01-01\ng: 1:20\nh: tRue\ni: nULL\nj: NULL",
      [{ a: 1000, b: true, c: "yes", d: 10, e: false, f: "2020-01-01", g: "1:20", h: "tRue", i: "nULL", j: null }],
    ],
    ["CRLF", "a: 1\r\nb: |\r\n  x\r\n---\r\nc: 2\r\n", [{ a: 1, b: "x\n" }, { c: 2 }]],
    ["a BOM", "\ufeffa: 1\n", [{ a: 1 }]],
    ["comments alone as nothing", "# first\n---\na: 1\n---\n# last\n", [undefined, { a: 1 }, undefined]],
    ["an anchor that nothing refers to", "a: &x 1\n", [{ a: 1 }]],
    ["a separator with a comment", "a: 1\n--- # next\nb: 2", [{ a: 1 }, { b: 2 }]],
    ["dashes that are no separator", "a: ---\nb: x---\n", [{ a: "---", b: "x---" }]],
    ["JSON", '{"a": {"b": [1, "c"]}}', [{ a: { b: [1, "c"] } }]],
    ["keys of JavaScript's own objects", "constructor: 1\ntoString: 2\n", [{ constructor: 1, toString: 2 }]],
    ["an empty file", "", [undefined]],
    ["as many documents as are allowed", "a: 1\n---\n".repeat(199), [...Array<unknown>(199).fill({ a: 1 }), undefined]],
  ])("%s", (_, text, values) => {
    expect(parse(text)).toEqual(values);
  });
});

describe("a hostile manifest is refused", () => {
  const bomb = [
    "a: &a [x, x, x]",
    ...Array.from({ length: 9 }, (_, index) => {
      const [name, last] = [letter(index + 1), letter(index)];
      return `${name}: &${name} [${Array(9).fill(`*${last}`).join(", ")}]`;
    }),
  ].join("\n");

  test.each([
    ["an alias bomb", bomb],
    ["an alias", "spec: &spec {a: 1}\nother: *spec"],
    ["a merge key", "spec:\n  <<: {managementType: Unmanaged}"],
    ["a key twice", "a: 1\nb: 2\na: 3"],
    ["a key twice, quoted once", 'a: 1\n"a": 3'],
    ["a key twice, in a flow mapping deep inside", "a: [{b: 1, b: 2}]"],
    ["__proto__ as key", "spec:\n  __proto__: {polluted: true}"],
    ["a mapping as key", "{a: 1}: b"],
    ["an empty key", ": b"],
    ["a tag of its own", "a: !evil b"],
    ["a tag of YAML", "a: !!binary aGk="],
    ["a directive", "%YAML 1.1\n---\na: yes"],
    ["a directive for tags", "%TAG ! tag:example.com,2026:\n---\na: 1"],
    ["a second document behind an end marker", "a: 1\n...\nb: 2\n"],
    ["500 documents", "a: 1\n---\n".repeat(500)],
    ["more than 1 MiB", `a: ${"x".repeat(1024 * 1024)}`],
    ["nesting in brackets", "[".repeat(20_000)],
    ["nesting in dashes", "- ".repeat(20_000)],
    ["nesting by indentation", Array.from({ length: 150 }, (_, depth) => `${" ".repeat(depth)}a:`).join("\n")],
    ["a NUL", "a: b\0c"],
    ["an escape sequence", "a: \u001b[31mred"],
    ["a bare carriage return", "# hidden\rkind: HostedCluster\na: 1"],
    ["a line separator of YAML 1.1", "a: 1\u2028---\u2028b: 2"],
    ["a control character of C1", "a: \u0080"],
    ["a noncharacter", "a: \ufffe"],
    ["more fields than a parser reads in a second", "a: b\n".repeat(20_000)],
    ["1 MiB of brackets", "[".repeat(1024 * 1024)],
    ["1 MiB of entries", `a: [${"a,".repeat(524_000)}`],
    ["1 MiB of anchors", `a: [${"&a x,".repeat(200_000)}`],
    ["1 MiB of questions", "? ".repeat(524_000)],
    ["a syntax error", "a: [1, 2"],
    ["a tab as indentation", "a:\n\tb: 1"],
    ["a text", "just words"],
    ["a list", "- a\n- b"],
  ])("%s", (_, text) => {
    expect(codeOf(() => parse(text))).toBe("manifest-invalid");
  });

  test("what is not UTF-8", () => {
    expect(codeOf(() => parseManifest(Buffer.from("a: b", "utf16le")))).toBe("manifest-invalid");
    expect(codeOf(() => parseManifest(Buffer.from([0x61, 0x3a, 0x20, 0xff])))).toBe("manifest-invalid");
  });

  test("with the line of the file, and without a word of it", () => {
    const attempt = (): unknown => parse("a: 1\n---\nb: 2\n---\n\ntoken: 'hunter2\n");
    expect(attempt).toThrow(/line (6|7)/);
    expect(attempt).not.toThrow(/hunter2/);
  });

  test("and the prototype of objects stays as it was", () => {
    codeOf(() => parse("__proto__: {polluted: true}"));
    expect(Reflect.get({}, "polluted")).toBeUndefined();
  });
});

/**
 * The answers of kubectl, read with k8s.io/apimachinery 0.34.4 (YAMLOrJSONDecoder, then UnstructuredJSONScheme): it sees a
 * second object where a reader of YAML 1.2 sees one, or another value, or it ends there after the first objects were applied.
 */
describe("a text that kubectl reads otherwise is refused", () => {
  const first = "kind: ConfigMap\napiVersion: v1\n";
  const second = "kind: HostedCluster\napiVersion: v1\n";

  test.each([
    ["two objects: a byte order mark behind a separator", `${first}---\n\ufeff${second}`],
    ["two objects: a byte order mark and a blank", `${first}---\n\ufeff ${second}`],
    ["two objects: a separator with a comment at once", `${first}---#x\n${second}`],
    ["two objects: a separator with a blank of no ASCII", `${first}---\u00a0\n${second}`],
    ["two objects: a separator with a wide blank and a comment", `${first}---\u2003#\n${second}`],
    ["two objects: a separator with a form feed", `${first}---\f\n${second}`],
    ["two objects: a stream of JSON", '{"kind":"A","apiVersion":"v1"}{"kind":"B","apiVersion":"v1"}'],
    ["two objects: a stream of JSON on two lines", '{"kind":"A","apiVersion":"v1"}\n{"kind":"B","apiVersion":"v1"}'],
    ["JSON: a blank of no ASCII before a brace", `\u00a0{"kind": "HostedCluster", "apiVersion": "v1"}: x\n${first}`],
    ["JSON: a wide blank before a brace", `\n\u3000{"kind": "HostedCluster", "apiVersion": "v1"}\n${first}`],
    ["JSON: such a blank behind a separator", `${first}---\n \u2003{"kind": "B", "apiVersion": "v1"}: x\n${second}`],
    ["an error: an end marker without a document", `...\n---\n${first}`],
    ["an error: the same between two documents", `${first}---\n# none\n...\n---\n${second}`],
    ["an error: a key that is asked for and has no value", `${first}? "\\e"\n`],
    ["an error: the same before a key", `${first}? 'y'"k": v\n`],
    ["one object: a document behind an end marker", `${first}...\n${second}`],
    ["an error: fields behind a separator", `${first}--- {kind: B, apiVersion: v1}\n`],
    ["an error: a scalar behind a separator", `${first}--- |\n x\n`],
    ["an error: dashes that are a key", `${first}----: c\n`],
    ["an error: dashes with a word", `${first}---x\n${second}`],
    ["another key: yes is true", `${first}data: {yes: a}\n`],
    ["another key: on is true", `${first}data:\n  on: a\n`],
    ["another key: y is true", `${first}data: {y: a}\n`],
    ["another key: 0x10 is 16", `${first}data: {0x10: a}\n`],
    ["another key: 1.0 is 1", `${first}data: {1.0: a}\n`],
    ["one key for two: 1 and '1'", `${first}data: {1: a, '1': b}\n`],
    ["one key for two: true and 'true'", `${first}data: {true: a, 'true': b}\n`],
    ["an error: a key that is null", `${first}data: {~: a}\n`],
    ["another value: a key twice", `${first}data: {a: b, a: c}\n`],
    ["another value: binary", `${first}a: !!binary aGk=\n`],
    ["another value: a tag of its own", `${first}a: !x\n`],
    ["another value: a merge key", `${first}<<: {b: c}\n`],
    ["another value: a line separator", `${first}a: "x\u2028b: c"\n`],
    ["an error: infinity", `${first}a: .inf\n`],
    ["an error: no number", `${first}a: .NaN\n`],
    ["an error: a half of a character", `${first}a: "\\ud83d\\ude00"\n`],
    ["an error: an escaped slash", `${first}a: "x\\/y"\n`],
    ["an error: a version of YAML", `%YAML 1.1\n---\n${first}`],
    ["an error: a tab before nothing", `${first}\t\n`],
    ["the same, and nobody sees it: a blank of no width in a key", `${first}\u200bkind: B\n`],
    ["the same, and nobody sees it: a mark that turns the line", `${first}a: b\u202e\n`],
  ])("%s", (_, text) => {
    expect(codeOf(() => parse(text))).toBe("manifest-invalid");
  });

  test("and what both read alike is taken", () => {
    const text = `${first}"a": 'it''s'\nb : "x\\\n  y"\nc: >-\n\n x\n\n\n y\nd: |+2\n   x\n\ne: {a:b, "c":d}\nf: [a: b]\n? g\n: \u00a0h\n`;
    expect(parse(text)).toEqual([
      {
        kind: "ConfigMap",
        apiVersion: "v1",
        a: "it's",
        b: "xy",
        c: "\nx\n\ny",
        d: " x\n\n",
        e: { "a:b": null, c: "d" },
        f: [{ a: "b" }],
        g: "\u00a0h",
      },
    ]);
  });
});

test("whatever the file is, it is refused with a code or its documents make it up", () => {
  const fragment = fc.constantFrom(
    "a",
    ": ",
    "\n",
    "---",
    "---\n",
    "...\n",
    "- ",
    "#",
    "'",
    '"',
    "{",
    "}",
    "[",
    "]",
    "&x ",
    "*x",
    "!t ",
    "|\n",
    ">\n",
    "  ",
    "\t",
    "%",
    "\r\n",
    "?",
    "<<",
    ",",
    "~",
    "é",
  );
  fc.assert(
    fc.property(fc.array(fragment, { maxLength: 30 }), (fragments) => {
      const text = fragments.join("");
      const code = codeOf(() => {
        expect(
          parseManifest(Buffer.from(text))
            .map((document) => document.text)
            .join(""),
        ).toBe(text);
      });
      expect([undefined, "manifest-invalid"]).toContain(code);
    }),
    { numRuns: 1_000, seed },
  );
});

function letter(index: number): string {
  return String.fromCharCode("a".charCodeAt(0) + index);
}

test.each<[string, Buffer, RegExp, RegExp]>([
  ["a template of Helm", Buffer.from("metadata:\n  name: {{ .Values.name }}\n"), /in line 2$/, /render that first/],
  ["UTF-16", Buffer.from("\ufeffkind: List\n", "utf16le"), /is not in UTF-8/, /PowerShell/],
  ["a colon that is missing", Buffer.from("kind: A\nmetadata\n  name: a\n"), /in line 2$/, /as it is$/],
])("%s is told in words, not in those of a parser", async (_, content, message, hint) => {
  const error = await rejectedError(Promise.resolve().then(() => parseManifest(content)));
  expect(error.message).toMatch(message);
  expect(error.message).not.toMatch(/[A-Z]+_[A-Z]+/);
  expect(error.hint).toMatch(hint);
});
