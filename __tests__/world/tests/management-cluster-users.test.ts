import { setTimeout as delay } from "node:timers/promises";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { parse } from "yaml";
import { at, stringAt } from "../../../src/json-path.ts";
import { startManagementCluster, type ManagementCluster } from "../management-cluster/management-cluster.ts";
import { rulesFromYaml } from "../management-cluster/rbac.ts";
import type { LoggedRequest } from "../management-cluster/request-log.ts";
import { defaultSwitches } from "../management-cluster/switches.ts";
import type { KubeconfigOptions } from "../management-cluster/users.ts";
import { asUser, createApiClient, pathsOf, type ApiClient } from "./management-cluster/api-client.ts";
import { openContract, rulesWithAdministrator } from "./management-cluster/embedded.ts";
import { refusedExec, runExec } from "./management-cluster/exec-client.ts";
import type { ContractCluster } from "./management-cluster-contract.ts";

const skewMs = 20 * 60_000;

let cluster: ManagementCluster;
let contract: ContractCluster;
beforeAll(async () => {
  cluster = await startManagementCluster({ rules: rulesWithAdministrator(), clockSkewMs: skewMs });
  contract = await openContract(cluster);
});
afterAll(() => cluster.close());
afterEach(() => {
  cluster.set(defaultSwitches);
  cluster.setRules(rulesWithAdministrator());
});

const connect = async (options: KubeconfigOptions): Promise<ApiClient> => {
  const user: unknown = at(parse(await cluster.kubeconfig(options)), "users", 0, "user");
  const decode = (field: string): string => Buffer.from(stringAt(user, field) ?? "", "base64").toString();
  const token = stringAt(user, "token");
  return createApiClient(contract, {
    ...(token === undefined
      ? { certificate: { certificate: decode("client-certificate-data"), privateKey: decode("client-key-data") } }
      : { token }),
  });
};
const statusFor = async (client: ApiClient): Promise<number> =>
  (await client.get(pathsOf(contract).hostedCluster)).status;

describe("a user of the kubeconfig", () => {
  it.each(["token", "certificate"] as const)("is known by a %s until it ends by the cluster's clock", async (auth) => {
    const lasting = await connect({ auth });
    const short = await connect({ auth, lifetimeMs: 60_000 });
    expect([await statusFor(lasting), await statusFor(short)]).toEqual([200, 200]);
    cluster.clock.advance(61_000);
    expect([await statusFor(lasting), await statusFor(short)]).toEqual([200, 401]);
  });

  it("is another one under another name", async () => {
    for (const auth of ["token", "certificate"] as const) {
      const answer = await (await connect({ auth, user: "stranger" })).get(pathsOf(contract).hostedCluster);
      expect(answer.status).toBe(403);
      expect(stringAt(answer.body, "message")).toContain('User "stranger" cannot get resource "hostedclusters"');
    }
  });

  it("has tokens that say when they end, and some that do not", async () => {
    const tokenOf = async (options: KubeconfigOptions): Promise<string> =>
      stringAt(parse(await cluster.kubeconfig(options)), "users", 0, "user", "token") ?? "";
    const [, claims = ""] = (await tokenOf({ lifetimeMs: 60_000 })).split(".");
    const parsed: unknown = JSON.parse(Buffer.from(claims, "base64url").toString());
    expect(Number(at(parsed, "exp"))).toBeCloseTo(cluster.clock.nowMs() / 1000 + 60, -1);
    expect((await tokenOf({ lifetimeMs: "never" })).split(".")).toHaveLength(1);
  });

  it("has no right that was taken away, and loses its tokens", async () => {
    const client = asUser(contract);
    expect(await statusFor(client)).toBe(200);
    cluster.setRules([]);
    expect(await statusFor(client)).toBe(403);
    cluster.setRules(rulesWithAdministrator());
    const other = await connect({});
    cluster.revokeTokens();
    expect([await statusFor(client), await statusFor(other)]).toEqual([401, 401]);
    contract = await openContract(cluster);
    expect(await statusFor(asUser(contract))).toBe(200);
  });
});

describe("the API server", () => {
  it("knows the fields of HyperShift's CRDs, and their own words", async () => {
    const path = pathsOf(contract).hostedCluster;
    const patch = { spec: { nonsense: 1, pausedUntil: "TRUE" } };
    const strict = await asUser(contract).patch(`${path}?fieldValidation=Strict`, patch);
    expect(strict.status).toBe(422);
    expect(stringAt(strict.body, "message")).toContain('unknown field "spec.nonsense"');
    const refused = await asUser(contract).patch(path, patch);
    expect(stringAt(refused.body, "message")).toContain(
      "PausedUntil must be a date in RFC3339 format or 'True', 'true', 'False' or 'false'",
    );
    const dropped = await asUser(contract).patch(path, { spec: { nonsense: 1 } });
    expect([dropped.status, at(dropped.body, "spec", "nonsense")]).toEqual([200, undefined]);
  });

  it("tells its own time, not this machine's", async () => {
    const { headers } = await asUser(contract).get("/version");
    const aheadMs = Date.parse(headers.date ?? "") - Date.now();
    expect(aheadMs).toBeGreaterThan(skewMs - 60_000);
  });

  it("asks for create on pods/exec too, unless it is an older one (kubernetes/kubernetes#134577)", async () => {
    const withoutCreate = rulesWithAdministrator().map((rule) =>
      rule.resources.includes("pods/exec") ? { ...rule, verbs: ["get"] } : rule,
    );
    cluster.setRules(withoutCreate);
    const answer = await refusedExec(contract, { command: ["true"] });
    expect(answer.status).toBe(403);
    expect(stringAt(answer.body, "message")).toContain('cannot create resource "pods/exec"');
    cluster.set({ execNeedsCreate: false });
    expect(at((await runExec(contract, { command: ["true"] })).status, "status")).toBe("Success");
  });

  it("speaks v4 alone where it is older than v5", async () => {
    cluster.set({ execProtocols: "v4" });
    expect((await runExec(contract, { command: ["true"] })).protocol).toBe("v4.channel.k8s.io");
    const answer = await refusedExec(contract, { command: ["true"], protocols: ["v5.channel.k8s.io"] });
    expect(answer.status).toBe(403);
  });

  it("serves again after all its connections were cut", async () => {
    const running = runExec(contract, { command: ["sleep", "5"] });
    await delay(100);
    cluster.cutConnections();
    expect((await running).closeCode).toBe(1006);
    expect(await statusFor(asUser(contract))).toBe(200);
  });
});

