import { describe, expect, test } from "vitest";
import { limits } from "../../../src/time-limits.ts";
import { controlPlane, hostedClusterRef } from "../../world/memory-world/world.ts";
import { noTrouble } from "../../world/memory-world/etcd-pod.ts";
import { newKey } from "../../unit/restore/manifest-builder.ts";
import {
  bumpedFile,
  idsOf,
  plainFile,
  RestoredCluster,
  revision,
  storedFile,
  storedChanges,
  type Ids,
  type Restored,
} from "./restored-cluster.ts";

const raisedTo = revision + 1_000_000_000;

function members(count: number, ids: Ids, file: Buffer): Restored["members"] {
  return Array.from({ length: count }, () => ({ ids, file }));
}

const plain = (file = plainFile({ writes: 3 })): Restored => ({ members: members(1, idsOf.single(), file) });
const bumped = (file = bumpedFile({ writes: 3 })): Restored => ({ members: members(3, idsOf.joined(3), file) });

describe("a restored cluster is the old one", () => {
  test("one member, restored as the snapshot is: HashKV, revision and every key that nobody changed", async () => {
    const cluster = new RestoredCluster(plain());
    await cluster.run();
    expect(cluster.report).toMatchObject({
      script: "plain",
      livingRevision: revision + 3,
      survivors: { untouched: 5, foreign: 0, newestRevision: revision },
      apiServerReady: true,
      snapshotUri: "s3://backups/prod/clusters/example/20261124T120000Z-01234567.db",
    });
    expect(cluster.report.hashKv).toMatch(/^\d+ at revision 77 on the one member, as the snapshot predicts$/);
    expect(cluster.log.warnings).toEqual([]);
    expect([cluster.leftFiles, cluster.left]).toEqual([[], undefined]);
  });

  test("three members that the init script joined, at a raised revision", async () => {
    const cluster = new RestoredCluster(bumped());
    await cluster.run();
    expect(cluster.report).toMatchObject({
      script: "bumped",
      livingRevision: raisedTo + 3,
      survivors: { untouched: 5 },
    });
    expect(cluster.report.hashKv).toMatch(/on all 3 members, as the snapshot predicts$/);
    expect(cluster.log.warnings).toEqual([]);
  });

  test("a single member that the newer init script restored", async () => {
    const cluster = new RestoredCluster({ members: members(1, idsOf.joined(1), bumpedFile()) });
    await cluster.run();
    expect(cluster.report).toMatchObject({ script: "bumped", survivors: { untouched: 6 } });
  });

  test("after an hour of its life HashKV is not shown, and the share of untouched keys is told", async () => {
    const cluster = new RestoredCluster(plain(plainFile({ writes: 500, compactRevision: 500 })));
    await cluster.run();
    expect(cluster.report.hashKv).toMatch(/^not shown: revision 77 has been compacted away/);
    expect(cluster.report.survivors).toMatchObject({ untouched: 5, foreign: 0 });
    expect(cluster.log.lines.join("\n")).toContain("5 of 6 keys (83.3 %)");
  });

  test("after an hour several members are compared with each other, and with what is read of one", async () => {
    const compactRevision = raisedTo + 400;
    const cluster = new RestoredCluster(bumped(bumpedFile({ writes: 500, compactRevision })));
    await cluster.run();
    expect(cluster.report.hashKv).toMatch(
      /^not shown: .*; all 3 members have at revision 1000000577 what was read of one$/,
    );
  });

  test("a member that etcd gave a new id since is told, and changes nothing", async () => {
    const ids = idsOf.joined(3);
    const replaced = { ...ids, memberIds: [...ids.memberIds.slice(0, 2), "abc123"] };
    const cluster = new RestoredCluster({ members: members(3, replaced, bumpedFile()) });
    await cluster.run();
    expect(cluster.log.warnings.join()).toContain("etcd-2 has the member id abc123");
  });

  test("a cluster that had been restored once, too, by what its raft log has", async () => {
    const cluster = new RestoredCluster({ ...plain(), sourceClusterId: idsOf.single().clusterId });
    await cluster.run();
    expect(cluster.report).toMatchObject({ script: "plain", survivors: { untouched: 5 } });
  });

  test("of a snapshot of a young cluster that had been restored once, too, with a warning that this is not known", async () => {
    const cluster = new RestoredCluster({
      ...plain(plainFile({ writes: 3, consistentIndex: 47 })),
      stored: storedFile({ consistentIndex: 41 }),
      sourceClusterId: idsOf.single().clusterId,
    });
    await cluster.run();
    expect(cluster.log.warnings).toEqual([
      expect.stringContaining("is not known: its ids and its young raft log fit both"),
    ]);
  });

  test("etcd before 3.5.16 hashes otherwise: its HashKV is compared among the members alone", async () => {
    const cluster = new RestoredCluster({ ...bumped(), version: "3.5.12" });
    await cluster.run();
    expect(cluster.report.hashKv).toMatch(/^not shown: etcd before 3.5.16/);
  });

  test("a snapshot without a record, where that is allowed", async () => {
    const cluster = new RestoredCluster({ ...plain(), record: null, request: { allowUnrecorded: true } });
    await cluster.run();
    expect(cluster.report).toMatchObject({ survivors: { untouched: 5 } });
  });
});

