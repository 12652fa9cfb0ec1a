import { setTimeout as delay } from "node:timers/promises";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { at, listAt, numberAt, stringAt } from "../../../src/json-path.ts";
import { isJsonObject, type JsonObject } from "../management-cluster/json.ts";
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
const invalid = "True/InvalidPausedUntilValue";
const hourMs = 3_600_000;

const quick = { ...defaultSwitches, copyDelayMs: 15, reconcileDelayMs: 10, drainMs: 60, startMs: 30 };

let cluster: ManagementCluster;
beforeAll(async () => {
  cluster = await startManagementCluster({ switches: quick });
});
afterAll(() => cluster.close());
afterEach(async () => {
  cluster.set(quick);
  pause(cluster, null);
  await waitFor("the hosted cluster is as it was", () => hasNoticed(cluster, active));
  await cluster.waitUntilReady(20_000);
});

const stop = (): void => {
  for (const writer of writers) scale(cluster, writer, 0);
};
const podsOfWriters = () => cluster.pods("app!=etcd");
const hold = async (pausedUntil: string): Promise<void> => {
  pause(cluster, pausedUntil);
  await waitFor("the pause is noticed", () => hasNoticed(cluster, paused));
};
const conditionsOf = (object: unknown): Readonly<Record<string, string>> =>
  Object.fromEntries(
    listAt(object, "status", "conditions").map((condition) => [
      stringAt(condition, "type") ?? "",
      ["status", "reason", "message"].map((field) => stringAt(condition, field) ?? "").join(" "),
    ]),
  );

describe("a pause", () => {
  it("is told by the HostedCluster first, then copied, then noticed by the HostedControlPlane", async () => {
    cluster.set({ copyDelayMs: 1_000, reconcileDelayMs: 1_000 });
    const seen: string[] = [];
    pause(cluster, "true");
    await waitFor("the pause is noticed", () => {
      const controlPlane = cluster.hostedControlPlane();
      const state = [
        reconciliationOf(cluster.hostedCluster()),
        at(controlPlane, "spec", "pausedUntil"),
        reconciliationOf(controlPlane),
      ];
      const told = state.join(" | ");
      if (seen.at(-1) !== told) seen.push(told);
      return hasNoticed(cluster, paused);
    });
    expect(seen).toEqual([
      `${active} of old |  | ${active}`,
      `${paused} |  | ${active}`,
      `${paused} | true | ${active} of old`,
      `${paused} | true | ${paused}`,
    ]);
  });

  it.each([
    ["true", paused],
    ["True", paused],
    ["2999-01-01T00:00:00Z", paused],
    ["2999-01-01T00:00:00.5+01:00", paused],
    ["false", active],
    ["2001-01-01T00:00:00Z", active],
    ["2999-01-01T00:00:00", invalid],
    ["2999-01-01T00:00:00+0000", invalid],
    ["2999-99-99T99:99:99Z", invalid],
    ["2999-02-29T00:00:00Z", invalid],
  ])("of %s is %s", async (pausedUntil, told) => {
    pause(cluster, pausedUntil);
    await waitFor("it is copied, and both have told", () => {
      const objects = [cluster.hostedCluster(), cluster.hostedControlPlane()];
      return objects.every(
        (object) => at(object, "spec", "pausedUntil") === pausedUntil && reconciliationOf(object) === told,
      );
    });
  });

  it("says the same in words, and hides that nothing serves", async () => {
    const until = cluster.clock.timestamp(hourMs);
    await hold(until);
    stop();
    await waitFor("no pod is left", () => podsOfWriters().length === 0);
    expect(conditionsOf(cluster.hostedCluster())).toMatchObject({
      ReconciliationActive: `False ReconciliationPaused Reconciliation paused until: ${until}`,
      Progressing: `False Blocked ReconciliationActive condition is false: Reconciliation paused until: ${until}`,
      Available: "True AsExpected The hosted control plane is available",
      KubeAPIServerAvailable: "True AsExpected Kube APIServer deployment is available",
      Degraded: "False AsExpected The hosted cluster is not degraded",
    });
    expect(conditionsOf(cluster.hostedControlPlane())).toMatchObject({
      Available: "True AsExpected ",
      Degraded: "False AsExpected ",
    });
    const stale = listAt(cluster.hostedControlPlane(), "status", "conditions").filter(
      (condition) =>
        at(condition, "observedGeneration") !== numberAt(cluster.hostedControlPlane(), "metadata", "generation"),
    );
    expect(stale.map((condition) => at(condition, "type"))).toEqual(["ValidIDPConfiguration", "ValidReleaseInfo"]);
    pause(cluster, "true");
    await waitFor("the pause is noticed", () => hasNoticed(cluster, paused));
    expect(conditionsOf(cluster.hostedControlPlane())["ReconciliationActive"]).toBe(
      "False ReconciliationPaused Reconciliation paused until field removed",
    );
  });

  it("of the HostedControlPlane alone is taken away again", async () => {
    cluster.patch("hostedcontrolplanes", cluster.controlPlaneNamespace, "example", { spec: { pausedUntil: "true" } });
    await waitFor("it is gone", () => at(cluster.hostedControlPlane(), "spec", "pausedUntil") === undefined);
  });

  it("leaves foreign annotations where they are, and copies its own", async () => {
    const annotations = {
      "example.com/mine": "1",
      "hypershift.openshift.io/debug-deployments": "openshift-apiserver,other",
    };
    cluster.patch("hostedclusters", "clusters", "example", { metadata: { annotations } });
    await waitFor("the writer of the annotation is stopped", () => replicasOf(cluster).join() === "1,0,1");
    expect(at(cluster.hostedCluster(), "metadata", "annotations")).toMatchObject(annotations);
    const copied = at(cluster.hostedControlPlane(), "metadata", "annotations");
    expect(at(copied, "hypershift.openshift.io/debug-deployments")).toBe("openshift-apiserver,other");
    expect(at(copied, "example.com/mine")).toBeUndefined();
    cluster.patch("hostedclusters", "clusters", "example", {
      metadata: { annotations: Object.fromEntries(Object.keys(annotations).map((name) => [name, null])) },
    });
    await waitFor("the writer is back", () => replicasOf(cluster).join() === "1,1,1");
  });
});

