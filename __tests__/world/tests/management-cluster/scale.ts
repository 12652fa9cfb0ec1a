import { setTimeout as delay } from "node:timers/promises";
import { afterEach, describe, expect, it } from "vitest";
import { at, listAt, numberAt, stringAt, textsAt } from "../../../../src/json-path.ts";
import type { ContractCluster } from "../management-cluster-contract.ts";
import { asAdministrator, asUser, pathsOf, refusal, type Answer } from "./api-client.ts";

const name = "openshift-apiserver";

/** The scale subresource of a deployment, and what the deployment and its pods do then. */
export function describeScale(open: () => ContractCluster): void {
  const paths = () => pathsOf(open());
  const readDeployment = async (): Promise<unknown> => (await asUser(open()).get(paths().deployment(name))).body;
  const scale = (patch: object, query = ""): Promise<Answer> =>
    asUser(open()).patch(`${paths().scale(name)}${query}`, patch);
  const listPods = async (deployment: unknown): Promise<readonly unknown[]> => {
    const labels = Object.entries(textsAt(deployment, "spec", "selector", "matchLabels"));
    const selector = labels.map(([label, value]) => `${label}=${value}`).join(",");
    return listAt((await asUser(open()).get(paths().pods(selector))).body, "items");
  };

  describe("the scale of a deployment", () => {
    it("is a view of the deployment", async () => {
      const deployment = await readDeployment();
      const answer = await asAdministrator(open()).get(paths().scale(name));
      expect(answer.status).toBe(200);
      expect(answer.body).toMatchObject({
        kind: "Scale",
        apiVersion: "autoscaling/v1",
        metadata: Object.fromEntries(
          ["name", "namespace", "uid", "resourceVersion", "creationTimestamp"].map((field) => [
            field,
            at(deployment, "metadata", field),
          ]),
        ),
        spec: { replicas: at(deployment, "spec", "replicas") },
        status: { replicas: at(deployment, "status", "replicas") },
      });
      expect(stringAt(answer.body, "status", "selector")).toContain(`app=${name}`);
    });

    it("leaves a zero out, and changes nothing in a dry run", async () => {
      const before = await readDeployment();
      for (const spec of [{ replicas: 0 }, { replicas: null }]) {
        const answer = await scale({ spec }, "?dryRun=All");
        expect(answer.status).toBe(200);
        expect(at(answer.body, "spec")).toEqual({});
        expect(at(answer.body, "status", "replicas")).toBe(at(before, "status", "replicas"));
        expect(at(answer.body, "metadata", "resourceVersion")).toBe(at(before, "metadata", "resourceVersion"));
      }
      expect(await readDeployment()).toEqual(before);
    });

    it("answers 409 to another version, and needs none", async () => {
      const version = stringAt(await readDeployment(), "metadata", "resourceVersion") ?? "";
      const spec = { replicas: numberAt(await readDeployment(), "spec", "replicas") };
      expect((await scale({ metadata: { resourceVersion: version }, spec })).status).toBe(200);
      for (const metadata of [{}, { resourceVersion: null }, { resourceVersion: "" }])
        expect((await scale({ metadata, spec }, "?dryRun=All")).status).toBe(200);
      const answer = await scale({ metadata: { resourceVersion: "1" }, spec });
      const message = `Operation cannot be fulfilled on deployments.apps "${name}": the object has been modified; please apply your changes to the latest version and try again`;
      expect(answer.body).toEqual(refusal(409, "Conflict", message, { name, group: "apps", kind: "deployments" }));
      expect(answer.status).toBe(409);
    });

    it("answers 422 to replicas that are none", async () => {
      const negative = await scale({ spec: { replicas: -1 } }, "?dryRun=All");
      const cause = { message: "Invalid value: -1: must be greater than or equal to 0", field: "spec.replicas" };
      const message = `Scale.autoscaling "${name}" is invalid: spec.replicas: ${cause.message}`;
      const causes = [{ reason: "FieldValueInvalid", ...cause }];
      expect(negative.body).toEqual(
        refusal(422, "Invalid", message, { name, group: "autoscaling", kind: "Scale", causes }),
      );
      for (const [replicas, kind] of [
        ["0", "string"],
        [true, "bool"],
        [1.5, "number 1.5"],
        [3_000_000_000, "number 3000000000"],
      ] as const) {
        const answer = await scale({ spec: { replicas } }, "?dryRun=All");
        expect([answer.status, at(answer.body, "reason")]).toEqual([422, "Invalid"]);
        expect(stringAt(answer.body, "message")).toContain(
          `json: cannot unmarshal ${kind} into Go struct field ScaleSpec.spec.replicas of type int32`,
        );
      }
    });

    it("answers 415 to a patch in no patch format", async () => {
      const answer = await asUser(open()).call("PATCH", paths().scale(name), { body: {}, type: "application/json" });
      expect([answer.status, at(answer.body, "reason")]).toEqual([415, "UnsupportedMediaType"]);
    });

    describe("when it is changed", () => {
      const wanted = { replicas: 1 };
      afterEach(async () => {
        await scale({ spec: wanted });
        await waitFor(async () => numberAt(await readDeployment(), "status", "readyReplicas") === wanted.replicas);
      });

      it("lets pods end, which are there after the deployment counts them no more, and come back", async () => {
        const before = await readDeployment();
        wanted.replicas = numberAt(before, "spec", "replicas") ?? 1;
        const podsBefore = namesOf(await listPods(before));
        expect(podsBefore).toHaveLength(wanted.replicas);

        const answer = await scale({ spec: { replicas: 0 } });
        expect(at(answer.body, "status", "replicas")).toBe(wanted.replicas);
        const generation = (numberAt(before, "metadata", "generation") ?? NaN) + 1;
        let counted: unknown = await readDeployment();
        expect(numberAt(counted, "metadata", "generation")).toBe(generation);
        expect(numberAt(counted, "spec", "replicas")).toBe(0);
        await waitFor(async () => {
          counted = await readDeployment();
          return at(counted, "status", "replicas") === undefined;
        });
        expect(numberAt(counted, "status", "observedGeneration")).toBe(generation);
        expect(at(counted, "status", "readyReplicas")).toBeUndefined();
        const ending = await listPods(before);
        expect(namesOf(ending).every((pod) => podsBefore.includes(pod))).toBe(true);
        expect(ending.length).toBeGreaterThan(0);
        for (const pod of ending) expect(stringAt(pod, "metadata", "deletionTimestamp")).toMatch(/Z$/);
        await waitFor(async () => (await listPods(before)).length === 0);

        await scale({ spec: { replicas: wanted.replicas } });
        await waitFor(async () => numberAt(await readDeployment(), "status", "readyReplicas") === wanted.replicas);
        const podsAfter = await listPods(before);
        expect(podsAfter).toHaveLength(wanted.replicas);
        expect(namesOf(podsAfter).some((pod) => podsBefore.includes(pod))).toBe(false);
        expect(podsAfter.map(isReady)).not.toContain(false);
      });
    });
  });
}

function namesOf(pods: readonly unknown[]): readonly string[] {
  return pods.map((pod) => stringAt(pod, "metadata", "name") ?? "");
}

function isReady(pod: unknown): boolean {
  const ready = listAt(pod, "status", "conditions").find((condition) => stringAt(condition, "type") === "Ready");
  return stringAt(ready, "status") === "True" && stringAt(pod, "status", "phase") === "Running";
}

async function waitFor(holds: () => Promise<boolean>): Promise<void> {
  const deadlineMs = performance.now() + 50_000;
  while (!(await holds())) {
    if (performance.now() > deadlineMs) throw new Error("nothing changed in 50 s");
    await delay(20);
  }
}