const older = storedChanges().slice(0, 4);
const changed = storedChanges().map((change) => (change.main === 76 ? { ...change, value: "k8s\0TWO" } : change));

describe("what is not the old cluster is told for what it is", () => {
  const withOne = (ids: Ids, file: Buffer): Restored["members"] => [
    ...members(2, idsOf.joined(3), bumpedFile()),
    { ids, file },
  ];
  test.each<[string, string, RegExp, Restored]>([
    [
      "members that the init script did not join",
      "etcd-split",
      /etcd-0, etcd-1, etcd-2 are each a cluster of one, with the member id 8e9e05c52164694d .*cdf818194e3a8c32/,
      { members: members(3, idsOf.single(), plainFile({ writes: 3 })) },
    ],
    [
      "members of two clusters",
      "etcd-split",
      /etcd-2 is of cluster abc/,
      { members: withOne({ clusterId: "abc", memberIds: ["1", "2", "3"] }, bumpedFile()) },
    ],
    [
      "an etcd that started empty",
      "etcd-not-restored",
      /etcd-0 has started without the snapshot/,
      { members: members(1, idsOf.fresh(1), plainFile({ changes: [], compactRevision: 77, writes: 200 })) },
    ],
    [
      "one member that started empty beside restored ones",
      "etcd-not-restored",
      /etcd-2 has started without the snapshot/,
      { members: withOne(idsOf.fresh(3), plainFile()) },
    ],
    [
      "an etcd that is still the one that was backed up",
      "etcd-not-restored",
      /still the one that was backed up/,
      { members: members(1, { clusterId: "2", memberIds: ["1"] }, plainFile()) },
    ],
    [
      "volumes of the old cluster, which had started empty once, too",
      "etcd-not-restored",
      /still the one that was backed up/,
      { members: members(1, idsOf.fresh(1), plainFile()), sourceClusterId: idsOf.fresh(1).clusterId },
    ],
    [
      "an etcd that started empty, as the old cluster had once",
      "etcd-not-restored",
      /etcd-0 has started without the snapshot/,
      {
        members: members(1, idsOf.fresh(1), plainFile({ changes: [], compactRevision: 0, writes: 0 })),
        sourceClusterId: idsOf.fresh(1).clusterId,
      },
    ],
    ...[200_041 + 3, 200_041 + 500].map((consistentIndex): [string, string, RegExp, Restored] => [
      `volumes of the old cluster, which had been restored once, too, and is at entry ${String(consistentIndex)}`,
      "etcd-not-restored",
      /still the one that was backed up: its raft log was at entry 200041 .* and a restore begins it anew/,
      {
        members: members(1, idsOf.single(), plainFile({ writes: 3, consistentIndex })),
        sourceClusterId: idsOf.single().clusterId,
      },
    ]),
    [
      "an etcd that goes on, of a snapshot without a record",
      "etcd-not-restored",
      /still the one that was backed up: its raft log/,
      {
        ...plain(plainFile({ writes: 3, consistentIndex: 200_044 })),
        record: null,
        request: { allowUnrecorded: true },
      },
    ],
    [
      "the hosted cluster that was backed up",
      "etcd-not-restored",
      /still the one that was backed up: it has the uid /,
      { ...plain(), isSource: true },
    ],
    [
      "an etcd with ids of no restore",
      "etcd-not-restored",
      /cluster id 77abc, and a restore gives/,
      { members: members(1, { clusterId: "77abc", memberIds: ["1"] }, plainFile()) },
    ],
    [
      "an older snapshot, restored as it is",
      "restore-differs",
      /revision 75, and a restore of this snapshot begins at 77/,
      plain(plainFile({ changes: older })),
    ],
    [
      "an older snapshot, by an init script that raises the revision",
      "restore-differs",
      /begins at 1000000077/,
      bumped(bumpedFile({ changes: older, raisedTo: raisedTo - 2 })),
    ],
    [
      "another snapshot of this revision, by its HashKV",
      "restore-differs",
      /HashKV at revision 77 is \d+, and the snapshot predicts \d+/,
      plain(plainFile({ changes: changed, writes: 3 })),
    ],
    [
      "another snapshot with HashKV compacted away, by its keys",
      "restore-differs",
      /1 of its keys were last changed at or before revision 77, .* configmaps 1/,
      plain(plainFile({ changes: changed, writes: 500, compactRevision: 500 })),
    ],
    [
      "an older snapshot with HashKV compacted away, by the mark of its restore",
      "restore-differs",
      /raised to 1000000075, as by the restore of a snapshot of revision 75/,
      bumped(bumpedFile({ changes: older, raisedTo: raisedTo - 2, writes: 500, compactRevision: raisedTo + 400 })),
    ],
    [
      "a snapshot that was raised by another restore, restored as it is",
      "restore-differs",
      /raised to 1000000075/,
      {
        members: members(1, idsOf.single(), bumpedFile({ changes: older, raisedTo: raisedTo - 2, writes: 500 })),
      },
    ],
    [
      "an etcd in which no key of the snapshot is left",
      "restore-differs",
      /none of the 6 keys/,
      plain(plainFile({ changes: [], writes: 500, compactRevision: 500 })),
    ],
    [
      "one member with other data",
      "members-diverged",
      /HashKV of etcd-0 (\d+), etcd-1 \1, etcd-2 (?!\1)\d+/,
      { members: withOne(idsOf.joined(3), bumpedFile({ changes: changed })) },
    ],
    [
      "one member with other data, after an hour",
      "members-diverged",
      /etcd-2/,
      {
        members: [changed, undefined, changed].map((changes) => ({
          ids: idsOf.joined(3),
          file: bumpedFile({
            writes: 500,
            compactRevision: raisedTo + 400,
            ...(changes ? {} : { changes: changed.slice(1) }),
          }),
        })),
      },
    ],
    [
      "a cluster with another key",
      "encryption-key-mismatch",
      /2 values in its etcd \(secrets first\) are encrypted with aescbc key-\d+, and the hosted cluster has key-\d+/,
      {
        ...plain(plainFile({ changes: storedChanges(newKey) })),
        stored: storedFile({ changes: storedChanges(newKey) }),
        recordedKey: newKey,
      },
    ],
    [
      "a hosted cluster with another infraID",
      "hosted-cluster-differs",
      /infraID .* "example-x7k2p", and the cluster of the snapshot had "example-other"/,
      {
        ...plain(),
        record: {
          hostedCluster: {
            namespace: "clusters",
            name: "example",
            uid: "1",
            controlPlaneNamespace: "clusters-example",
            infraID: "example-other",
            services: [],
          },
        },
      },
    ],
  ])("%s: %s", async (_, code, message, restored) => {
    const cluster = new RestoredCluster(restored);
    const failure = await cluster.failure();
    expect([failure.code, failure.message]).toEqual([code, expect.stringMatching(message)]);
    expect(failure.hint).toMatch(/\w+ \w+/);
    expect(cluster.report.apiServerReady).toBeUndefined();
    expect([cluster.leftFiles, cluster.left]).toEqual([[], undefined]);
  });

  test("a hosted cluster that was created without a snapshot is not waited for", async () => {
    const cluster = new RestoredCluster(plain());
    cluster.world.patchHostedCluster({ spec: { etcd: { managed: { storage: { restoreSnapshotURL: null } } } } });
    const beganMs = cluster.world.timeline.nowMs();
    expect((await cluster.failure()).code).toBe("etcd-not-restored");
    expect(cluster.world.timeline.nowMs() - beganMs).toBeLessThan(10_000);
  });

  test("a stored snapshot that is damaged is told before the cluster's etcd is asked", async () => {
    const stored = storedFile();
    stored.writeUInt8(0x21, 2_000);
    const cluster = new RestoredCluster({ ...plain(), stored: storedFile(), request: {}, bytes: [stored] });
    expect((await cluster.failure()).code).toBe("snapshot-changed");
    expect(cluster.report.members).toBeUndefined();
  });
});