describe("the request log", () => {
  it("tells who asked what, and what was answered", async () => {
    const from = cluster.requests.length;
    const heard: LoggedRequest[] = [];
    const stopListening = cluster.onRequest((request) => {
      expect(request.status).toBeUndefined();
      heard.push(request);
    });
    const paths = pathsOf(contract);
    const user = asUser(contract);
    await user.patch(`${paths.scale("kube-apiserver")}?dryRun=All`, { spec: { replicas: 0 } });
    await user.get(`${paths.hostedClusters}/another`);
    await user.get(paths.pods("app=etcd"));
    await createApiClient(contract, { token: "wrong" }).get("/version");
    await runExec(contract, { command: ["echo", "a b", ""] });
    stopListening();
    await user.get("/version");
    const logged = cluster.requests.slice(from);
    expect(logged.map(({ verb, resource, name, status }) => [verb, resource, name, status])).toEqual([
      ["patch", "deployments/scale", "kube-apiserver", 200],
      ["get", "hostedclusters", "another", 403],
      ["list", "pods", undefined, 200],
      ["get", "/version", undefined, 401],
      ["get", "pods/exec", "etcd-0", 101],
      ["get", "/version", undefined, 200],
    ]);
    expect(heard).toEqual(logged.slice(0, 5));
    const [patch, denied, list, unknown, exec] = logged;
    expect(patch).toMatchObject({
      group: "apps",
      namespace: contract.controlPlaneNamespace,
      dryRun: true,
      user: contract.user.name,
      contentType: "application/merge-patch+json",
      body: { spec: { replicas: 0 } },
      argv: undefined,
    });
    expect([denied?.user, denied?.dryRun, unknown?.user]).toEqual([contract.user.name, false, undefined]);
    expect(list?.query).toEqual({ labelSelector: "app=etcd" });
    expect(exec).toMatchObject({
      argv: ["echo", "a b", ""],
      user: contract.user.name,
      namespace: contract.controlPlaneNamespace,
    });
  });
});

describe("rules", () => {
  it("without users are everybody's who is known, and not nobody's", async () => {
    cluster.setRules(rulesWithAdministrator().map(({ users: _, ...rule }) => rule));
    expect(await statusFor(await connect({ user: "stranger" }))).toBe(200);
    expect(await statusFor(createApiClient(contract, {}))).toBe(403);
  });
});

describe("rules from a manifest", () => {
  const bound = (subject: string): string => `
kind: ClusterRole
metadata: { name: r }
rules: [{ apiGroups: [apps], resources: ["*/scale"], verbs: [patch] }]
---
kind: RoleBinding
metadata: { name: b, namespace: n }
roleRef: { kind: ClusterRole, name: r }
subjects: [${subject}]
`;

  it("hold in the namespace of their binding, for whom it names", () => {
    expect(rulesFromYaml(bound("{ kind: ServiceAccount, namespace: s, name: a }, { kind: User, name: u }"))).toEqual([
      {
        apiGroups: ["apps"],
        resources: ["*/scale"],
        verbs: ["patch"],
        namespace: "n",
        users: ["system:serviceaccount:s:a", "u"],
      },
    ]);
  });

  it("are refused for a role that is not there, and for a group", () => {
    expect(() =>
      rulesFromYaml(bound("{ kind: User, name: u }").replace("kind: ClusterRole, name: r", "kind: Role, name: r")),
    ).toThrow("Role r");
    expect(() => rulesFromYaml(bound("{ kind: Group, name: everybody }"))).toThrow("everybody");
  });

  it("fit a subresource of every resource", async () => {
    cluster.setRules(
      rulesFromYaml(
        bound(`{ kind: User, name: "${contract.user.name}" }`).replace(
          "namespace: n",
          `namespace: ${contract.controlPlaneNamespace}`,
        ),
      ),
    );
    const user = asUser(contract);
    expect((await user.patch(`${pathsOf(contract).scale("kube-apiserver")}?dryRun=All`, {})).status).toBe(200);
    expect((await user.get(pathsOf(contract).scale("kube-apiserver"))).status).toBe(403);
  });
});
