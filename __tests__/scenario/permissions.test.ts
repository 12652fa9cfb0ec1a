import { readFileSync } from "node:fs";
import { expect, onTestFinished, test } from "vitest";
import { rulesFromYaml, rulesOf, type Rule } from "../world/management-cluster/rbac.ts";
import { apiServersRow, expectRefusal, inProcesses } from "./refusal.ts";
import { shareScenario } from "./scenario.ts";

const scenario = shareScenario();
const rbac = rulesFromYaml(readFileSync(new URL("../../docs/rbac.yaml", import.meta.url), "utf8"));
const granted = rulesOf("etcd-backup", rbac);

/** What one verb of a rule allows on one name, or on all. */
interface Grant {
  readonly verb: string;
  readonly resource: string;
  readonly name: string | undefined;
  readonly rule: Rule;
}

const all: readonly Grant[] = rbac.flatMap((rule) =>
  rule.verbs.flatMap((verb) =>
    rule.resources.flatMap((resource) =>
      (rule.resourceNames ?? [undefined]).map((name) => ({ verb, resource, name, rule })),
    ),
  ),
);
const backupUser = "system:serviceaccount:clusters:etcd-backup";
const verifyRestoreUser = "system:serviceaccount:clusters:etcd-verify-restore";

/** Those of a user; the world's hosted cluster has one member. */
function grantsOf(user: string): readonly Grant[] {
  return all.filter(({ rule, name }) => rule.users?.includes(user) && name !== "etcd-1" && name !== "etcd-2");
}

const needed = grantsOf(backupUser);

function rulesWithout(taken: readonly Grant[]): readonly Rule[] {
  return all
    .filter((grant) => !taken.includes(grant))
    .map(({ verb, resource, name, rule }) => ({
      ...rule,
      verbs: [verb],
      resources: [resource],
      ...(name === undefined ? {} : { resourceNames: [name] }),
    }));
}

function describeGrant({ verb, resource, name = "" }: Grant): string {
  return `${verb} ${resource} ${name}`.trim();
}

test.each(needed.map((grant) => [describeGrant(grant), grant] as const))(
  "Without the permission to %s a backup changes nothing and names it",
  async (name, grant) => {
    const world = scenario();
    world.cluster.setRules(rulesWithout([grant]));
    onTestFinished(() => {
      world.cluster.setRules(granted);
    });
    const result = await expectRefusal(
      world,
      world.backupInputs(),
      { code: "permission-missing", names: name, contact: "reads" },
      grant === needed[0] ? inProcesses : undefined,
    );
    expect(apiServersRow(result)).toBe("never stopped");
  },
);

test.each(grantsOf(verifyRestoreUser).map((grant) => [describeGrant(grant), grant] as const))(
  "Without the permission to %s verify-restore asks nothing more, and names it",
  async (names, grant) => {
    const world = scenario();
    world.cluster.setRules(rulesWithout([grant]));
    onTestFinished(() => {
      world.cluster.setRules(granted);
    });
    const kubeconfig = await world.cluster.kubeconfig({ user: verifyRestoreUser });
    const { manifest: _, ...given } = world.restoreInputs(`s3://${world.bucket}/clusters/example/a.db`);
    const inputs = { ...given, mode: "verify-restore", kubeconfig, "hosted-cluster": "example" };
    await expectRefusal(world, inputs, { code: "permission-missing", names, contact: "reads" });
  },
);

test("Several missing permissions are named at once", async () => {
  const world = scenario();
  const taken = needed.filter(
    ({ verb, resource }) => verb === "patch" || ["secrets", "pods/exec", "statefulsets"].includes(resource),
  );
  world.cluster.setRules(rulesWithout(taken));
  onTestFinished(() => {
    world.cluster.setRules(granted);
  });
  const result = await expectRefusal(
    world,
    world.backupInputs(),
    { code: "preflight-failed", contact: "reads" },
    inProcesses,
  );
  const message = result.annotations.map((annotation) => annotation.message).join("\n");
  expect(taken.length).toBeGreaterThan(4);
  expect(taken.map(describeGrant).filter((name) => !message.includes(name))).toEqual([]);
  expect(message.match(/permission-missing/g)).toHaveLength(taken.length);
});

test.each([
  ["another name", { "hosted-cluster": "other" }, "check the inputs"],
  ["the control plane's namespace", { "hosted-cluster-namespace": "clusters-example" }, "likely clusters"],
])("With docs/rbac.yaml %s is told before any permission", async (_, inputs, names) => {
  const world = scenario();
  const result = await expectRefusal(world, world.backupInputs(inputs), {
    code: "permission-missing",
    names,
    contact: "reads",
  });
  const message = result.annotations.map((annotation) => annotation.message).join("\n");
  expect(message).not.toContain("this user may not");
});

test("Exactly what docs/rbac.yaml grants is enough", async () => {
  const world = scenario();
  world.cluster.setRules(rulesWithout(all.filter((grant) => !needed.includes(grant))));
  onTestFinished(() => {
    world.cluster.setRules(granted);
  });
  expect((await world.run(world.backupInputs({ "dry-run": "true" }))).outcome).toBe("success");
});
