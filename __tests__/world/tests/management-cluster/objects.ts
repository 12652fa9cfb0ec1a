import { describe, expect, it } from "vitest";
import { at, listAt, numberAt, stringAt } from "../../../../src/json-path.ts";
import type { ContractCluster } from "../management-cluster-contract.ts";
import { asAdministrator, asUser, pathsOf, refusal } from "./api-client.ts";

/** Reading: single objects, lists, and what is not there. */
export function describeObjects(open: () => ContractCluster): void {
  describe("reading objects", () => {
    it("answers an object with its identity and its place in time", async () => {
      const user = asUser(open());
      const paths = pathsOf(open());
      for (const [path, apiVersion, kind] of [
        [paths.hostedCluster, "hypershift.openshift.io/v1beta1", "HostedCluster"],
        [paths.hostedControlPlane, "hypershift.openshift.io/v1beta1", "HostedControlPlane"],
        [paths.deployment("kube-apiserver"), "apps/v1", "Deployment"],
        [paths.statefulSet, "apps/v1", "StatefulSet"],
      ] as const) {
        const answer = await user.get(path);
        expect(answer.status).toBe(200);
        expect(answer.headers["content-type"]).toBe("application/json");
        expect(answer.body).toMatchObject({
          apiVersion,
          kind,
          metadata: {
            name: path.split("/").at(-1),
            namespace: path.split("/").at(-3),
          },
        });
        expect(stringAt(answer.body, "metadata", "uid")).toMatch(/^[0-9a-f-]{36}$/);
        expect(stringAt(answer.body, "metadata", "resourceVersion")).toMatch(/^\d+$/);
        expect(stringAt(answer.body, "metadata", "creationTimestamp")).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
        expect(numberAt(answer.body, "metadata", "generation")).toBeGreaterThanOrEqual(1);
      }
    });

    it("says what is not there", async () => {
      const administrator = asAdministrator(open());
      const paths = pathsOf(open());
      const absent = [
        [`${paths.hostedClusters}/absent`, "hostedclusters", "hypershift.openshift.io"],
        [paths.deployment("absent"), "deployments", "apps"],
        [paths.scale("absent"), "deployments", "apps"],
        [paths.pod("absent"), "pods", ""],
      ] as const;
      for (const [path, resource, group] of absent) {
        const answer = await administrator.get(path);
        const message = `${resource}${group && `.${group}`} "absent" not found`;
        const details = { name: "absent", ...(group && { group }), kind: resource };
        expect(answer.body).toEqual(refusal(404, "NotFound", message, details));
        expect(answer.status).toBe(404);
        const patched = await administrator.patch(path, {});
        expect(patched.body).toEqual(answer.body);
      }
    });

    it("knows only its own resources", async () => {
      const administrator = asAdministrator(open());
      const paths = pathsOf(open());
      const builtIn = await administrator.get(paths.deployments.replace("deployments", "tables"));
      expect(builtIn.body).toEqual(refusal(404, "NotFound", "the server could not find the requested resource", {}));
      for (const path of [
        paths.hostedClusters.replace("hostedclusters", "tables"),
        paths.hostedClusters.replace("v1beta1", "v1beta9"),
        "/apis/example.com/v1/tables",
        "/nothing/here",
      ])
        expect(await administrator.get(path)).toMatchObject({ status: 404, body: "404 page not found\n" });
    });

    it("refuses a method that a resource does not have", async () => {
      const answer = await asAdministrator(open()).call("DELETE", pathsOf(open()).scale("kube-apiserver"));
      const message = "the server does not allow this method on the requested resource";
      expect(answer.body).toEqual(refusal(405, "MethodNotAllowed", message, {}));
      expect(answer.status).toBe(405);
    });

    it("lists by labels, in a namespace and in all", async () => {
      const user = asUser(open());
      const paths = pathsOf(open());
      const names = async (selector: string): Promise<readonly unknown[]> => {
        const answer = await user.get(paths.pods(selector));
        expect(answer.status).toBe(200);
        expect(answer.body).toMatchObject({ kind: "PodList", apiVersion: "v1" });
        expect(at(answer.body, "items")).toBeInstanceOf(Array);
        expect(stringAt(answer.body, "metadata", "resourceVersion")).toMatch(/^\d+$/);
        return listAt(answer.body, "items").map((pod) => at(pod, "metadata", "name"));
      };
      const all = await names("");
      const etcd = await names("app=etcd");
      expect(etcd).toContain("etcd-0");
      expect(all.length).toBeGreaterThanOrEqual(etcd.length);
      expect(await names("app==etcd")).toEqual(etcd);
      expect(await names("app in (etcd, none)")).toEqual(etcd);
      expect(await names("app in (none,etcd),app")).toEqual(etcd);
      expect(await names("app=etcd,!app")).toEqual([]);
      expect(await names("app=none")).toEqual([]);
      const others = all.filter((name) => !etcd.includes(name));
      expect(await names("app!=etcd")).toEqual(others);
      expect(await names("app notin (etcd)")).toEqual(others);
      const administrator = asAdministrator(open());
      const everywhere = await administrator.get("/api/v1/pods?labelSelector=app%3Detcd");
      expect(listAt(everywhere.body, "items").map((pod) => at(pod, "metadata", "name"))).toContain("etcd-0");
    });

    it("refuses a selector that is none", async () => {
      for (const selector of ["===", "app in etcd", "app=etcd,,", "a b=c"]) {
        const answer = await asUser(open()).get(pathsOf(open()).pods(selector));
        expect([selector, answer.status]).toEqual([selector, 400]);
        expect(answer.body).toMatchObject({ kind: "Status", reason: "BadRequest", code: 400 });
      }
    });

    it("names the kind of listed custom resources, and not of listed built-in ones", async () => {
      const administrator = asAdministrator(open());
      const paths = pathsOf(open());
      const hostedClusters = await administrator.get(paths.hostedClusters);
      expect(stringAt(hostedClusters.body, "kind")).toBe("HostedClusterList");
      expect(listAt(hostedClusters.body, "items")[0]).toMatchObject({
        apiVersion: "hypershift.openshift.io/v1beta1",
        kind: "HostedCluster",
      });
      const deployments = await administrator.get(paths.deployments);
      expect(stringAt(deployments.body, "kind")).toBe("DeploymentList");
      const [first] = listAt(deployments.body, "items");
      expect(at(first, "metadata", "name")).toMatch(/./);
      expect(at(first, "kind")).toBeUndefined();
      expect(at(first, "apiVersion")).toBeUndefined();
    });
  });
}
