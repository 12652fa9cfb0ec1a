import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { isJsonObject, type JsonObject } from "../__tests__/world/management-cluster/json.ts";
import { at, listAt, stringAt } from "../src/json-path.ts";
import type { StepResult } from "../__tests__/world/runner/step.ts";
import type { HostedCluster } from "./hosted/hosted-cluster.ts";
import { readRbac, startScenario, type Scenario } from "./scenario.ts";
import { waitUntil } from "./wait.ts";

const namespace = "rbac";
let scenario: Scenario;
let hosted: HostedCluster;

beforeAll(async () => {
  scenario = await startScenario(namespace);
  hosted = await scenario.startHostedCluster({ etcd: "3.5", members: 1 });
  await scenario.applyRbac();
});

beforeEach(() => hosted.settle());

afterAll(async () => {
  await hosted.end();
  await scenario.close();
});

/** The ServiceAccounts of docs/rbac.yaml, each with what it is for, up to the point at which nothing may be missing any more. */
const uses: Readonly<Record<string, () => Promise<StepResult>>> = {
  "etcd-backup": async () => scenario.run(await scenario.backupInputs({ "dry-run": "true" })),
  "etcd-verify-restore": async () =>
    scenario.run(await scenario.verifyRestoreInputs(`s3://${scenario.bucket}/etcd/nightly/${namespace}/example/a.db`)),
};

/** One verb of one rule of a Role in docs/rbac.yaml. */
interface Grant {
  readonly account: string;
  readonly role: JsonObject;
  readonly rule: JsonObject;
  readonly verb: string;
  readonly resource: string;
}

const grants: readonly Grant[] = (await readRbac(namespace))
  .filter((object) => object["kind"] === "Role" && stringAt(object, "metadata", "name") === "etcd-backup")
  .flatMap((role) =>
    listAt(role, "rules")
      .filter(isJsonObject)
      .flatMap((rule) =>
        listAt(rule, "verbs").map((verb) => ({
          account: stringAt(role, "metadata", "name") ?? "",
          role,
          rule,
          verb: String(verb),
          resource: String(at(rule, "resources", 0)),
        })),
      ),
  );

function withoutGrant({ role, rule, verb }: Grant): JsonObject {
  const rules = listAt(role, "rules").map((other) =>
    other === rule ? { ...rule, verbs: listAt(rule, "verbs").filter((kept) => kept !== verb) } : other,
  );
  // A rule without a verb is not valid.
  return { ...role, rules: rules.filter((other) => listAt(other, "verbs").length > 0) };
}

/** The API server's authorizer learns of a changed Role a moment later. */
async function waitUntilAnswered({ account, role, rule, verb, resource }: Grant, allowed: boolean): Promise<void> {
  const [name, subresource] = resource.split("/");
  const body = {
    apiVersion: "authorization.k8s.io/v1",
    kind: "SubjectAccessReview",
    spec: {
      user: `system:serviceaccount:${namespace}:${account}`,
      resourceAttributes: {
        namespace: stringAt(role, "metadata", "namespace"),
        verb,
        group: at(rule, "apiGroups", 0),
        resource: name,
        ...(subresource === undefined ? {} : { subresource }),
        name: at(rule, "resourceNames", 0),
      },
    },
  };
  const ask = async (): Promise<boolean> => {
    const path = "/apis/authorization.k8s.io/v1/subjectaccessreviews";
    return at(await scenario.admin.call("POST", path, { body }), "status", "allowed") === allowed;
  };
  await waitUntil(`${verb} ${resource} is ${allowed ? "granted" : "denied"}`, ask, { timeoutMs: 30_000 });
}

test.each(grants)("Without $verb on $resource, $account is told what is missing", async (grant) => {
  await scenario.admin.apply(withoutGrant(grant));
  await waitUntilAnswered(grant, false);
  try {
    const result = await uses[grant.account]?.();
    if (result === undefined) throw new Error(`nothing is known of ${grant.account}`);
    expect(result.outcome).toBe("failure");
    const [error, ...others] = result.annotations.filter(({ level, title }) => level === "error" && title !== "");
    expect(others).toEqual([]);
    // One finding has its own code; several, as for three deployments, are listed with theirs.
    const named = `${error?.title ?? ""}: ${error?.message ?? ""}`;
    expect(named).toMatch(new RegExp(`\\bpermission-missing: .*\\b${grant.verb} ${grant.resource}\\b`));
  } finally {
    await scenario.admin.apply(grant.role);
    await waitUntilAnswered(grant, true);
  }
});
