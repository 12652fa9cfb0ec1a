import { appendFile } from "node:fs/promises";
import { join } from "node:path";
import { connect, createServer } from "node:tls";
import { expect } from "vitest";
import { createCertificateAuthority } from "../__tests__/world/certificates.ts";
import type { JsonObject } from "../__tests__/world/management-cluster/json.ts";
import type { FaultAction } from "../__tests__/world/object-store/faults.ts";
import { ageRecipient } from "../__tests__/world/sealing.ts";
import { listAt, stringAt } from "../src/json-path.ts";
import { addresses, nodeName } from "./cluster/layout.ts";
import type { Kind } from "./cluster/kube-client.ts";
import { endProgram, restartProgram } from "./cluster/processes.ts";
import { runCommand } from "./command.ts";
import { userId } from "./hosted/etcd.ts";
import type { HostedCluster } from "./hosted/hosted-cluster.ts";
import { imageNames } from "./images.ts";
import { drillNamespaceOf, type Scenario, type StepInputs } from "./scenario.ts";
import { waitUntil } from "./wait.ts";

interface Place {
  readonly scenario: Scenario;
  readonly hosted: HostedCluster;
}

/** What was done, as far as somebody has to know. */
interface Done {
  /** Of the drill. */
  readonly inputs?: StepInputs;
  readonly undo?: () => Promise<unknown>;
}

/** Something that goes wrong in a drill, and the code with which the drill ends. */
interface DrillFault {
  readonly what: string;
  readonly code: string;
  /** A part of the message. */
  readonly says?: string;
  /** It takes a few seconds, and is always run. */
  readonly quick?: true;
  /** What becomes of the snapshot when the node asks for it. */
  readonly fetched?: FaultAction;
  /** Before the drill. */
  readonly arrange?: (place: Place) => Promise<Done>;
  /** While the pod fetches; undone when the drill has ended. */
  readonly meanwhile?: (place: Place, pod: JsonObject) => Promise<Done>;
}

/** A fetch lasts until something else ends it. */
const slowly = { kind: "slow-body", bytesPerSecond: 2_000 } as const;
const damage = { kind: "flip-byte", offset: 50_000 } as const;

export const drillFaults: readonly DrillFault[] = [
  {
    what: "A URL that has expired when the node asks for it",
    code: "drill-url-refused",
    quick: true,
    fetched: { kind: "answer", status: 403, code: "AccessDenied", message: "Request has expired" },
  },
  {
    what: "Bytes that were damaged after the proof, which etcd's own hash sees",
    code: "drill-restore-failed",
    quick: true,
    fetched: damage,
    arrange: ({ scenario }) => {
      const key = scenario.objectKeys().findLast((each) => each.endsWith(".db")) ?? "";
      // The same bit once more.
      return Promise.resolve({ undo: () => scenario.store.tamper(scenario.bucket, key, damage) });
    },
  },
  {
    what: "A quota that takes no pod",
    code: "pod-refused",
    says: "quota",
    quick: true,
    arrange: ({ scenario }) => {
      const change = changing(scenario, "ResourceQuota", [drillNamespaceOf(scenario.namespace), "restore-drill"]);
      return change({ hard: { pods: "0" } }, { hard: { pods: "1" } });
    },
  },
  {
    what: "PodSecurity, where etcd runs as root",
    code: "pod-refused",
    says: "PodSecurity",
    quick: true,
    arrange: ({ scenario, hosted }) => {
      const withUser = (type: string, runAsUser: number): JsonObject => ({
        // Its pods stay as they are.
        updateStrategy: { type, rollingUpdate: null },
        template: { spec: { securityContext: { runAsUser } } },
      });
      const change = changing(scenario, "StatefulSet", [hosted.controlPlaneNamespace, "etcd"]);
      return change(withUser("OnDelete", 0), withUser("RollingUpdate", userId));
    },
  },
  {
    what: "A body that ends before the snapshot does",
    code: "drill-url-unreachable",
    fetched: { kind: "cut-body", afterBytes: 100_000 },
  },
  {
    what: "A store whose certificate the runner trusts, and the node does not",
    code: "drill-url-untrusted",
    arrange: relay,
  },
  {
    what: "An image that cannot be pulled",
    code: "drill-image-missing",
    arrange: async ({ scenario, hosted }) => {
      const place = [hosted.controlPlaneNamespace, "kube-apiserver"] as const;
      const containers = listAt(
        await scenario.admin.find("Deployment", ...place),
        "spec",
        "template",
        "spec",
        "containers",
      );
      const withImage = (paused: boolean, image: string): JsonObject => ({
        // Its pods stay as they are.
        paused,
        template: { spec: { containers: containers.map((container) => ({ ...(container as JsonObject), image })) } },
      });
      const change = changing(scenario, "Deployment", place);
      return change(withImage(true, "127.0.0.1:1/nobody/has:it"), withImage(false, imageNames.kubeApiserver));
    },
  },
  {
    what: "A disk that is full in the fetch, so that the kubelet evicts the pod",
    code: "drill-disk-full",
    fetched: slowly,
    meanwhile: fillDisk,
  },
  {
    what: "A backup that takes a hold meanwhile",
    code: "hosted-cluster-held",
    fetched: slowly,
    meanwhile: async ({ scenario, hosted }) => {
      const action = { kind: "slow-body", bytesPerSecond: 20_000 } as const satisfies FaultAction;
      scenario.store.faults.add({ on: ["PutObject", "UploadPart"], times: "always", action });
      const backup = await scenario.start(
        await scenario.backupInputs({ quiesce: "false", "key-recipients": ageRecipient }),
      );
      await waitUntil("the backup holds it", () => hosted.journal(), { timeoutMs: 60_000 });
      return {
        undo: async () => {
          Object.assign(action, { bytesPerSecond: 1024 ** 3 });
          expect((await backup.result).outcome).toBe("success");
        },
      };
    },
  },
  {
    what: "A node that takes no more pods",
    code: "drill-pod-unschedulable",
    says: "nodes are available",
    arrange: ({ scenario }) => {
      const change = changing(scenario, "Node", ["", nodeName]);
      return change({ unschedulable: true }, { unschedulable: null });
    },
  },
  {
    what: "A node that dies in the fetch",
    code: "drill-pod-lost",
    fetched: slowly,
    meanwhile: async ({ scenario: { layout } }) => {
      await endProgram(layout, "kubelet", 1_000);
      return { undo: () => restartProgram(layout, "kubelet", 1_000) };
    },
  },
];

