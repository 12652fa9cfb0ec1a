import { describe, expect, it } from "vitest";
import { at, stringAt } from "../../../../src/json-path.ts";
import { createCertificateAuthority } from "../../certificates.ts";
import type { ContractCluster } from "../management-cluster-contract.ts";
import { asAdministrator, asUser, createApiClient, pathsOf, refusal, type Answer } from "./api-client.ts";

/** What a request names, as SelfSubjectAccessReview asks for it, and how it is made. */
interface Attempt {
  readonly verb: string;
  readonly group: string;
  readonly resource: string;
  readonly subresource?: string;
  readonly namespace?: string;
  readonly name?: string;
  readonly send: () => Promise<Answer>;
}

/** Who may do what: k8s.io/apiserver's authentication and RBAC, and the words of its refusals. */
export function describeAccess(open: () => ContractCluster): void {
  describe("who may do what", () => {
    it("answers 401 to a token it does not know", async () => {
      const answer = await createApiClient(open(), { token: "not-a-token" }).get(pathsOf(open()).hostedCluster);
      expect(answer.status).toBe(401);
      expect(answer.body).toEqual(refusal(401, "Unauthorized", "Unauthorized"));
    });

    it("answers 401 to a certificate of an authority it does not know", async () => {
      const stranger = await createCertificateAuthority("stranger");
      const certificate = await stranger.issue({ commonName: "administrator" });
      const client = createApiClient(open(), { certificate });
      expect((await client.get(pathsOf(open()).hostedCluster)).status).toBe(401);
      expect((await client.get("/version")).status).toBe(401);
      const withToken = createApiClient(open(), { certificate, token: open().user.token });
      expect((await withToken.get(pathsOf(open()).hostedCluster)).status).toBe(200);
    });

    it("lets nobody read its version, and nothing else", async () => {
      const nobody = createApiClient(open(), {});
      const version = await nobody.get("/version");
      expect(version.status).toBe(200);
      expect(stringAt(version.body, "gitVersion")).toMatch(/^v1\.\d+\./);
      const { namespace, name } = open().hostedCluster;
      const denied = await nobody.get(pathsOf(open()).hostedCluster);
      const object = { verb: "get", group: "hypershift.openshift.io", resource: "hostedclusters", namespace, name };
      expect(denied.body).toEqual(forbidden("system:anonymous", object));
      const review = await nobody.call("POST", pathsOf(open()).accessReviews, {
        body: { spec: { resourceAttributes: { verb: "get", resource: "pods" } } },
        type: "application/json",
      });
      expect(review.status).toBe(403);
    });

    it("refuses paths that are nobody's", async () => {
      const answer = await asUser(open()).get("/nothing/here");
      const message = `forbidden: User "${open().user.name}" cannot get path "/nothing/here"`;
      expect(answer.body).toEqual(refusal(403, "Forbidden", message, {}));
    });

    it("refuses what the rules do not grant, with the words of RBAC", async () => {
      for (const { send, ...attempt } of deniedAttempts(open())) {
        const answer = await send();
        expect(answer.body).toEqual(forbidden(open().user.name, attempt));
        expect(answer.status).toBe(403);
      }
    });

    it("tells by SelfSubjectAccessReview what it does", async () => {
      for (const { send, ...attributes } of [...grantedAttempts(open()), ...deniedAttempts(open())]) {
        const answer = await review(open(), attributes);
        const allowed = (await send()).status !== 403;
        const named = JSON.stringify(attributes);
        expect([named, answer.status, at(answer.body, "status", "allowed")]).toEqual([named, 201, allowed]);
        expect(stringAt(answer.body, "kind")).toBe("SelfSubjectAccessReview");
        expect(at(answer.body, "spec", "resourceAttributes", "name")).toBe(attributes.name);
      }
    });

    it("fits a rule with names to no request without a name", async () => {
      const exec = { verb: "create", group: "", resource: "pods", subresource: "exec" };
      const inNamespace = { ...exec, namespace: open().controlPlaneNamespace };
      const allowed = async (attributes: object): Promise<unknown> =>
        at((await review(open(), attributes)).body, "status", "allowed");
      expect(await allowed({ ...inNamespace, name: "etcd-0" })).toBe(true);
      expect(await allowed(inNamespace)).toBe(false);
      expect(await allowed({ ...exec, name: "etcd-0" })).toBe(false);
    });

    it("refuses a review of nothing", async () => {
      const answer = await asUser(open()).call("POST", pathsOf(open()).accessReviews, {
        body: { spec: {} },
        type: "application/json",
      });
      expect(answer.status).toBe(422);
      expect(answer.body).toMatchObject({
        reason: "Invalid",
        details: { causes: [{ field: "spec.resourceAttributes" }] },
      });
    });

    it("tells the time with every answer", async () => {
      const user = asUser(open());
      const before = Date.parse(String((await user.get("/version")).headers.date));
      const answers = await Promise.all([
        createApiClient(open(), { token: "not-a-token" }).get("/version"),
        user.get("/api/v1/pods"),
        asAdministrator(open()).get(pathsOf(open()).pod("absent")),
        user.get(pathsOf(open()).hostedCluster),
      ]);
      expect(answers.map(({ status }) => status)).toEqual([401, 403, 404, 200]);
      for (const { headers } of answers) {
        expect(headers.date).toMatch(/^\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT$/);
        const laterMs = Date.parse(String(headers.date)) - before;
        expect(laterMs).toBeGreaterThanOrEqual(0);
        expect(laterMs).toBeLessThan(60_000);
      }
    });
  });
}

