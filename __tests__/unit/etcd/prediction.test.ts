import { expect, test } from "vitest";
import { predictCluster } from "../../../src/etcd/prediction.ts";
import { restoredPeers } from "../../../src/hypershift/etcd-peers.ts";

test("a restore without names gives the ids that every such restore gives: a split brain is known by them", () => {
  expect(predictCluster([{ peerUrls: ["http://localhost:2380"] }], "etcd-cluster")).toStrictEqual({
    clusterId: "cdf818194e3a8c32",
    memberIds: ["8e9e05c52164694d"],
  });
});

test("the cluster's id does not depend on the order of the members", () => {
  const members = ["0", "1", "2"].map((name) => ({ peerUrls: [`https://etcd-${name}.example.com:2380`] }));
  const { clusterId } = predictCluster(members, "token");
  expect(predictCluster([...members].reverse(), "token").clusterId).toBe(clusterId);
});

test("the arguments of HyperShift's restore of three members give the ids that etcd gave for them", () => {
  const { members, token } = restoredPeers("clusters-example", 3);
  expect(predictCluster(members, token).clusterId).toBe("6aa29d70b678c330");
});
