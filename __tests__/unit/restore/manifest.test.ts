import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { parseManifest } from "../../../src/restore/manifest.ts";
import { codeOf } from "./expectations.ts";
import { buildManifest } from "./manifest-builder.ts";

const parse = (text: string): readonly unknown[] => parseManifest(Buffer.from(text)).map(({ value }) => value);

describe("a manifest is read as it is written", () => {
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
      "numbers as their text, since readers differ in octals and long ones",
      "a: 0644\nb: 12345678901234567890",
      [{ a: "0644", b: "12345678901234567890" }],
    ],
    ["CRLF", "a: 1\r\nb: |\r\n  x\r\n---\r\nc: 2\r\n", [{ a: "1", b: "x\n" }, { c: "2" }]],
    ["a BOM", "\ufeffa: 1\n", [{ a: "1" }]],
    ["comments alone as nothing", "# first\n---\na: 1\n---\n# last\n", [undefined, { a: "1" }, undefined]],
    ["an anchor that nothing refers to", "a: &x 1\n", [{ a: "1" }]],
    ["a separator with a comment", "a: 1\n--- # next\nb: 2", [{ a: "1" }, { b: "2" }]],
    ["dashes that are no separator", "a: ---\nb: x---\n----: c\n", [{ a: "---", b: "x---", "----": "c" }]],
    ["JSON", '{"a": {"b": [1, "c"]}}', [{ a: { b: ["1", "c"] } }]],
    ["keys of JavaScript's own objects", "constructor: 1\ntoString: 2\n", [{ constructor: "1", toString: "2" }]],
    ["an empty file", "", [undefined]],
    [
      "as many documents as are allowed",
      "a: 1\n---\n".repeat(199),
      [...Array<unknown>(199).fill({ a: "1" }), undefined],
    ],
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
    { numRuns: 1_000 },
  );
});

function letter(index: number): string {
  return String.fromCharCode("a".charCodeAt(0) + index);
}
