import { readFileSync } from "node:fs";
import { afterAll, beforeAll, beforeEach, expect, it } from "vitest";
import { createClock } from "../../src/adapters/clock.ts";
import { readLivingKeys } from "../../src/encryption/living-keys.ts";
import { parseKubeconfig } from "../../src/kubeconfig/context.ts";
import { createManagementCluster } from "../../src/adapters/kubernetes/management-cluster.ts";
import { drillAccesses } from "../../src/drill/living-cluster.ts";
import { execAccesses, requiredAccesses, secretAccess } from "../../src/preflight/access.ts";
import { writerNames } from "../../src/hypershift/hosted-cluster.ts";
import type { Access, Log, ManagementCluster } from "../../src/ports.ts";
import {
  startManagementCluster,
  type ManagementCluster as EmbeddedCluster,
} from "../world/management-cluster/management-cluster.ts";
import { rulesFromYaml, rulesOf, type Rule } from "../world/management-cluster/rbac.ts";
import { testLimits } from "./scripted-api.ts";
import { rejection } from "./snapshot-store-contract.ts";

const rbac = rulesFromYaml(readFileSync(new URL("../../docs/rbac.yaml", import.meta.url), "utf8"));
const rules = rulesOf("etcd-backup", rbac);
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

const ignore = (): void => undefined;
const silent: Log = { info: ignore, warning: ignore, debug: ignore, group: (_title, run) => run() };

async function connect(user?: string): Promise<ManagementCluster> {
  const kubeconfig = await world.kubeconfig(user === undefined ? {} : { user });
  const settings = { clock: createClock(), log: silent, limits: testLimits };
  return createManagementCluster(parseKubeconfig(kubeconfig, { environment: {} }), settings);
}

let world: EmbeddedCluster;
let cluster: ManagementCluster;
beforeAll(async () => {
  world = await startManagementCluster({ rules, etcdMembers: 3, availabilityPolicy: "HighlyAvailable" });
  cluster = await connect();
});
afterAll(() => world.close());
beforeEach(() => {
  world.setRules(rules);
});

/** `verb group/resource namespace name` of each request since that one. */
function listAsked(firstRequest: number): readonly string[] {
  const asked = world.requests.slice(firstRequest).flatMap(({ verb, group, resource, namespace = "", name = "" }) => {
    const rest = `${group}/${resource} ${namespace} ${name}`;
    return resource === "pods/exec" ? [`get ${rest}`, `create ${rest}`] : [`${verb} ${rest}`];
  });
  return [...new Set(asked)].sort();
}

function listGranted(of: readonly Rule[]): readonly string[] {
  const granted = of.flatMap(({ verbs, apiGroups, resources, namespace = "", resourceNames = [""] }) =>
    verbs.flatMap((verb) =>
      apiGroups.flatMap((group) =>
        resources.flatMap((resource) =>
          resourceNames.map((name) => `${verb} ${group}/${resource} ${namespace} ${name}`),
        ),
      ),
    ),
  );
  return granted.sort();
}

it("docs/rbac.yaml grants a backup every verb on every object that is asked for, and not one more", async () => {
  const firstRequest = world.requests.length;
  await Promise.all(uses.flatMap(([, use]) => use(cluster)));
  expect(listAsked(firstRequest)).toStrictEqual(listGranted(rules));
});

it("docs/rbac.yaml grants a restore what it asks for the key of a living cluster, and not one thing more", async () => {
  world.setRules(rbac);
  const restore = await connect("system:serviceaccount:clusters:etcd-restore");
  const firstRequest = world.requests.length;
  const secrets: Buffer[] = [];
  const taken = await readLivingKeys(
    { cluster: restore, hostedCluster: ref },
    { secret: key },
    { log: silent, onSecret: (bytes) => void secrets.push(bytes) },
  );
  expect(taken).toStrictEqual({ encryptionKeys: [world.aesKey] });
  expect(secrets).toStrictEqual(taken.encryptionKeys);
  expect(listAsked(firstRequest)).toStrictEqual(listGranted(rulesOf("etcd-restore", rbac)));
  const failure = await rejection(restore.patchHostedCluster(ref, { annotations: { "example.test/x": null } }));
  expect(failure.code).toBe("permission-missing");
});

it("docs/rbac.yaml grants a drill every access that it asks about, and not one more", () => {
  const name = ({ verb, group, resource, namespace, name: of = "" }: Access): string =>
    `${verb} ${group}/${resource} ${namespace} ${of}`;
  expect(drillAccesses(ref, "etcd-restore-drill").map(name).sort()).toStrictEqual(
    listGranted(rulesOf("etcd-drill", rbac)),
  );
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
    ...requiredAccesses(ref, true),
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
