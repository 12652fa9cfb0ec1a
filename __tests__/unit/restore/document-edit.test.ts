import { describe, expect, test } from "vitest";
import { editDocument, type Edit } from "../../../src/restore/document-edit.ts";
import { parseManifest } from "../../../src/restore/manifest.ts";
import { codeOf } from "./expectations.ts";

function edit(text: string, ...edits: readonly Edit[]): string {
  const [document] = parseManifest(Buffer.from(text));
  if (document === undefined) throw new Error("there is no document");
  return editDocument(document, edits);
}

const put: Edit = { path: ["spec", "etcd", "url"], value: ["u"] };

describe("a field is put where it belongs, and all else stays", () => {
  test.each<[string, string, string]>([
    ["a mapping", "spec:\n  etcd:\n    x: y\n", 'spec:\n  etcd:\n    url:\n    - "u"\n    x: y\n'],
    [
      "one with comments before its fields",
      "spec:\n# c\n\n  etcd: # d\n    # x is y\n    x: y\n",
      'spec:\n# c\n\n  etcd: # d\n    url:\n    - "u"\n    # x is y\n    x: y\n',
    ],
    [
      "line breaks of Windows",
      "spec:\r\n  etcd:\r\n    x: y\r\n",
      'spec:\r\n  etcd:\r\n    url:\r\n    - "u"\r\n    x: y\r\n',
    ],
    ["a text without a last line break", "spec:\n  etcd:\n    x: y", 'spec:\n  etcd:\n    url:\n    - "u"\n    x: y'],
    [
      "indented fields",
      "  spec:\n      etcd:\n        x: y\n",
      '  spec:\n      etcd:\n        url:\n        - "u"\n        x: y\n',
    ],
    ["quoted names", "\"spec\":\n  'etcd' :\n    x: y\n", '"spec":\n  \'etcd\' :\n    url:\n    - "u"\n    x: y\n'],
    ["nothing", "spec:\n  etcd: # c\n  # d\n  b: 1\n", 'spec:\n  etcd: {"url": ["u"]} # c\n  # d\n  b: 1\n'],
    ["a null", "spec:\n  etcd: null # c\n", 'spec:\n  etcd: {"url": ["u"]} # c\n'],
    ["braces", "spec: {etcd: {x: y # c\n  }}\n", 'spec: {etcd: {"url": ["u"], x: y # c\n  }}\n'],
    ["empty braces", "spec: {etcd: {}}\n", 'spec: {etcd: {"url": ["u"]}}\n'],
    ["a list", "spec: {etcd: {url: ['a'] }}\n", 'spec: {etcd: {url: ["u"] }}\n'],
    ["an empty list", "spec:\n  etcd:\n    url: [ ] # c\n", 'spec:\n  etcd:\n    url: ["u"] # c\n'],
    [
      "a folded text",
      "spec:\n  etcd:\n    url: >-\n      a\n      b\n    x: y\n",
      'spec:\n  etcd:\n    url: ["u"]\n    x: y\n',
    ],
    ["no field on its way", "kind: A\n", 'spec:\n  etcd:\n    url:\n    - "u"\nkind: A\n'],
    [
      "a document with a start and an end",
      "--- # c\nspec:\n  etcd: {}\n...\n",
      '--- # c\nspec:\n  etcd: {"url": ["u"]}\n...\n',
    ],
    ["the value that it has", "spec:\n  etcd:\n    url:\n    - 'u' # c\n", "spec:\n  etcd:\n    url:\n    - 'u' # c\n"],
  ])("%s", (_, before, after) => {
    expect(edit(before, put)).toBe(after);
  });
});

describe("a field is taken away with its lines, and the mapping around it where it was the only one", () => {
  test.each<[string, string, string]>([
    [
      "of several",
      "a: 1\ntexts:\n  # of it\n  key: |\n    one\n    two\n  note: x # c\n",
      "a: 1\ntexts:\n  # of it\n  note: x # c\n",
    ],
    ["the last of several", "texts:\n  note: x\n  key: y", "texts:\n  note: x\n"],
    ["the only one", "a: 1\ntexts:\n  key: y\nb: 2\n", "a: 1\nb: 2\n"],
    ["the first in braces", "{texts: {key: y, note: x}}\n", "{texts: {note: x}}\n"],
    ["the last in braces", "{texts: {note: x, key: y}}\n", "{texts: {note: x}}\n"],
    ["the only one in braces", "{a: 1, texts: {key: y}}\n", "{a: 1}\n"],
    ["none", "texts:\n  note: x\n", "texts:\n  note: x\n"],
  ])("%s", (_, before, after) => {
    expect(edit(before, { path: ["texts", "key"], value: undefined })).toBe(after);
  });
});

test.each<[string, string]>([
  ["a text on its way", "spec:\n  etcd: words\n"],
  ["a list on its way", "spec:\n  etcd: [a]\n"],
  ["a mapping in its place", "spec:\n  etcd:\n    url: {a: b}\n"],
  ["several items in its place", "spec:\n  etcd:\n    url: [a, b]\n"],
])("%s is refused, and never guessed at", (_, text) => {
  expect(codeOf(() => edit(text, put))).toBe("manifest-unsuitable");
});

test.each<[string, string]>([
  ["an explicit key", "? spec\n: etcd:\n    x: y\n"],
  ["an anchor on a line of its own", "spec:\n  &a\n  etcd:\n    x: y\n"],
])("%s, below which no line begins where it should, is refused", (_, text) => {
  expect(codeOf(() => edit(text, { path: ["spec", "id"], value: "1" }))).toBe("manifest-unsuitable");
});