/** What gives the object one `spec`, and is undone with the other one. */
function changing({ admin }: Scenario, kind: Kind, [namespace, name]: readonly [string, string]) {
  return async (spec: JsonObject, undone: JsonObject): Promise<Done> => {
    await admin.patch(kind, namespace, name, { spec });
    return { undo: () => admin.patch(kind, namespace, name, { spec: undone }) };
  };
}

/** The store at another port, with a certificate of an authority that the runner alone trusts. */
async function relay({ scenario }: Place): Promise<Done> {
  const authority = await createCertificateAuthority("runner-alone");
  await appendFile(join(scenario.workspace, "store-ca.pem"), `\n${authority.certificate}`);
  const { certificate, privateKey } = await authority.issue({ commonName: "store" }, { names: [addresses.node] });
  const { hostname: host, port } = new URL(scenario.store.endpoint);
  const server = createServer({ cert: certificate, key: privateKey }, (socket) => {
    const store = connect({ host, port: Number(port), ca: scenario.storeAuthority });
    for (const [from, to] of [
      [socket, store],
      [store, socket],
    ] as const)
      from.on("error", () => to.destroy()).pipe(to);
  });
  // A client that does not trust it ends the handshake.
  server.on("tlsClientError", () => undefined);
  await new Promise<void>((resolve) => server.listen(0, addresses.node, resolve));
  const address = server.address();
  const own = typeof address === "object" ? String(address?.port) : "";
  return {
    inputs: { "s3-endpoint": `https://${addresses.node}:${own}` },
    undo: () => Promise.resolve(server.close()),
  };
}

/** Writes more into the pod's volume on the node's disk than it may have. */
async function fillDisk({ scenario }: Place, pod: JsonObject): Promise<Done> {
  const uid = stringAt(pod, "metadata", "uid") ?? "";
  const volume = listAt(pod, "spec", "volumes").find((each) => stringAt(each, "name") === "work");
  const mebibytes = Number.parseInt(stringAt(volume, "emptyDir", "sizeLimit") ?? "", 10) + 100;
  const folder = join(scenario.layout.work, "kubelet/pods", uid, "volumes/kubernetes.io~empty-dir/work");
  await runCommand("fallocate", ["--length", `${String(mebibytes)}MiB`, join(folder, "filler")]);
  return {};
}
