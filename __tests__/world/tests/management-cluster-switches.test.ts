import { setTimeout as delay } from "node:timers/promises";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { at, listAt, numberAt, stringAt } from "../../../src/json-path.ts";
import { startManagementCluster, type ManagementCluster } from "../management-cluster/management-cluster.ts";
import { defaultSwitches } from "../management-cluster/switches.ts";
import {
  hasNoticed,
  pause,
  reconciliationOf,
  replicasOf,
  scale,
  waitFor,
  writers,
} from "./management-cluster/embedded.ts";

const paused = "False/ReconciliationPaused";
const active = "True/AsExpected";
const quick = { ...defaultSwitches, copyDelayMs: 15, reconcileDelayMs: 10, drainMs: 60, startMs: 30 };

let cluster: ManagementCluster;
beforeAll(async () => {
  cluster = await startManagementCluster({ switches: quick, evictedPod: true });
});
afterAll(() => cluster.close());
afterEach(async () => {
  cluster.set(quick);
  pause(cluster, null);
  await waitFor("the hosted cluster is as it was", () => hasNoticed(cluster, active));
  await waitFor("nothing is scaled down", () => replicasOf(cluster).join() === "1,1,1");
});

const stop = (): void => {
  for (const writer of writers) scale(cluster, writer, 0);
};
const areBack = () => waitFor("the writers are put back", () => replicasOf(cluster).join() === "1,1,1");
const controlPlanePause = () => at(cluster.hostedControlPlane(), "spec", "pausedUntil");

describe("an operator that is dead", () => {
  it("hypershift-operator: nothing is copied, and a scale-down is undone; nothing but the missing condition tells", async () => {
    cluster.set({ hypershiftOperator: "dead" });
    pause(cluster, "true");
    stop();
    await areBack();
    expect(reconciliationOf(cluster.hostedCluster())).toBe(`${active} of old`);
    expect([controlPlanePause(), reconciliationOf(cluster.hostedControlPlane())]).toEqual([undefined, active]);
    cluster.set({ hypershiftOperator: "alive" });
    await waitFor("the pause is noticed", () => hasNoticed(cluster, paused));
  });

  it("hypershift-operator: the other one resumes by its own clock", async () => {
    const until = cluster.clock.timestamp(3_600_000);
    pause(cluster, until);
    await waitFor("the pause is noticed", () => hasNoticed(cluster, paused));
    stop();
    cluster.set({ hypershiftOperator: "dead" });
    cluster.clock.advance(3_601_000);
    await areBack();
    expect([controlPlanePause(), reconciliationOf(cluster.hostedControlPlane())]).toEqual([until, active]);
    expect(reconciliationOf(cluster.hostedCluster())).toBe(paused);
  });

  it("control-plane-operator: the HostedCluster says paused, its HostedControlPlane never does", async () => {
    cluster.set({ controlPlaneOperator: "dead" });
    pause(cluster, "true");
    await waitFor("the pause is copied", () => controlPlanePause() === "true");
    expect(reconciliationOf(cluster.hostedCluster())).toBe(paused);
    await delay(200);
    expect(reconciliationOf(cluster.hostedControlPlane())).toBe(`${active} of old`);
    stop();
    pause(cluster, null);
    await waitFor("the end of the pause is copied", () => controlPlanePause() === undefined);
    await delay(200);
    expect(replicasOf(cluster)).toEqual([0, 0, 0]);
    cluster.set({ controlPlaneOperator: "alive" });
    await areBack();
  });
});

describe("hypershift-operator", () => {
  it("tells by its own clock that the pause is over", async () => {
    const until = new Date(cluster.clock.nowMs() + 6_000).toISOString();
    pause(cluster, until);
    await waitFor("the pause is noticed", () => hasNoticed(cluster, paused));
    cluster.set({ controlPlaneOperator: "dead" });
    await waitFor("the HostedCluster has told", () => reconciliationOf(cluster.hostedCluster()) === active);
    expect(cluster.clock.nowMs()).toBeGreaterThanOrEqual(Date.parse(until));
    expect(reconciliationOf(cluster.hostedControlPlane())).toBe(paused);
  });
});

