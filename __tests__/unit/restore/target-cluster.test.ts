import { describe, expect, test } from "vitest";
import { parseManifest } from "../../../src/restore/manifest.ts";
import { readTargetCluster } from "../../../src/restore/target-cluster.ts";
import { codeOf } from "./expectations.ts";
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
    ["without name", buildCluster({ name: "" })],
    ["with a name of two lines", buildCluster({ name: '"a\\nb"' })],
    ["with a name of 300 characters", buildCluster({ name: "a".repeat(300) })],
    ["with a path as name", buildCluster({ name: "../a" })],
    ["without namespace", buildCluster({ namespace: "" })],
    ["with a command of the runner as namespace", buildCluster({ namespace: '"::warning::x"' })],
    ["without storage", buildCluster({ etcd: ["  etcd:", "    managed: {}", "    managementType: Managed"] })],
    [
      "with text as storage",
      buildCluster({ etcd: ["  etcd:", "    managed:", "      storage: big", "    managementType: Managed"] }),
    ],
  ])("%s", (_, text) => {
    expect(codeOf(() => read(text))).toBe("manifest-unsuitable");
  });

  test.each([
    ["of somebody else", ["  etcd:", "    managementType: Unmanaged"]],
    ["of nobody", ["  etcd: {}"]],
    ["not at all", []],
    ["in shards", managedEtcd.toSpliced(2, 0, "      shards:", "      - name: events")],
  ])("with an etcd %s", (_, etcd) => {
    expect(codeOf(() => read(buildCluster({ etcd })))).toBe("etcd-unmanaged");
  });
});
