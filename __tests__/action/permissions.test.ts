import { readFileSync } from "node:fs";
import { expect, onTestFinished, test } from "vitest";
import { rulesFromYaml, type Rule } from "../fakes/management-cluster/rbac.ts";
import { apiServersRow, expectRefusal } from "./refusal.ts";
import { shareScenario } from "./scenario.ts";

const scenario = shareScenario();
const granted = rulesFromYaml(readFileSync(new URL("../../docs/rbac.yaml", import.meta.url), "utf8"));

/** What one verb of a rule allows on one name, or on all. */
interface Grant {
  readonly verb: string;
  readonly resource: string;
  readonly name: string | undefined;
  readonly rule: Rule;
}

const grants: readonly Grant[] = granted.flatMap((rule) =>
  rule.verbs.flatMap((verb) =>
    rule.resources.flatMap((resource) =>
      (rule.resourceNames ?? [undefined]).map((name) => ({ verb, resource, name, rule })),
    ),
  ),
);
// The world's hosted cluster has one member.
const needed = grants.filter(({ name }) => name !== "etcd-1" && name !== "etcd-2");

function rulesWithout(taken: readonly Grant[]): readonly Rule[] {
  return grants
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
    const result = await expectRefusal(world, world.backupInputs(), {
      code: "permission-missing",
      names: name,
      contact: "reads",
    });
    expect(apiServersRow(result)).toBe("never stopped");
  },
);

test("Several missing permissions are named at once", async () => {
  const world = scenario();
  const taken = needed.filter(({ verb, resource }) => verb === "patch" || resource === "secrets");
  world.cluster.setRules(rulesWithout(taken));
  onTestFinished(() => {
    world.cluster.setRules(granted);
  });
  const result = await expectRefusal(world, world.backupInputs(), { code: "preflight-failed", contact: "reads" });
  const message = result.annotations.map((annotation) => annotation.message).join("\n");
  expect(taken.length).toBeGreaterThan(4);
  expect(taken.map(describeGrant).filter((name) => !message.includes(name))).toEqual([]);
  expect(message.match(/permission-missing/g)).toHaveLength(taken.length);
});

test("Exactly what docs/rbac.yaml grants is enough", async () => {
  const world = scenario();
  world.cluster.setRules(rulesWithout(grants.filter((grant) => !needed.includes(grant))));
  onTestFinished(() => {
    world.cluster.setRules(granted);
  });
  expect((await world.run(world.backupInputs({ "dry-run": "true" }))).outcome).toBe("success");
});
