import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { at } from "../../../src/json-path.ts";
import type { FilledIds } from "../../../src/restore/cluster-identity.ts";
import type { KeptKey } from "../../../src/restore/key-secret.ts";
import { parseManifest } from "../../../src/restore/manifest.ts";
import { renderRestoredManifest } from "../../../src/restore/restored-manifest.ts";
import { readTargetCluster } from "../../../src/restore/target-cluster.ts";
import { findKeySecret } from "../../../src/restore/key-secret.ts";
import { seed } from "../../seed.ts";
import { diffLines } from "./line-diff.ts";
import { shapes } from "./shapes.ts";
import { codeOf } from "./expectations.ts";
import { aescbc, buildCluster, buildManifest, buildSecret, newKey, oldKey, readObjects } from "./manifest-builder.ts";

const url = "https://store.example/backups/a.db?X-Amz-Date=20261125T080000Z&X-Amz-Signature=5f#&=%2F";
const encryption: KeptKey = { role: "active", secretName: "tenant-etcd-encryption-key", key: oldKey };

function render(manifest: string, key: KeptKey = encryption, newUrl = url, filled: FilledIds = {}): string {
  const documents = parseManifest(Buffer.from(manifest));
  return renderRestoredManifest(documents, readTargetCluster(documents), {
    url: newUrl,
    keys: [key],
    filled,
  });
}

const field =
  (kind: string, ...fields: readonly string[]) =>
  (text: string) => {
    const object = readObjects(text).find((value) => Reflect.get(value as object, "kind") === kind);
    return fields.reduce<unknown>((value, name) => (value as Record<string, unknown> | undefined)?.[name], object);
  };
const urlOf = field("HostedCluster", "spec", "etcd", "managed", "storage", "restoreSnapshotURL");
const dataOf = field("Secret", "data");

describe("the new cluster starts from the snapshot, with its key", () => {
  test("the URL is the only thing that a HostedCluster gets", () => {
    const expected = structuredClone(readObjects(buildCluster()));
    const storage = field("HostedCluster", "spec", "etcd", "managed", "storage");
    const rendered = render(buildManifest());
    expect(urlOf(rendered)).toEqual([url]);
    const without = rendered.replace(/ *restoreSnapshotURL:\n.*\n/, "");
    expect(readObjects(without)).toContainEqual(expected[0]);
    expect(storage(without)).toEqual({ persistentVolume: { size: "8Gi" }, type: "PersistentVolume" });
  });

  test.each([
    ["is replaced where it has another key", buildSecret()],
    ["is replaced where it has none", buildSecret([])],
    ["is replaced where data is empty", buildSecret(["data:"])],
    ["is replaced in stringData, which would win", buildSecret(["stringData:", `  key: ${newKey.toString()}`])],
    ["is replaced in both", buildSecret(["data:", "  key: AAAA", "stringData:", "  key: b", "  other: c"])],
    ["is added where it is missing", null],
    ["is added where one of that name is in another namespace", buildSecret().replace("e: clusters", "e: other")],
    [
      "is added where one of that name is of another API",
      buildSecret().replace("apiVersion: v1", "apiVersion: a.example/v1"),
    ],
  ])("the Secret %s", (_, secret) => {
    const secrets = readObjects(render(buildManifest({ secret })))
      .map(
        (object) =>
          object as { apiVersion: string; kind: string; metadata: object; data?: object; stringData?: object },
      )
      .filter(({ apiVersion, kind }) => apiVersion === "v1" && kind === "Secret")
      .filter(({ metadata }) => Reflect.get(metadata, "namespace") === "clusters");
    expect(secrets).toMatchObject([
      { metadata: { name: "tenant-etcd-encryption-key" }, data: { key: oldKey.toString("base64") } },
    ]);
    expect(secrets[0]?.stringData ?? {}).not.toHaveProperty("key");
  });

  test.each([
    ["data", ["data:", `  key: ${oldKey.toString("base64")} # saved`]],
    ["stringData", ["stringData:", `  "key":   '${oldKey.toString()}'`]],
  ])("a Secret with the right key in %s stays byte by byte", (_, data) => {
    expect(render(buildManifest({ secret: buildSecret(data) }))).toContain(buildSecret(data));
  });

  test("the Secret comes before the HostedCluster, also when that is the first document", () => {
    for (const manifest of [buildCluster(), `---\n${buildCluster()}`, `# mine\n---\n${buildCluster()}---\n`])
      expect(readObjects(render(manifest))).toMatchObject([{ kind: "Secret" }, { kind: "HostedCluster" }]);
  });

  test("an active key without a name gets the Secret's", () => {
    for (const lines of [[], ["    aescbc:"], ["    aescbc: {}"], ["    aescbc:", "      activeKey: {name: }"]]) {
      const manifest = buildManifest({ encryption: ["  secretEncryption:", ...lines, "    type: aescbc"] });
      const active = field("HostedCluster", "spec", "secretEncryption", "aescbc", "activeKey");
      expect(active(render(manifest))).toEqual({ name: encryption.secretName });
    }
  });

  test("two keys go into the Secrets of their roles", () => {
    const lines = aescbc("active").toSpliced(4, 0, "      backupKey:", "        name: before");
    const documents = parseManifest(Buffer.from(buildManifest({ encryption: lines, secret: null })));
    const keys = [
      { role: "active", secretName: "active", key: oldKey },
      { role: "backup", secretName: "before", key: newKey },
    ] as const;
    const result = renderRestoredManifest(documents, readTargetCluster(documents), { url, keys, filled: {} });
    expect(readObjects(result)).toMatchObject([
      { kind: "Namespace" },
      { kind: "Secret", metadata: { name: "active" }, data: { key: oldKey.toString("base64") } },
      { kind: "Secret", metadata: { name: "before" }, data: { key: newKey.toString("base64") } },
      { kind: "HostedCluster" },
      { kind: "NodePool" },
    ]);
  });

  test("a result in which a role would not have its key is refused: one Secret for two of them", () => {
    const lines = aescbc("one").toSpliced(4, 0, "      backupKey:", "        name: one");
    const documents = parseManifest(Buffer.from(buildManifest({ encryption: lines, secret: null })));
    const keys = [
      { role: "active", secretName: "one", key: oldKey },
      { role: "backup", secretName: "one", key: newKey },
    ] as const;
    const target = readTargetCluster(documents);
    expect(codeOf(() => renderRestoredManifest(documents, target, { url, keys, filled: {} }))).toBe(
      "manifest-unsuitable",
    );
  });

  test("ids that were left empty are filled in, in quotes", () => {
    const filled = { infraID: "1e3", clusterID: "yes" };
    const spec = field("HostedCluster", "spec")(render(buildManifest({ infraID: "" }), encryption, url, filled));
    expect(spec).toMatchObject(filled);
  });

  test("without a key of the user no Secret is touched", () => {
    const documents = parseManifest(Buffer.from(buildManifest()));
    const rendered = renderRestoredManifest(documents, readTargetCluster(documents), { url, keys: [], filled: {} });
    expect(dataOf(rendered)).toEqual({ key: newKey.toString("base64") });
    expect(urlOf(rendered)).toEqual([url]);
  });
});