describe("it waits for HyperShift", () => {
  test("until etcd has started from the snapshot and the init container is gone, and says which script that was", async () => {
    const cluster = new RestoredCluster(bumped());
    const { world } = cluster;
    cluster.condition = "False";
    cluster.setInitScript(["RESTORE_URL_ETCD", "HCP_NAMESPACE", "ETCD_INITIAL_CLUSTER"]);
    world.timeline.after(120_000, () => {
      cluster.setCondition("True");
    });
    world.timeline.after(180_000, () => {
      cluster.setInitScript(undefined);
    });
    await cluster.run();
    const log = cluster.log.lines.join("\n");
    expect(log).toContain("waiting: condition EtcdSnapshotRestored is not True yet; etcd-0: ready");
    expect(log).toContain("waiting: etcd is restored; HyperShift has not taken etcd-init away yet");
    expect(log).toContain("bumped init script, which the StatefulSet had meanwhile (joining)");
    // A line for each change, and none for each look.
    expect(cluster.log.lines.filter((line) => line.startsWith("waiting:"))).toHaveLength(2);
  });

  test("for a limited time, and then says how far each member came", async () => {
    const cluster = new RestoredCluster(bumped());
    const { world } = cluster;
    cluster.condition = "False";
    const failed = { exitCode: 1, reason: "Error" };
    const initContainerStatuses = [
      { name: "etcd-init", ready: false, restartCount: 7, state: { waiting: {} }, lastState: { terminated: failed } },
    ];
    const status = { initContainerStatuses };
    world.objects.patch("pods", controlPlane, "etcd-1", { status }, { subresource: "status" });
    const beganMs = world.timeline.nowMs();
    const failure = await cluster.failure();
    expect(failure.code).toBe("restore-unfinished");
    expect(failure.message).toContain("etcd-1: etcd-init failed 7 times, last with exit code 1");
    expect(world.timeline.nowMs() - beganMs).toBeLessThan(limits.restoredMs + 60_000);
    expect(cluster.report).toMatchObject({ sha256: expect.stringMatching(/^[0-9a-f]{64}$/) as string });
  });

  test("for an etcd that was scaled to nothing, and does not call it another cluster", async () => {
    const cluster = new RestoredCluster(plain());
    const { objects } = cluster.world;
    objects.patch("statefulsets", controlPlane, "etcd", { spec: { replicas: 0 } });
    const status = { observedGeneration: 99, readyReplicas: 0, updatedReplicas: 0 };
    objects.patch("statefulsets", controlPlane, "etcd", { status }, { subresource: "status" });
    const failure = await cluster.failure();
    expect([failure.code, failure.message]).toEqual([
      "restore-unfinished",
      expect.stringContaining("etcd: 0 of 0 ready"),
    ]);
  });

  test("for the API server, which comes after etcd is proven", async () => {
    const cluster = new RestoredCluster(plain());
    const { world } = cluster;
    world.scale("kube-apiserver", 0);
    world.set({ controlPlaneOperator: "dead" });
    const failure = await cluster.failure();
    expect([failure.code, failure.message]).toEqual([
      "restore-unfinished",
      expect.stringContaining("kube-apiserver: 0 of 0 ready"),
    ]);
    expect(cluster.report).toMatchObject({ script: "plain", survivors: { untouched: 5 } });
  });

  test("and is not green for a hosted cluster that is deleted while its API server starts", async () => {
    const cluster = new RestoredCluster(plain());
    const { world } = cluster;
    world.scale("kube-apiserver", 0);
    world.set({ controlPlaneOperator: "dead" });
    world.timeline.after(120_000, () => {
      world.objects.remove("hostedclusters", hostedClusterRef.namespace, hostedClusterRef.name);
      world.scale("kube-apiserver", 1);
    });
    expect((await cluster.failure()).code).toBe("hosted-cluster-not-found");
  });

  test("and for a member that answers nothing yet", async () => {
    const cluster = new RestoredCluster(plain());
    const pod = cluster.world.pods.get("etcd-0");
    if (pod === undefined) throw new Error("there is no pod");
    pod.trouble = { ...noTrouble, deaf: true };
    cluster.world.timeline.after(60_000, () => {
      pod.trouble = noTrouble;
    });
    await cluster.run();
    expect(cluster.log.lines.join("\n")).toContain("waiting: the etcd member in pod etcd-0 did not answer");
  });
});