describe("writers that are scaled down", () => {
  it("are put back at once without a pause, and to HyperShift's own count", async () => {
    scale(cluster, "openshift-apiserver", 2);
    await waitFor("it is set to 1", () => replicasOf(cluster).join() === "1,1,1");
    stop();
    await waitFor("they are put back", () => replicasOf(cluster).join() === "1,1,1");
  });

  it("stay at 0 for as long as the pause lasts", async () => {
    const until = cluster.clock.timestamp(hourMs);
    await hold(until);
    stop();
    await waitFor("no pod is left", () => podsOfWriters().length === 0);
    await hold(cluster.clock.timestamp(2 * hourMs));
    cluster.clock.advance(hourMs + 1_000);
    await delay(300);
    expect(replicasOf(cluster)).toEqual([0, 0, 0]);
    expect(hasNoticed(cluster, paused)).toBe(true);
  });

  it("are put back when the pause's time has come, by nothing but the clock", async () => {
    const until = new Date(cluster.clock.nowMs() + 6_000).toISOString();
    await hold(until);
    stop();
    await waitFor("they are put back", () => replicasOf(cluster).join() === "1,1,1");
    expect(cluster.clock.nowMs()).toBeGreaterThanOrEqual(Date.parse(until));
    expect(stringAt(cluster.hostedControlPlane(), "spec", "pausedUntil")).toBe(until);
    await waitFor("reconciliation is active", () => reconciliationOf(cluster.hostedCluster()) === active);
    expect(reconciliationOf(cluster.hostedControlPlane())).toBe(active);
  });

  it("are put back one after the other, each when the one before it is ready", async () => {
    await hold("true");
    stop();
    await waitFor("no pod is left", () => podsOfWriters().length === 0);
    cluster.set({ startMs: 1_000 });
    const seen = [replicasOf(cluster).join()];
    pause(cluster, null);
    await waitFor("they are put back", () => {
      const now = replicasOf(cluster).join();
      if (seen.at(-1) !== now) seen.push(now);
      return now === "1,1,1";
    });
    expect(seen).toEqual(["0,0,0", "1,0,0", "1,1,0", "1,1,1"]);
    expect(numberAt(cluster.deployment("openshift-apiserver"), "status", "readyReplicas")).toBe(1);
  });

  it("are not put back where the configuration is invalid", async () => {
    await hold("true");
    stop();
    const before = listAt(cluster.hostedControlPlane(), "status", "conditions").filter(isJsonObject);
    const write = (conditions: readonly JsonObject[]): void => {
      const { controlPlaneNamespace } = cluster;
      cluster.patch("hostedcontrolplanes", controlPlaneNamespace, "example", { status: { conditions } }, "status");
    };
    write(
      before.map((condition) =>
        condition["type"] === "ValidHostedControlPlaneConfiguration" ? { ...condition, status: "False" } : condition,
      ),
    );
    pause(cluster, null);
    await waitFor("the end of the pause is noticed", () => hasNoticed(cluster, active));
    await delay(200);
    expect(replicasOf(cluster)).toEqual([0, 0, 0]);
    write(before);
    await waitFor("they are put back", () => replicasOf(cluster).join() === "1,1,1");
  });
});
