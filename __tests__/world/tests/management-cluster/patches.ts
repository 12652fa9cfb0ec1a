import { afterEach, describe, expect, it } from "vitest";
import { at, listAt, numberAt, stringAt, textsAt } from "../../../../src/json-path.ts";
import type { ContractCluster } from "../management-cluster-contract.ts";
import { asAdministrator, asUser, pathsOf, refusal, type Answer } from "./api-client.ts";

const mark = "contract.example/mark";
const other = "contract.example/other";

/** JSON merge patches: what they change, what they never change, and when they are refused. */
export function describePatches(open: () => ContractCluster): void {
  const read = async (): Promise<unknown> => (await asUser(open()).get(pathsOf(open()).hostedCluster)).body;
  const write = async (patch: object, query = ""): Promise<Answer> =>
    asUser(open()).patch(`${pathsOf(open()).hostedCluster}${query}`, patch);

  describe("merge patches", () => {
    afterEach(async () => {
      await write({ spec: { pausedUntil: null }, metadata: { annotations: { [mark]: null, [other]: null } } });
    });

    it("sets, replaces and removes a field; each makes a new version and a new generation", async () => {
      const states: unknown[] = [await read()];
      for (const pausedUntil of ["2030-01-01T00:00:00Z", "2030-01-01T00:00:01Z", null]) {
        const answer = await write({ spec: { pausedUntil } });
        expect(answer.status).toBe(200);
        expect(at(answer.body, "spec", "pausedUntil")).toBe(pausedUntil ?? undefined);
        expect(answer.body).toEqual(await read());
        states.push(answer.body);
      }
      const first = generationOf(states[0]);
      expect(states.map(generationOf)).toEqual([first, first + 1, first + 2, first + 3]);
      expect(new Set(states.map(versionOf)).size).toBe(4);
      expect(at(states[3], "spec")).toEqual(at(states[0], "spec"));
    });

    it("changes nothing by what is so already", async () => {
      const before = await read();
      for (const patch of [{}, { spec: { pausedUntil: null } }, { metadata: { annotations: { [mark]: null } } }]) {
        const answer = await write(patch);
        expect(answer.status).toBe(200);
        expect(answer.body).toEqual(before);
      }
      expect(await read()).toEqual(before);
    });

    it("merges annotations, which make a new version and no new generation", async () => {
      const before = await read();
      await write({ metadata: { annotations: { [mark]: "1" } } });
      const answer = await write({ metadata: { annotations: { [other]: '{"a": "\\u00e9"}' } } });
      expect(textsAt(answer.body, "metadata", "annotations")).toMatchObject({
        [mark]: "1",
        [other]: '{"a": "\\u00e9"}',
      });
      expect(versionOf(answer.body)).not.toBe(versionOf(before));
      expect(generationOf(answer.body)).toBe(generationOf(before));
      await write({ metadata: { annotations: { [mark]: null } } });
      const after = await write({ metadata: { annotations: { [other]: null } } });
      expect(at(after.body, "metadata", "annotations")).toEqual(at(before, "metadata", "annotations"));
    });

    it("has no annotations where none is left", async () => {
      const administrator = asAdministrator(open());
      const path = pathsOf(open()).pod("etcd-0");
      const before = (await administrator.get(path)).body;
      await administrator.patch(path, { metadata: { annotations: { [mark]: "1" } } });
      await administrator.patch(path, { metadata: { annotations: { [mark]: null } } });
      const after = (await administrator.get(path)).body;
      expect(at(after, "metadata", "annotations")).toEqual(at(before, "metadata", "annotations"));
    });

    it("never changes status, identity or generation", async () => {
      const before = await read();
      const answer = await write({
        metadata: { generation: 77, creationTimestamp: null },
        status: { conditions: [], version: null },
      });
      expect(answer.status).toBe(200);
      expect(await read()).toEqual(before);
      for (const [field, value] of [
        ["uid", "another"],
        ["deletionTimestamp", "2030-01-01T00:00:00Z"],
      ] as const) {
        const refused = await write({ metadata: { [field]: value } });
        expect([refused.status, at(refused.body, "reason")]).toEqual([422, "Invalid"]);
        const [cause] = listAt(refused.body, "details", "causes");
        expect(cause).toMatchObject({ reason: "FieldValueInvalid", field: `metadata.${field}` });
        expect(stringAt(cause, "message")).toContain("field is immutable");
      }
      expect((await write({ metadata: { name: "another" } })).body).toEqual(
        refusal(
          400,
          "BadRequest",
          `the name of the object (another) does not match the name on the URL (${open().hostedCluster.name})`,
        ),
      );
      expect(await read()).toEqual(before);
    });

    it("makes a new generation of a deployment by an annotation too", async () => {
      const administrator = asAdministrator(open());
      const path = pathsOf(open()).deployment("openshift-oauth-apiserver");
      const before = (await administrator.get(path)).body;
      const marked = (await administrator.patch(path, { metadata: { annotations: { [mark]: "1" } } })).body;
      expect(generationOf(marked)).toBe(generationOf(before) + 1);
      const labelled = (await administrator.patch(path, { metadata: { labels: { [mark]: "1" } } })).body;
      expect(generationOf(labelled)).toBe(generationOf(before) + 1);
      const names = { [mark]: null };
      const after = (await administrator.patch(path, { metadata: { annotations: names, labels: names } })).body;
      expect(generationOf(after)).toBe(generationOf(before) + 2);
    });

    it("writes with the version that is there, and answers 409 to any other", async () => {
      const before = versionOf(await read());
      const written = await write({ metadata: { resourceVersion: before, annotations: { [mark]: "1" } } });
      expect(written.status).toBe(200);
      const { name } = open().hostedCluster;
      const resource = { group: "hypershift.openshift.io", kind: "hostedclusters" };
      const message = `Operation cannot be fulfilled on hostedclusters.hypershift.openshift.io "${name}": the object has been modified; please apply your changes to the latest version and try again`;
      const conflict = refusal(409, "Conflict", message, { name, ...resource });
      for (const resourceVersion of [before, String(Number(versionOf(written.body)) + 1_000_000)])
        for (const query of ["", "?dryRun=All"])
          for (const patch of [{ annotations: { [mark]: "2" } }, {}]) {
            const answer = await write({ metadata: { resourceVersion, ...patch } }, query);
            expect(answer.body).toEqual(conflict);
            expect(answer.status).toBe(409);
          }
      expect(await read()).toEqual(written.body);
    });

    it("lets one of two win who saw the same version", async () => {
      const resourceVersion = versionOf(await read());
      const answers = await Promise.all(
        ["first", "second", "third"].map((value) =>
          write({ metadata: { resourceVersion, annotations: { [mark]: value } } }),
        ),
      );
      expect(answers.map(({ status }) => status).sort()).toEqual([200, 409, 409]);
      const winner = answers.find(({ status }) => status === 200);
      expect(await read()).toEqual(winner?.body);
    });

    it("takes no version away from a custom resource", async () => {
      for (const resourceVersion of [null, "", "0"]) {
        const answer = await write({ metadata: { resourceVersion, annotations: { [mark]: "1" } } });
        expect(answer.status).toBe(422);
        const [cause] = listAt(answer.body, "details", "causes");
        expect([at(answer.body, "reason"), at(cause, "field")]).toEqual(["Invalid", "metadata.resourceVersion"]);
        expect(stringAt(cause, "message")).toContain("must be specified for an update");
      }
    });

    it("changes nothing in a dry run, and answers what would be", async () => {
      const before = await read();
      const answer = await write(
        { spec: { pausedUntil: "true" }, metadata: { annotations: { [mark]: "1" } } },
        "?dryRun=All",
      );
      expect(answer.status).toBe(200);
      expect(stringAt(answer.body, "spec", "pausedUntil")).toBe("true");
      expect(stringAt(answer.body, "metadata", "annotations", mark)).toBe("1");
      expect(generationOf(answer.body)).toBe(generationOf(before) + 1);
      expect(versionOf(answer.body)).toBe(versionOf(before));
      expect(await read()).toEqual(before);
      for (const query of ["?dryRun=Some", "?dryRun="]) {
        const refused = await write({ spec: { pausedUntil: "true" } }, query);
        expect(refused.status).toBe(422);
        expect(refused.body).toMatchObject({ reason: "Invalid", details: { causes: [{ field: "dryRun" }] } });
      }
      expect(await read()).toEqual(before);
    });
  });
}

function generationOf(object: unknown): number {
  return numberAt(object, "metadata", "generation") ?? NaN;
}

function versionOf(object: unknown): string {
  return stringAt(object, "metadata", "resourceVersion") ?? "";
}
