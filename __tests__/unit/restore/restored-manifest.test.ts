import { existsSync, readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { EncryptionKey } from "../../../src/restore/encryption-key.ts";
import { parseManifest } from "../../../src/restore/manifest.ts";
import { renderRestoredManifest } from "../../../src/restore/restored-manifest.ts";
import { readTargetCluster } from "../../../src/restore/target-cluster.ts";
import { codeOf } from "./expectations.ts";
import { buildCluster, buildManifest, buildSecret, newKey, oldKey, readObjects } from "./manifest-builder.ts";

const url = "https://store.example/backups/a.db?X-Amz-Date=20261125T080000Z&X-Amz-Signature=5f#&=%2F";
const encryption: EncryptionKey = { secretName: "tenant-etcd-encryption-key", key: oldKey };

function render(manifest: string, key: EncryptionKey | undefined = encryption, newUrl = url): string {
  const documents = parseManifest(Buffer.from(manifest));
  return renderRestoredManifest(documents, readTargetCluster(documents), newUrl, key);
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
  ])("the Secret %s", (_, secret) => {
    const secrets = readObjects(render(buildManifest({ secret })))
      .map((object) => object as { kind: string; metadata: object; data?: object; stringData?: object })
      .filter(({ kind, metadata }) => kind === "Secret" && Reflect.get(metadata, "namespace") === "clusters");
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

  test("without a key of the user no Secret is touched", () => {
    const documents = parseManifest(Buffer.from(buildManifest()));
    const rendered = renderRestoredManifest(documents, readTargetCluster(documents), url, undefined);
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
    "kind:   ConfigMap # odd layout\nmetadata: { name: x }\ndata:\n    script: |\n        # no comment\n        echo --- 1\n",
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
    const others = "kind:   ConfigMap\r\ndata: {a:   1}   # odd\r\n";
    expect(render(`${others}---\r\n${buildCluster().replaceAll("\n", "\r\n")}---\r\n${others}`)).toMatch(
      new RegExp(`^${RegExp.escape(others)}[^]*---\\r\\n${RegExp.escape(others)}$`),
    );
  });

  test("whatever is added to the cluster's spec", () => {
    const json = fc.jsonValue({ maxDepth: 4 }).filter((value) => !JSON.stringify(value).includes("__proto__"));
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
      { numRuns: 50 },
    );
  });
});

const rendered = path.join(import.meta.dirname, "../../../../shared/hypershift/rendered");
test.runIf(existsSync(rendered))("manifests of HyperShift's own command keep all but the edited fields", () => {
  for (const name of readdirSync(rendered)) {
    const text = readFileSync(path.join(rendered, name), "utf8");
    const documents = parseManifest(Buffer.from(text));
    const target = readTargetCluster(documents);
    const { secretEncryption, name: cluster } = target.cluster;
    const key =
      secretEncryption.type === "aescbc" ? { secretName: secretEncryption.activeKey, key: oldKey } : undefined;
    const result = renderRestoredManifest(documents, target, url, key);
    const isKey = (object: unknown): boolean =>
      Reflect.get(Reflect.get(object as object, "metadata") as object, "name") === `${cluster}-etcd-encryption-key`;
    const rest = readObjects(result.replace(/ *restoreSnapshotURL:\n.*\n/, "")).filter((object) => !isKey(object));
    expect(rest, name).toEqual(readObjects(text).filter((object) => !isKey(object)));
    expect(readObjects(result).filter(isKey), name).toMatchObject(
      key === undefined ? [] : [{ data: { key: oldKey.toString("base64") } }],
    );
    expect(urlOf(result), name).toEqual([url]);
    // Line by line it is the manifest but for the two edits.
    const changed = result.split("\n").filter((line) => !text.split("\n").includes(line));
    expect(changed.length, name).toBeLessThan(12);
  }
});

function escape(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`;
}
