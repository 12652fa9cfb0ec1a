import { readFileSync } from "node:fs";
import { afterAll, beforeAll, beforeEach, expect, it } from "vitest";
import { createClock } from "../../src/adapters/clock.ts";
import { parseKubeconfig } from "../../src/adapters/kubeconfig.ts";
import { createManagementCluster } from "../../src/adapters/kubernetes.ts";
import { execAccesses, requiredAccesses, secretAccess } from "../../src/backup/access.ts";
import { writerNames } from "../../src/hypershift/hosted-cluster.ts";
import type { Access, ManagementCluster } from "../../src/ports.ts";
import {
  startManagementCluster,
  type ManagementCluster as EmbeddedCluster,
} from "../fakes/management-cluster/management-cluster.ts";
import { rulesFromYaml, type Rule } from "../fakes/management-cluster/rbac.ts";
import { testLimits } from "./scripted-api.ts";
import { rejection } from "./snapshot-store-contract.ts";

const rules = rulesFromYaml(readFileSync(new URL("../../docs/rbac.yaml", import.meta.url), "utf8"));
const ref = { namespace: "clusters", name: "example" };
const controlPlane = "clusters-example";
const members = ["etcd-0", "etcd-1", "etcd-2"];
const key = { namespace: "clusters", name: "example-etcd-encryption-key" };

/** Everything that the action asks of a cluster, with the accesses that it takes, as `verb resource`. */
const uses: readonly (readonly [readonly string[], (cluster: ManagementCluster) => readonly Promise<unknown>[]])[] = [
  [["get hostedclusters"], (cluster) => [cluster.findHostedCluster(ref)]],
  [
    ["patch hostedclusters"],
    (cluster) => [cluster.patchHostedCluster(ref, { annotations: { "example.test/x": null } })],
  ],
  [["get secrets"], (cluster) => [cluster.findSecret(key)]],
  [["get hostedcontrolplanes"], (cluster) => [cluster.findHostedControlPlane({ ...ref, namespace: controlPlane })]],
  [["get deployments"], (cluster) => onWriters((writer) => cluster.findDeployment(writer))],
  [["patch deployments/scale"], (cluster) => onWriters((writer) => cluster.scaleDeployment(writer, 1))],
  [["get statefulsets"], (cluster) => [cluster.findStatefulSet({ namespace: controlPlane, name: "etcd" })]],
  [["list pods"], (cluster) => [cluster.listPods(controlPlane, { app: "etcd" })]],
  [["get pods/exec", "create pods/exec"], (cluster) => members.map((name) => execInMember(cluster, name))],
];

let world: EmbeddedCluster;
let cluster: ManagementCluster;
beforeAll(async () => {
  world = await startManagementCluster({ rules, etcdMembers: 3, availabilityPolicy: "HighlyAvailable" });
  const ignore = (): void => undefined;
  cluster = createManagementCluster(parseKubeconfig(await world.kubeconfig(), { environment: {} }), {
    clock: createClock(),
    log: { info: ignore, warning: ignore, debug: ignore, group: (_title, run) => run() },
    limits: testLimits,
  });
});
afterAll(() => world.close());
beforeEach(() => {
  world.setRules(rules);
});

it("docs/rbac.yaml grants every verb on every object that is asked for, and not one more", async () => {
  const firstRequest = world.requests.length;
  await Promise.all(uses.flatMap(([, use]) => use(cluster)));
  const asked = world.requests.slice(firstRequest).flatMap(({ verb, group, resource, namespace = "", name = "" }) => {
    const rest = `${group}/${resource} ${namespace} ${name}`;
    return resource === "pods/exec" ? [`get ${rest}`, `create ${rest}`] : [`${verb} ${rest}`];
  });
  const granted = rules.flatMap(({ verbs, apiGroups, resources, namespace = "", resourceNames = [""] }) =>
    verbs.flatMap((verb) =>
      apiGroups.flatMap((group) =>
        resources.flatMap((resource) =>
          resourceNames.map((name) => `${verb} ${group}/${resource} ${namespace} ${name}`),
        ),
      ),
    ),
  );
  expect([...new Set(asked)].sort()).toStrictEqual(granted.sort());
});

it("the accesses that preflight asks about are those of docs/rbac.yaml", async () => {
  const accesses = everyAccess();
  expect(await cluster.findDeniedAccesses(accesses)).toStrictEqual([]);
  world.setRules([]);
  expect(await cluster.findDeniedAccesses(accesses)).toStrictEqual(accesses);
});

it.each(rules.flatMap((rule) => rule.verbs.map((verb) => [`${verb} ${rule.resources.join()}`, rule, verb] as const)))(
  "without %s exactly that is missing, and named",
  async (access, rule, verb) => {
    world.setRules(rules.flatMap((one) => (one === rule ? withoutVerb(one, verb) : [one])));
    const accesses = everyAccess();
    const denied = accesses.filter((one) => `${one.verb} ${one.resource}` === access);
    expect(denied).not.toStrictEqual([]);
    expect(await cluster.findDeniedAccesses(accesses)).toStrictEqual(denied);
    for (const [needed, use] of uses) {
      if (!needed.includes(access)) {
        await Promise.all(use(cluster));
        continue;
      }
      for (const failure of await Promise.all(use(cluster).map((call) => rejection(call)))) {
        expect(failure.code).toBe("permission-missing");
        expect(failure.hint).toContain(`grant ${verb} on ${rule.resources.join()} in ${rule.namespace ?? ""}`);
      }
    }
  },
);

function everyAccess(): readonly Access[] {
  return [
    ...requiredAccesses(ref, controlPlane, true),
    secretAccess(key.namespace, key.name),
    ...members.flatMap((name) => execAccesses(controlPlane, name)),
  ];
}

function onWriters(
  use: (writer: { namespace: string; name: string }) => Promise<unknown>,
): readonly Promise<unknown>[] {
  return writerNames.map((name) => use({ namespace: controlPlane, name }));
}

function execInMember(on: ManagementCluster, name: string): Promise<unknown> {
  return on.exec({ namespace: controlPlane, name, container: "etcd" }, ["true"], { timeoutMs: 20_000 });
}

function withoutVerb(rule: Rule, verb: string): readonly Rule[] {
  const verbs = rule.verbs.filter((one) => one !== verb);
  return verbs.length === 0 ? [] : [{ ...rule, verbs }];
}