describe("the file in the pod is removed", () => {
  test.each([
    ["is damaged", "snapshot-invalid", { misbuilt: true }],
    ["comes out of the pod with other bytes", "transfer-failed", { garbled: true }],
    ["cannot be saved", "snapshot-failed", { volumeFull: true }],
  ])("where what a member holds %s: %s", async (_, code, trouble) => {
    const cluster = new RestoredCluster(plain());
    const pod = cluster.world.pods.get("etcd-0");
    if (pod === undefined) throw new Error("there is no pod");
    pod.trouble = { ...noTrouble, ...trouble };
    expect((await cluster.failure()).code).toBe(code);
    expect([cluster.leftFiles, cluster.left]).toEqual([[], undefined]);
  });

  test("where the run is cancelled while it saves", async () => {
    const cluster = new RestoredCluster(plain());
    const pod = cluster.world.pods.get("etcd-0");
    if (pod === undefined) throw new Error("there is no pod");
    pod.savedAfterMs = 60_000;
    cluster.world.timeline.after(10_000, () => {
      cluster.machine.cancel();
    });
    expect((await cluster.failure()).code).toBe("cancelled");
    expect([cluster.leftFiles, cluster.left]).toEqual([[], undefined]);
  });

  test("by the post step, where the run is cancelled and its pod cannot be reached: main waits for seconds alone", async () => {
    const cluster = new RestoredCluster(plain());
    const pod = cluster.world.pods.get("etcd-0");
    if (pod === undefined) throw new Error("there is no pod");
    pod.savedAfterMs = 60_000;
    let cancelledMs = 0;
    cluster.world.timeline.after(10_000, () => {
      cancelledMs = cluster.world.timeline.nowMs();
      pod.trouble = { ...noTrouble, nodeAway: true };
      cluster.machine.cancel();
    });
    expect((await cluster.failure()).code).toBe("cancelled");
    expect(cluster.world.timeline.nowMs() - cancelledMs).toBeLessThan(limits.undoOnSignalMs + 1_500);
    expect(cluster.left).toMatchObject({ pod: { name: "etcd-0" } });
    expect(cluster.log.warnings.join()).toContain("could not be removed");
  });

  test("by the post step, which knows it from before it is made, where the process is killed", async () => {
    const cluster = new RestoredCluster(plain());
    const pod = cluster.world.pods.get("etcd-0");
    if (pod === undefined) throw new Error("there is no pod");
    pod.savedAfterMs = 60_000;
    cluster.world.timeline.after(10_000, () => {
      cluster.machine.kill();
    });
    await cluster.start();
    await cluster.world.timeline.pass(120_000);
    expect(cluster.leftFiles).not.toEqual([]);
    expect(cluster.left).toMatchObject({ pod: { namespace: controlPlane, name: "etcd-0" } });
    expect(cluster.leftFiles.every((file) => file.includes(cluster.left?.nonce ?? "none"))).toBe(true);
  });
});
