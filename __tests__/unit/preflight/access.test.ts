import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { expect, test } from "vitest";
import { isAllowed, rulesFromYaml } from "../../world/management-cluster/rbac.ts";
import { retryCluster } from "../../../src/adapters/kubernetes/retries.ts";
import { ActionError } from "../../../src/errors.ts";
import { manualCommands } from "../../../src/hold/commands.ts";
import {
  deniedAccess,
  deniedAll,
  findDeniedExecs,
  refuseDenied,
  requiredAccesses,
} from "../../../src/preflight/access.ts";
import { parsePod, parseWorkload } from "../../../src/hypershift/workload.ts";
import type { Access, ManagementCluster } from "../../../src/ports.ts";
import { limits } from "../../../src/time-limits.ts";
import { MemoryWorld } from "../../world/memory-world/world.ts";
import { Machine } from "../../world/memory-world/machine.ts";
import { createMemoryCluster } from "../../world/memory-world/cluster-port.ts";

test.each([
  [
    "clusters-example",
    "example",
    /^clusters-example looks like the namespace of the control plane: .* likely clusters$/,
  ],
  ["prod-my-site", "my.site", /^prod-my-site looks like the namespace of the control plane: .* likely prod$/],
  [
    "clusters",
    "exmaple",
    /^check the inputs hosted-cluster and hosted-cluster-namespace; if they are right, in a checkout of the action, sed '.*' docs\/rbac\.yaml \| kubectl apply -f - grants them to ServiceAccount etcd-backup: /,
  ],
  [
    "clusters",
    "clusters-example",
    /^clusters-example looks like the namespace of the control plane: set hosted-cluster .* likely example$/,
  ],
  ["-example", "example", /^check the inputs/],
])("rights that are all missing in %s for %s tell of a wrong name", (namespace, name, expected) => {
  const error = deniedAll({ namespace, name });
  expect(error).toMatchObject({ code: "permission-missing" });
  expect(error.message).toContain("its name or namespace is probably wrong");
  expect(error.hint).toMatch(expected);
});

test("the command that grants puts each name where it belongs, whatever words the names have", () => {
  const ref = { namespace: "eu-clusters", name: "clusters.example" };
  const hint = deniedAccess({ verb: "get", group: "", resource: "pods", namespace: "a" }, ref).hint ?? "";
  const script = /sed '([^']*)'/.exec(hint)?.[1] ?? "";
  const file = join(import.meta.dirname, "../../../docs/rbac.yaml");
  const text = execFileSync("sed", [script, file], { encoding: "utf8" });
  const rules = rulesFromYaml(text);
  const user = "system:serviceaccount:eu-clusters:etcd-backup";
  const denied = requiredAccesses(ref, true).filter((access) => !isAllowed(rules, user, access));
  expect(denied).toEqual([]);
  expect(text).not.toContain("name: etcd-restore");
});

test("all that is denied is told at once, with the ServiceAccount that has the rights", () => {
  const ref = { namespace: "clusters", name: "example" };
  const denied = requiredAccesses(ref, false);
  const refuse = (): void => {
    refuseDenied(denied, ref, { mode: "verify-restore", account: "etcd-verify-restore" });
  };
  expect(refuse).toThrow(
    new RegExp(`^this user lacks permissions that verify-restore needs:(?:\\n- [^\\n]+){${denied.length}}$`),
  );
  refuseDenied([], ref, { mode: "drill", account: "etcd-drill" });
});

const refused = (): Promise<never> => Promise.reject(new ActionError("permission-missing", "it is denied"));

test.each([
  [
    "the StatefulSet's names",
    { findStatefulSet: () => Promise.resolve(parseWorkload({ spec: { replicas: 3 } })) },
    ["etcd-0", "etcd-1", "etcd-2"],
  ],
  [
    "the pods that are there",
    { listPods: () => Promise.resolve([parsePod({ metadata: { name: "etcd-1" } })]) },
    ["etcd-1"],
  ],
  ["the first member, where nothing may be read", {}, ["etcd-0"]],
  [
    "the first member, where there is none yet",
    { findStatefulSet: () => Promise.resolve(undefined), listPods: () => Promise.resolve([]) },
    ["etcd-0"],
  ],
])("commands in pods are asked for with the first round, for %s", async (_, given, names) => {
  const cluster = {
    findStatefulSet: refused,
    listPods: refused,
    findDeniedAccesses: (accesses: readonly Access[]) => Promise.resolve(accesses),
    ...given,
  };
  const denied = await findDeniedExecs(cluster, "clusters-example");
  expect(denied.map(({ verb, name }) => `${verb} ${name ?? ""}`)).toEqual(
    names.flatMap((name) => [`get ${name}`, `create ${name}`]),
  );
});

test("an online backup asks for nothing of deployments", () => {
  const resources = requiredAccesses({ namespace: "clusters", name: "example" }, false).map(({ resource }) => resource);
  expect(resources).toEqual(["hostedclusters", "hostedclusters", "hostedcontrolplanes", "statefulsets", "pods"]);
});

test("the commands for a run that stopped nothing leave a pause alone, which is somebody else's", () => {
  const commands = manualCommands({ namespace: "clusters", name: "example" }, { pausedUntil: null, replicas: {} });
  expect(commands.join("\n")).not.toContain("pausedUntil");
});

test.each([
  ["in the past", -1000, "ended at 2026-11-22T05:43:27Z"],
  ["to come", 1000, undefined],
])("a token that the server does not take is told with its end where that is %s", async (_, inMs, said) => {
  const world = new MemoryWorld();
  const { clock } = new Machine(world.timeline);
  const port: ManagementCluster = {
    ...createMemoryCluster(world.backend, world.wire, new Machine(world.timeline)),
    credentialsExpireAt: new Date(world.timeline.nowMs() + inMs),
    readServerTime: () => Promise.reject(new ActionError("cluster-unauthorized", "the API server refused (401)")),
  };
  const error: unknown = await retryCluster(port, { clock, limits: { ...limits, chance: () => 1 } })
    .readServerTime()
    .catch((thrown: unknown) => thrown);
  expect(error).toMatchObject({ code: "cluster-unauthorized" });
  const { message } = error as Error;
  if (said === undefined) expect(message).not.toContain("ended");
  else expect(message).toContain(said);
});
