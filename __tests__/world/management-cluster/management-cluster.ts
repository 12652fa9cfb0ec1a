import { randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import { stringAt } from "../../../src/json-path.ts";
import { createCertificateAuthority } from "../certificates.ts";
import { startEtcdCluster } from "../etcd/etcd.ts";
import { fillEtcd } from "../etcd/fill.ts";
import { WorldClock } from "./clock.ts";
import { DeploymentController } from "./deployments.ts";
import { startEtcdContainers } from "./etcd-containers.ts";
import { FaultPlan } from "./faults.ts";
import { ObjectStore } from "./objects.ts";
import { isRolledOut } from "./operator-rules.ts";
import { startOperators, type OperatorWorld } from "./operators.ts";
import type { ManagementCluster, ManagementClusterOptions } from "./options.ts";
import { rulesFromYaml, type Rule } from "./rbac.ts";
import type { LoggedRequest } from "./request-log.ts";
import { matchesSelector } from "./selectors.ts";
import { serveApi } from "./serve.ts";
import { defaultSwitches, type Switches } from "./switches.ts";
import { Users } from "./users.ts";
import { validateObject } from "./validation.ts";
import {
  createDeployments,
  createEtcdObjects,
  createHostedCluster,
  writeEtcdReadiness,
  type HostedWorld,
} from "./world-objects.ts";
import { Writers } from "./writers.ts";

export type { ManagementCluster, ManagementClusterOptions } from "./options.ts";

const writerNames = ["kube-apiserver", "openshift-apiserver", "openshift-oauth-apiserver"];
const rbacFile = new URL("../../../docs/rbac.yaml", import.meta.url);

/**
 * Starts a management cluster with one hosted cluster: the Kubernetes API over HTTPS on loopback, HyperShift's operators
 * as they were observed, writers that write, and a real etcd behind exec. Throws where etcd cannot be started.
 */
export async function startManagementCluster(options: ManagementClusterOptions = {}): Promise<ManagementCluster> {
  const ca = options.ca ?? (await createCertificateAuthority("management-cluster"));
  const clock = new WorldClock(options.clockSkewMs);
  const store = new ObjectStore(clock);
  const hosted = describeWorld(options, clock);
  const { namespace, name, controlPlaneNamespace, writers: writerDeployments } = hosted;
  let switches: Switches = { ...defaultSwitches, ...options.switches };
  let rules: readonly Rule[] = options.rules ?? rulesFromYaml(readFileSync(rbacFile, "utf8"));
  const user = options.user ?? rules.flatMap((rule) => rule.users ?? [])[0] ?? "system:serviceaccount:clusters:backup";
  const requests: LoggedRequest[] = [];
  const listeners = new Set<(request: LoggedRequest) => void>();
  const faults = new FaultPlan();
  const users = new Users(ca, clock);

  const { etcdDataDirectory: dataDirectory } = options;
  const [first, ...others] = await startEtcdCluster({
    members: hosted.etcdMembers,
    namespace: controlPlaneNamespace,
    ...(dataDirectory === undefined ? {} : { dataDirectory }),
  });
  if (first === undefined) throw new Error("a world needs an etcd member");
  const etcd = [first, ...others] as const;
  const aesKey = options.aesKey ?? hosted.encryptionKey ?? randomBytes(32);
  const filled =
    dataDirectory === undefined
      ? await fillEtcd(first.client, { secrets: 20, ...options.fill, aesKey })
      : { secrets: new Map<string, Buffer>(), liveKeys: 0 };

  createHostedCluster(store, hosted);
  createDeployments(store, hosted);
  createEtcdObjects(store, hosted);
  const writers = new Writers(first.client, writerDeployments);
  const controller = new DeploymentController(store, clock, controlPlaneNamespace, () => switches, {
    onFirstPod: (deployment) => {
      writers.start(deployment);
    },
    beforeLastPodGone: (deployment) => writers.stop(deployment),
  });
  for (const deployment of writerDeployments) controller.start(deployment);
  const operators = startOperators(operatorWorld(store, clock), {
    hostedCluster: { namespace, name },
    controlPlaneNamespace,
    writers: writerDeployments,
    switches: () => switches,
  });
  store.onChange((resource, object) => {
    if (resource === "deployments") controller.reconcile(stringAt(object, "metadata", "name") ?? "");
    operators.wake();
  });
  clock.onAdvance(() => {
    operators.wake();
  });
  const set = (changes: Partial<Switches>): void => {
    switches = { ...switches, ...changes };
    writeEtcdReadiness(store, hosted, switches.etcdReady);
    for (const deployment of writerDeployments) controller.reconcile(deployment);
    operators.wake();
  };
  set({});

  const containers = await startEtcdContainers(etcd, store, faults, () => switches);
  const server = await serveApi({
    ca,
    clock,
    users,
    faults,
    store,
    rules: () => rules,
    switches: () => switches,
    log: (request) => {
      requests.push(request);
      for (const listener of listeners) listener(request);
    },
    prepareExec: (request) => containers.prepareExec(request),
  });
  const url = `https://localhost:${String(server.port)}`;
  const deployment = (wanted: string): ReturnType<ManagementCluster["deployment"]> =>
    store.find("deployments", controlPlaneNamespace, wanted);

  return {
    url,
    ca,
    user,
    controlPlaneNamespace,
    clock,
    etcd,
    aesKey,
    filled,
    requests,
    acknowledged: writers.acknowledged,
    lastWrites: writers.lastWrites,
    kubeconfig: (settings = {}) => users.renderKubeconfig(url, settings.user ?? user, settings),
    revokeTokens: () => {
      users.revokeTokens();
    },
    setRules: (changed) => {
      rules = changed;
    },
    switches: () => switches,
    set,
    hostedCluster: () => store.get("hostedclusters", namespace, name),
    hostedControlPlane: () => store.get("hostedcontrolplanes", controlPlaneNamespace, name),
    deployment,
    pods: (labelSelector = "") =>
      store.list("pods", controlPlaneNamespace).filter((pod) => matchesSelector(pod, labelSelector)),
    patch: (resource, inNamespace, ofName, patch, subresource) =>
      store.patch(resource, inNamespace, ofName, patch, {
        ...(subresource ? { subresource } : {}),
        validate: (object) => {
          validateObject(resource, ofName, object);
        },
      }),
    remove: (resource, inNamespace, ofName) => {
      store.remove(resource, inNamespace, ofName);
    },
    container: (pod = "etcd-0") => containers.of(pod),
    addRequestFault: (fault) => {
      faults.addRequestFault(fault);
    },
    addExecFault: (fault) => {
      faults.addExecFault(fault);
    },
    clearFaults: () => {
      faults.clear();
    },
    cutConnections: () => {
      server.cutConnections();
    },
    onRequest: (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    waitUntilReady: (timeoutMs = 10_000) =>
      waitUntil(timeoutMs, () =>
        writerDeployments.every((writer) => {
          const found = deployment(writer);
          return found === undefined || isRolledOut(found);
        }),
      ),
    close: async () => {
      operators.stop();
      controller.close();
      await server.close();
      containers.close();
      await writers.close();
      await Promise.all(etcd.map((member) => member.close()));
    },
  };
}

function describeWorld(options: ManagementClusterOptions, clock: WorldClock): HostedWorld {
  const { namespace, name } = options.hostedCluster ?? { namespace: "clusters", name: "example" };
  const secret = options.encryptionSecret ?? "present";
  const key = Buffer.isBuffer(secret) ? secret : (options.aesKey ?? randomBytes(32));
  return {
    namespace,
    name,
    controlPlaneNamespace: `${namespace}-${name.replaceAll(".", "-")}`,
    availabilityPolicy: options.availabilityPolicy ?? "SingleReplica",
    release: options.release ?? "4.20.0",
    writers: writerNames.filter((writer) => !(options.absentWriters ?? []).includes(writer)),
    replicas: options.replicas ?? {},
    gracePeriodSeconds: options.gracePeriodSeconds ?? 5,
    encryptionKey: secret === "absent" ? undefined : key,
    etcdMembers: options.etcdMembers ?? 1,
    evictedPod: options.evictedPod ?? false,
    timestamp: clock.timestamp(),
    hostedClusterPatch: options.hostedClusterPatch ?? {},
    controlPlanePatch: options.controlPlanePatch ?? {},
  };
}

function operatorWorld(store: ObjectStore, clock: WorldClock): OperatorWorld {
  return {
    clock,
    read: (resource, namespace, name) => Promise.resolve(store.find(resource, namespace, name)),
    patch: (resource, namespace, name, patch, subresource) => {
      store.patch(resource, namespace, name, patch, subresource ? { subresource } : {});
      return Promise.resolve();
    },
  };
}

async function waitUntil(timeoutMs: number, holds: () => boolean): Promise<void> {
  const deadlineMs = performance.now() + timeoutMs;
  while (!holds()) {
    if (performance.now() > deadlineMs) throw new Error(`the writers are not ready after ${String(timeoutMs)} ms`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