describe("an operator that is late", () => {
  it("copies slowly: the HostedCluster says paused long before a scale-down would stay", async () => {
    cluster.set({ copyDelayMs: 3_000 });
    pause(cluster, "true");
    await waitFor("the HostedCluster has told", () => reconciliationOf(cluster.hostedCluster()) === paused);
    expect(controlPlanePause()).toBeUndefined();
    stop();
    await areBack();
    await waitFor("the pause is noticed", () => hasNoticed(cluster, paused));
    stop();
    await delay(200);
    expect(replicasOf(cluster)).toEqual([0, 0, 0]);
  });

  it("ends an update that was under way: who scales before its notice finds the writers up, and up they stay", async () => {
    cluster.set({ updateUnderWay: true, reconcileDelayMs: 600 });
    pause(cluster, "true");
    await waitFor("the pause is copied", () => controlPlanePause() === "true");
    stop();
    await areBack();
    await waitFor("the pause is noticed", () => hasNoticed(cluster, paused));
    await delay(200);
    expect(replicasOf(cluster)).toEqual([1, 1, 1]);
  });

  it("ends an update that was under way: who waits for its notice is safe", async () => {
    cluster.set({ updateUnderWay: true, reconcileDelayMs: 60 });
    pause(cluster, "true");
    await waitFor("the pause is noticed", () => hasNoticed(cluster, paused));
    stop();
    await delay(600);
    expect(replicasOf(cluster)).toEqual([0, 0, 0]);
  });

  it.each(["once", "always"] as const)("puts writers back %s although they are paused", async (times) => {
    pause(cluster, "true");
    await waitFor("the pause is noticed", () => hasNoticed(cluster, paused));
    cluster.set({ rescalesWhilePaused: times });
    stop();
    await areBack();
    stop();
    if (times === "always") await areBack();
    else {
      await delay(300);
      expect(replicasOf(cluster)).toEqual([0, 0, 0]);
    }
    expect(hasNoticed(cluster, paused)).toBe(true);
  });
});

describe("pods", () => {
  it("of a stuck writer never become ready, and the writers after it wait", async () => {
    pause(cluster, "true");
    await waitFor("the pause is noticed", () => hasNoticed(cluster, paused));
    stop();
    await waitFor("no pod is left", () => cluster.pods("app=kube-apiserver").every(isEvicted));
    cluster.set({ stuckWriters: ["kube-apiserver"] });
    pause(cluster, null);
    await waitFor("it is wanted again", () => replicasOf(cluster)[0] === 1);
    await delay(200);
    expect(replicasOf(cluster)).toEqual([1, 0, 0]);
    const deployment = cluster.deployment("kube-apiserver");
    expect(at(deployment, "status")).toMatchObject({ replicas: 1, unavailableReplicas: 1 });
    expect(at(deployment, "status", "readyReplicas")).toBeUndefined();
    const [pod] = cluster.pods("app=kube-apiserver").filter((candidate) => !isEvicted(candidate));
    expect(stringAt(pod, "status", "phase")).toBe("Pending");
    // HyperShift waits; whoever scales all of them does not.
    scale(cluster, "openshift-apiserver", 1);
    await waitFor(
      "it is ready",
      () => numberAt(cluster.deployment("openshift-apiserver"), "status", "readyReplicas") === 1,
    );
    cluster.set({ stuckWriters: [] });
    await cluster.waitUntilReady(20_000);
    await areBack();
  });

  it("that were evicted stay, and nobody counts them", async () => {
    const evicted = (): readonly unknown[] => cluster.pods("app=kube-apiserver").filter(isEvicted);
    expect(evicted()).toHaveLength(1);
    pause(cluster, "true");
    await waitFor("the pause is noticed", () => hasNoticed(cluster, paused));
    stop();
    await waitFor("only that one is left", () => cluster.pods("app!=etcd").every(isEvicted));
    expect(evicted()).toHaveLength(1);
    expect(at(cluster.deployment("kube-apiserver"), "status", "replicas")).toBeUndefined();
    expect(at(evicted()[0], "metadata", "deletionTimestamp")).toBeUndefined();
    expect(stringAt(evicted()[0], "status", "reason")).toBe("Evicted");
  });

  it("of etcd can say that they are not ready", () => {
    const told = (): readonly unknown[] => {
      const [pod] = cluster.pods("app=etcd");
      const ready = listAt(pod, "status", "conditions").find((condition) => stringAt(condition, "type") === "Ready");
      return [at(ready, "status"), stringAt(pod, "status", "phase")];
    };
    expect(told()).toEqual(["True", "Running"]);
    cluster.set({ etcdReady: false });
    expect(told()).toEqual(["False", "Running"]);
  });
});

function isEvicted(pod: unknown): boolean {
  return stringAt(pod, "status", "phase") === "Failed";
}
