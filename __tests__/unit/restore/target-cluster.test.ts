import { describe, expect, test } from "vitest";
import { parseManifest } from "../../../src/restore/manifest.ts";
import { readTargetCluster } from "../../../src/restore/target-cluster.ts";
import { checkEtcd } from "../../../src/restore/etcd-guards.ts";
import { codeOf, refusalsOf } from "./expectations.ts";
import { buildCluster, buildManifest, buildSecret, managedEtcd } from "./manifest-builder.ts";

const read = (text: string) => readTargetCluster(parseManifest(Buffer.from(text)));
const separator = "---\n";

test("the HostedCluster is found wherever it stands", () => {
  const { index, cluster } = read(buildManifest({ name: "a.b", namespace: "tenants" }));
  expect(index).toBe(2);
  expect(cluster).toMatchObject({ name: "a.b", namespace: "tenants", infraID: "tenant-x7k2p" });
  expect(read(buildCluster()).index).toBe(0);
});

describe("a manifest that cannot take the snapshot is refused", () => {
  test.each([
    ["empty", ""],
    ["without HostedCluster", buildSecret()],
    ["with two HostedClusters", buildCluster() + separator + buildCluster({ name: "other" })],
    ["with one of another apiVersion", buildCluster().replace("/v1beta1", "/v1alpha1")],
    ["with one of another group", buildCluster().replace("hypershift.openshift.io/", "example.com/")],
    [
      "with one of another apiVersion beside",
      buildCluster() + separator + "apiVersion: hypershift.openshift.io/v1\nkind: HostedCluster\n",
    ],
    [
      "with a list, which hides objects",
      buildCluster() + separator + "apiVersion: v1\nkind: List\nitems: [{kind: HostedCluster}]\n",
    ],
    ["with a document without kind", buildCluster() + separator + "apiVersion: v1\n"],
    ["with a document without apiVersion", buildCluster() + separator + "kind: Secret\n"],
    ["with a document whose kind begins in upper case", buildCluster() + separator + "apiVersion: v1\nKind: Secret\n"],
    ["without name", buildCluster({ name: "" })],
    ["with a name of two lines", buildCluster({ name: '"a\\nb"' })],
    ["with a name of 300 characters", buildCluster({ name: "a".repeat(300) })],
    ["with a path as name", buildCluster({ name: "../a" })],
    ["without namespace", buildCluster({ namespace: "" })],
    ["with a command of the runner as namespace", buildCluster({ namespace: '"::warning::x"' })],
    ["with a name that kubectl reads as a number", buildCluster({ name: "123" })],
    ["with a name that kubectl reads as a boolean", buildCluster({ name: "yes" })],
    ["with a list that is empty for kubectl", buildCluster() + separator + "apiVersion: v1\nkind: List\nitems: null\n"],
  ])("%s", (_, text) => {
    expect(codeOf(() => read(text))).toBe("manifest-unsuitable");
  });
});

describe("an etcd that cannot take the snapshot is a finding", () => {
  test.each<[string, readonly string[], string]>([
    ["of somebody else", ["  etcd:", "    managementType: Unmanaged"], "etcd-unmanaged"],
    ["of nobody", ["  etcd: {}"], "etcd-unmanaged"],
    ["not at all", [], "etcd-unmanaged"],
    ["in shards", managedEtcd.toSpliced(2, 0, "      shards:", "      - name: events"), "etcd-unmanaged"],
    ["without storage", ["  etcd:", "    managed: {}", "    managementType: Managed"], "manifest-unsuitable"],
    ["with text as storage", ["  etcd: {managed: {storage: big}, managementType: Managed}"], "manifest-unsuitable"],
    ["with a list as storage", ["  etcd: {managed: {storage: []}, managementType: Managed}"], "manifest-unsuitable"],
  ])("%s", (_, etcd, code) => {
    const documents = parseManifest(Buffer.from(buildCluster({ etcd })));
    const { cluster, index } = readTargetCluster(documents);
    expect(refusalsOf(checkEtcd(cluster, documents[index]?.value))).toEqual([code]);
  });
});