function review(cluster: ContractCluster, attributes: object): Promise<Answer> {
  const body = { spec: { resourceAttributes: attributes } };
  return asUser(cluster).call("POST", pathsOf(cluster).accessReviews, { body, type: "application/json" });
}

function grantedAttempts(cluster: ContractCluster): readonly Attempt[] {
  const user = asUser(cluster);
  const paths = pathsOf(cluster);
  const held = { group: "hypershift.openshift.io", resource: "hostedclusters", ...cluster.hostedCluster };
  const apps = { group: "apps", namespace: cluster.controlPlaneNamespace };
  const deployment = { ...apps, resource: "deployments", name: "kube-apiserver" };
  return [
    { verb: "get", ...held, send: () => user.get(paths.hostedCluster) },
    { verb: "patch", ...held, send: () => user.patch(`${paths.hostedCluster}?dryRun=All`, {}) },
    { verb: "get", ...deployment, send: () => user.get(paths.deployment("kube-apiserver")) },
    {
      verb: "patch",
      ...deployment,
      subresource: "scale",
      send: () => user.patch(`${paths.scale("kube-apiserver")}?dryRun=All`, {}),
    },
    { verb: "get", ...apps, resource: "statefulsets", name: "etcd", send: () => user.get(paths.statefulSet) },
    { verb: "list", group: "", resource: "pods", namespace: apps.namespace, send: () => user.get(paths.pods()) },
  ];
}

function deniedAttempts(cluster: ContractCluster): readonly Attempt[] {
  const user = asUser(cluster);
  const paths = pathsOf(cluster);
  const { namespace, name } = cluster.hostedCluster;
  const held = { group: "hypershift.openshift.io", resource: "hostedclusters", namespace };
  const apps = { group: "apps", namespace: cluster.controlPlaneNamespace };
  const deployment = { ...apps, resource: "deployments", name: "kube-apiserver" };
  return [
    { verb: "get", ...held, name: "another", send: () => user.get(`${paths.hostedClusters}/another`) },
    { verb: "list", ...held, send: () => user.get(paths.hostedClusters) },
    {
      verb: "update",
      ...held,
      name,
      send: () => user.call("PUT", paths.hostedCluster, { body: {}, type: "application/json" }),
    },
    { verb: "delete", ...held, name, send: () => user.call("DELETE", paths.hostedCluster) },
    { verb: "patch", ...deployment, send: () => user.patch(paths.deployment("kube-apiserver"), {}) },
    { verb: "get", ...deployment, subresource: "scale", send: () => user.get(paths.scale("kube-apiserver")) },
    { verb: "get", ...apps, resource: "deployments", name: "etcd", send: () => user.get(paths.deployment("etcd")) },
    { verb: "list", ...apps, resource: "deployments", send: () => user.get(paths.deployments) },
    {
      verb: "list",
      group: "",
      resource: "pods",
      namespace,
      send: () => user.get(`/api/v1/namespaces/${namespace}/pods`),
    },
    { verb: "list", group: "", resource: "pods", send: () => user.get("/api/v1/pods") },
    {
      verb: "get",
      group: "",
      resource: "namespaces",
      namespace,
      name: namespace,
      send: () => user.get(`/api/v1/namespaces/${namespace}`),
    },
    {
      verb: "list",
      group: "",
      resource: "secrets",
      namespace,
      send: () => user.get(`/api/v1/namespaces/${namespace}/secrets`),
    },
  ];
}

/** Source: responsewriters.Forbidden in k8s.io/apiserver, NewForbidden in k8s.io/apimachinery. */
function forbidden(user: string, attempt: Omit<Attempt, "send">): object {
  const { verb, group, resource, subresource, namespace, name } = attempt;
  const object = `${resource}${group && `.${group}`}${name === undefined ? "" : ` "${name}"`}`;
  const full = subresource === undefined ? resource : `${resource}/${subresource}`;
  const where = namespace === undefined ? "at the cluster scope" : `in the namespace "${namespace}"`;
  return refusal(
    403,
    "Forbidden",
    `${object} is forbidden: User "${user}" cannot ${verb} resource "${full}" in API group "${group}" ${where}`,
    { ...(name === undefined ? {} : { name }), ...(group === "" ? {} : { group }), kind: resource },
  );
}