describe("a restoreSnapshotURL that is there already", () => {
  const withUrl = (text: string): string =>
    buildManifest().replace("      storage:\n", `      storage:\n        ${text}\n`);

  test.each([
    "restoreSnapshotURL:",
    "restoreSnapshotURL: []",
    `restoreSnapshotURL: ["${url.split("?")[0] ?? ""}?old"]`,
  ])("%s is replaced", (text) => {
    expect(urlOf(render(withUrl(text)))).toEqual([url]);
  });

  test.each([
    'restoreSnapshotURL: ["https://store.example/backups/other.db?X-Amz-Signature=1"]',
    'restoreSnapshotURL: ["https://other.example/backups/a.db"]',
    'restoreSnapshotURL: [""]',
    "restoreSnapshotURL: https://store.example/backups/other.db",
    "restoreSnapshotURL: {a: b}",
  ])("%s is of another snapshot, and refused", (text) => {
    expect(codeOf(() => render(withUrl(text)))).toBe("manifest-unsuitable");
  });

  test("may be renewed as often as is wanted", () => {
    const once = render(buildManifest());
    const again = render(once, encryption, `${url}again`);
    expect(urlOf(again)).toEqual([`${url}again`]);
    expect(render(again)).toBe(once);
  });
});

describe("everything else stays", () => {
  const commented = [
    "# A comment before all\n",
    "---\n",
    "# of the cluster\n",
    buildCluster({
      spec: ["  tolerations: [] # none", "  mode: 0644", "  flag: yes", "  empty:", "  last: 1 # word of spec"],
    })
      .replace("spec:\n", "spec: # what is wanted\n")
      .replace("      storage:\n", "      # where etcd lives\n      storage: # a volume\n"),
    "# behind it\n",
    "---\n",
    buildSecret(["data:", `  # made anew each time`, `  key: ${newKey.toString("base64")} # not the right one`]),
    "---\n",
    "apiVersion: v1\nkind:   ConfigMap # odd layout\nmetadata: { name: x }\ndata:\n    script: |\n        # no comment\n        echo --- 1\n",
    "---\n",
  ].join("");

  test("comments, in their order", () => {
    const commentsOf = (text: string): readonly string[] => text.match(/# .*/g) ?? [];
    expect(commentsOf(render(commented))).toEqual(commentsOf(commented));
  });

  test("the order of fields", () => {
    const keysOf = (text: string): readonly string[] =>
      text.match(/^ *[-\w]+:/gm)?.filter((key) => !key.includes("restoreSnapshotURL")) ?? [];
    expect(keysOf(render(commented))).toEqual(keysOf(commented));
  });

  test("scalars that readers of YAML 1.1 take for something else", () => {
    expect(render(commented)).toMatch(/mode: 0644\n {2}flag: yes\n {2}empty:\n/);
  });

  test("other documents byte by byte, with line feeds of Windows too", () => {
    const others = "apiVersion: v1\r\nkind:   ConfigMap\r\ndata: {a:   1}   # odd\r\n";
    expect(render(`${others}---\r\n${buildCluster().replaceAll("\n", "\r\n")}---\r\n${others}`)).toMatch(
      new RegExp(`^${RegExp.escape(others)}[^]*---\\r\\n${RegExp.escape(others)}$`),
    );
  });

  test("whatever is added to the cluster's spec", () => {
    // A key "<<" merges for some readers: a manifest that has one is refused.
    const json = fc.jsonValue({ maxDepth: 4 }).filter((value) => !/__proto__|"<<"/.test(JSON.stringify(value)));
    fc.assert(
      fc.property(json, (value) => {
        const manifest = buildManifest({
          spec: [`  extra: ${JSON.stringify(value).replace(/[\u007f-\uffff]/g, escape)}`],
        });
        const expected = structuredClone(readObjects(manifest));
        const before = field("HostedCluster", "spec", "extra");
        const rendered = render(manifest);
        expect(before(rendered)).toEqual(before(manifest));
        expect(readObjects(rendered)).toHaveLength(expected.length);
      }),
      { numRuns: 50, seed },
    );
  });
});

describe("render and parse again", () => {
  /** Comments, empty lines and line breaks where YAML takes them; the values are those of the shape. */
  const layout = fc.record({
    shape: fc.constantFrom(...Object.keys(shapes).filter((name) => !/json|before/.test(name))),
    lineBreak: fc.constantFrom("\n", "\r\n"),
    draws: fc.array(fc.nat(1_000), { minLength: 1, maxLength: 40 }),
  });
  const adorn = ({ shape, lineBreak, draws }: { shape: string; lineBreak: string; draws: readonly number[] }): string =>
    (shapes[shape] ?? "")
      .replaceAll("\r\n", "\n")
      .split("\n")
      .flatMap((line, index) => {
        const draw = draws[index % draws.length] ?? 0;
        const before =
          draw % 7 === 0 ? [`${" ".repeat(draw % 9)}# ${String(draw)} 'above': {it}`] : draw % 11 === 0 ? [""] : [];
        const isOpen = line !== "" && line !== "---" && !line.includes("#");
        return [...before, isOpen && draw % 5 === 0 ? `${line}  # beside "it": ${String(draw)}` : line];
      })
      .join(lineBreak);

  test("every value and every line outside of the edits is as it was, whatever the layout", () => {
    fc.assert(
      fc.property(layout, (given) => {
        const text = adorn(given);
        const documents = parseManifest(Buffer.from(text));
        const target = readTargetCluster(documents);
        const { name, namespace, secretEncryption, serviceAccountSigningKey: signer = "signer" } = target.cluster;
        const secretName = `${name}-etcd-encryption-key`;
        const keys = [
          ...(secretEncryption.type === "aescbc" ? [{ role: "active" as const, secretName, key: oldKey }] : []),
          { role: "signing" as const, secretName: signer, key: newKey },
        ];
        const filled = { infraID: "filled-1", clusterID: "filled-2" };
        const result = renderRestoredManifest(documents, target, { url, keys, filled });

        const after = parseManifest(Buffer.from(result));
        const rendered: unknown = after[readTargetCluster(after).index]?.document.toJS();
        const expected: unknown = documents[target.index]?.document.toJS();
        Object.assign(at(expected, "spec") ?? {}, filled, { serviceAccountSigningKey: { name: signer } });
        Object.assign(at(expected, "spec", "etcd", "managed", "storage") ?? {}, { restoreSnapshotURL: [url] });
        if (secretEncryption.type === "aescbc")
          Object.assign(at(expected, "spec", "secretEncryption") ?? {}, {
            aescbc: { activeKey: { name: secretName } },
          });
        expect(rendered).toEqual(expected);
        for (const key of keys) expect(findKeySecret(after, { namespace, name: key.secretName })?.key).toEqual(key.key);

        const lost = diffLines(text, result).filter((line) => line.startsWith("- "));
        expect(lost.filter((line) => !/(?:infraID|clusterID|aescbc|key):/.test(line))).toEqual([]);
        const comments = (from: string): readonly string[] => from.match(/# .*/g) ?? [];
        expect(comments(result)).toEqual(comments(text));
        expect(result.split("\n").length - 1).toBe(result.split(given.lineBreak).length - 1);
      }),
      { numRuns: 60, seed },
    );
  });
});

function escape(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`;
}
