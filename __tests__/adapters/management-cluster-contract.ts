import { describe, expect, it } from "vitest";
import type { ManagementCluster, ObjectRef } from "../../src/ports.ts";
import type { PodManifest } from "../../src/ports/own-pods.ts";
import { rejectedCode, rejection } from "./snapshot-store-contract.ts";

/** A management cluster with the hosted cluster clusters/example, which nobody reconciles, and whose API servers are ready. */
export interface PortWorld {
  /** With credentials that may do everything in the two namespaces. */
  readonly cluster: ManagementCluster;
  /** Milliseconds since the epoch, by the API server's clock. */
  readonly nowMs: () => number;
  readonly aesKey: Buffer;
  /** Returns when all that was started is ready. */
  readonly settle: () => Promise<void>;
}

export const ref = { namespace: "clusters", name: "example" };
export const inControlPlane = (name: string) => ({ namespace: "clusters-example", name });
export const annotation = "example.test/journal";
const target = inControlPlane("openshift-oauth-apiserver");
const etcd = { ...inControlPlane("etcd-0"), container: "etcd" };

/** What every management cluster behind the port must do, played or real. */
export function describeClusterPort(name: string, open: () => PortWorld): void {
  const wanted = async (): Promise<number | undefined> => (await open().cluster.findDeployment(target))?.replicas;

  describe(`${name}: the port of a management cluster`, () => {
    it("tells the API server's time, in whole seconds", async () => {
      const { cluster, nowMs } = open();
      const beforeMs = nowMs();
      const timeMs = (await cluster.readServerTime()).getTime();
      expect(timeMs % 1000).toBe(0);
      expect(timeMs).toBeGreaterThan(beforeMs - 1_001);
      expect(timeMs).toBeLessThanOrEqual(nowMs());
    });

    it("finds a HostedCluster, with the time of the answer, and its HostedControlPlane", async () => {
      const { cluster, nowMs } = open();
      const found = await cluster.findHostedCluster(ref);
      expect(found).toMatchObject({
        ...ref,
        deleting: false,
        etcd: { managementType: "Managed" },
        secretEncryption: { type: "aescbc", activeKey: "example-etcd-encryption-key" },
      });
      expect(Math.abs((found?.answeredAt.getTime() ?? 0) - nowMs())).toBeLessThan(5_000);
      expect(await cluster.findHostedControlPlane(inControlPlane("example"))).toMatchObject({
        ...inControlPlane("example"),
        owner: "clusters/example",
      });
    });

    it("finds a Deployment, a StatefulSet and the pods of one of them", async () => {
      const { cluster } = open();
      const deployment = await cluster.findDeployment(inControlPlane("kube-apiserver"));
      const replicas = deployment?.replicas ?? 0;
      expect(deployment).toMatchObject({ ...inControlPlane("kube-apiserver"), readyReplicas: replicas });
      expect(await cluster.findStatefulSet(inControlPlane("etcd"))).toMatchObject(inControlPlane("etcd"));
      const pods = await cluster.listPods("clusters-example", deployment?.matchLabels ?? {});
      expect(pods).toHaveLength(replicas);
      expect(pods[0]).toMatchObject({
        namespace: "clusters-example",
        phase: "Running",
        ready: true,
        terminating: false,
      });
      expect(pods[0]?.name).toMatch(/^kube-apiserver-/);
    });

    it("tells of etcd which init containers it has, with their variables, and how they ended in each pod", async () => {
      const { cluster } = open();
      const statefulSet = await cluster.findStatefulSet(inControlPlane("etcd"));
      expect(statefulSet?.updatedReplicas).toBe(statefulSet?.replicas);
      expect(statefulSet?.initContainers.map((container) => container.name)).toEqual(["ensure-dns", "reset-member"]);
      expect(statefulSet?.initContainers[0]?.variables).toContain("NAMESPACE");
      const [pod] = await cluster.listPods("clusters-example", { app: "etcd" });
      expect(pod?.initContainers).toMatchObject([
        { name: "ensure-dns", ready: true, exitCode: 0 },
        { name: "reset-member", ready: true, exitCode: 0 },
      ]);
    });

    it("decodes a Secret", async () => {
      const { cluster, aesKey } = open();
      expect(await cluster.findSecret({ namespace: "clusters", name: "example-etcd-encryption-key" })).toStrictEqual({
        key: aesKey,
      });
    });

    it("makes a pod once, and ends it by its uid alone", async () => {
      const { cluster, settle } = open();
      const pod = { namespace: "clusters", name: "drill" };
      const made = await cluster.createPod(renderManifest(pod, "one"));
      expect(made).toMatchObject({ ...pod, annotations: { "example.test/nonce": "one" }, terminating: false });
      expect(made.createdAt?.getTime()).toBeGreaterThan(0);
      expect(await rejectedCode(cluster.createPod(renderManifest(pod, "two")))).toBe("hold-conflict");
      await cluster.deletePod(pod, "0b5c2d7e-0000-4000-8000-000000000000", 0);
      expect((await cluster.findPod(pod))?.uid).toBe(made.uid);
      await cluster.deletePod(pod, made.uid, 0);
      await settle();
      expect(await cluster.findPod(pod)).toBeUndefined();
      await cluster.deletePod(pod, made.uid, 0);
    });

    it("finds nothing where the object is not there", async () => {
      const { cluster } = open();
      const gone = inControlPlane("gone");
      const found = [
        await cluster.findHostedCluster(gone),
        await cluster.findHostedControlPlane(gone),
        await cluster.findDeployment(gone),
        await cluster.findStatefulSet(gone),
        await cluster.findSecret(gone),
        await cluster.findPod(gone),
      ];
      expect(found).toStrictEqual(found.map(() => undefined));
      expect(await cluster.listPods("clusters-example", { app: "gone" })).toStrictEqual([]);
    });

    it("sets a pause and an annotation by a patch, and takes both away", async () => {
      const { cluster } = open();
      const pausedUntil = "2027-01-02T03:04:05Z";
      const written = await cluster.patchHostedCluster(ref, { pausedUntil, annotations: { [annotation]: "{}" } });
      expect(written).toMatchObject({ pausedUntil, annotations: { [annotation]: "{}" } });
      expect((await cluster.findHostedCluster(ref))?.resourceVersion).toBe(written.resourceVersion);
      await cluster.patchHostedCluster(ref, { pausedUntil: null, annotations: { [annotation]: null } });
      const cleared = await cluster.findHostedCluster(ref);
      expect(cleared?.pausedUntil).toBeUndefined();
      expect(cleared?.annotations).not.toHaveProperty([annotation]);
    });

    it("refuses a patch with the version of an object that has changed since, and changes nothing", async () => {
      const { cluster } = open();
      const { resourceVersion } = await cluster.patchHostedCluster(ref, { annotations: { [annotation]: "1" } });
      await cluster.patchHostedCluster(ref, { annotations: { [annotation]: "2" } }, { resourceVersion });
      const late = cluster.patchHostedCluster(ref, { annotations: { [annotation]: "3" } }, { resourceVersion });
      expect(await rejectedCode(late)).toBe("hold-conflict");
      expect((await cluster.findHostedCluster(ref))?.annotations[annotation]).toBe("2");
    });

    it("says which value of a patch is not allowed", async () => {
      const refused = await rejection(open().cluster.patchHostedCluster(ref, { pausedUntil: "x".repeat(36) }));
      expect(refused.code).toBe("cluster-refused");
      expect(refused.message).toContain("pausedUntil");
    });

    it("changes nothing in a dry run, in which conflicts and refusals are told as well", async () => {
      const { cluster } = open();
      const before = (await cluster.findHostedCluster(ref))?.resourceVersion;
      const dryRun = true;
      const written = await cluster.patchHostedCluster(ref, { pausedUntil: "2027-01-02T03:04:05Z" }, { dryRun });
      expect(written.pausedUntil).toBe("2027-01-02T03:04:05Z");
      expect(await rejectedCode(cluster.patchHostedCluster(ref, { pausedUntil: "x".repeat(36) }, { dryRun }))).toBe(
        "cluster-refused",
      );
      const late = cluster.patchHostedCluster(ref, { pausedUntil: null }, { dryRun, resourceVersion: "1" });
      expect(await rejectedCode(late)).toBe("hold-conflict");
      const after = await cluster.findHostedCluster(ref);
      expect([after?.resourceVersion, after?.pausedUntil]).toEqual([before, undefined]);
    });

    it("scales to the wanted replicas, also to those that are there", async () => {
      const { cluster } = open();
      for (const replicas of [0, 0, 1]) {
        await cluster.scaleDeployment(target, replicas);
        expect(await wanted()).toBe(replicas);
      }
    });

    it("scales nothing in a dry run, nor with an old version", async () => {
      const { cluster, settle } = open();
      // Pods that still start make versions of their own.
      await settle();
      await cluster.scaleDeployment(target, 0, { dryRun: true });
      expect(await rejectedCode(cluster.scaleDeployment(target, 0, { resourceVersion: "1" }))).toBe("hold-conflict");
      expect(await wanted()).toBe(1);
      const { resourceVersion = "" } = (await cluster.findDeployment(target)) ?? {};
      await cluster.scaleDeployment(target, 1, { resourceVersion });
      expect(await wanted()).toBe(1);
    });

    it("hands standard input to a command, in its pieces, and ends it", async () => {
      const input = [
        Buffer.from("first \0 "),
        Buffer.alloc(0),
        Buffer.alloc(100_000, "second "),
        Buffer.from("last\n"),
      ];
      const { exitCode, stdout } = await open().cluster.exec(etcd, ["sh", "-c", "cat", "cat"], {
        timeoutMs: 30_000,
        input,
      });
      expect(exitCode).toBe(0);
      expect(stdout.equals(Buffer.concat(input))).toBe(true);
    });

    it("hands standard output on as it comes, where somebody takes it", async () => {
      const taken: Buffer[] = [];
      const { exitCode, stdout } = await open().cluster.exec(etcd, ["sh", "-c", "cat", "cat"], {
        timeoutMs: 30_000,
        input: [Buffer.from("one\n"), Buffer.from("two\n")],
        onStdout: async (bytes) => {
          await Promise.resolve();
          taken.push(Buffer.from(bytes));
        },
      });
      expect([exitCode, stdout.length]).toEqual([0, 0]);
      expect(Buffer.concat(taken).toString()).toBe("one\ntwo\n");
    });

    it("runs a command without standard input, which is empty then", async () => {
      const { stdout } = await open().cluster.exec(etcd, ["sh", "-c", "cat", "cat"], { timeoutMs: 30_000 });
      expect(stdout).toHaveLength(0);
    });

    it("refuses to scale a deployment that is not there", async () => {
      expect(await rejectedCode(open().cluster.scaleDeployment(inControlPlane("gone"), 1))).toBe("cluster-refused");
    });
  });
}

/** A pod as small as the port has it. */
function renderManifest(ref: ObjectRef, nonce: string): PodManifest {
  return {
    metadata: { ...ref, labels: { app: ref.name }, annotations: { "example.test/nonce": nonce } },
    spec: {
      serviceAccountName: "default",
      automountServiceAccountToken: false,
      enableServiceLinks: false,
      restartPolicy: "Never",
      activeDeadlineSeconds: 60,
      terminationGracePeriodSeconds: 1,
      nodeSelector: {},
      tolerations: [],
      affinity: { podAntiAffinity: { preferredDuringSchedulingIgnoredDuringExecution: [] } },
      securityContext: { runAsNonRoot: true, seccompProfile: { type: "RuntimeDefault" } },
      containers: [],
      volumes: [],
    },
  };
}
