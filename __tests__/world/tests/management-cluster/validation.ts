import { afterEach, describe, expect, it } from "vitest";
import { at, listAt, stringAt } from "../../../../src/json-path.ts";
import type { ContractCluster } from "../management-cluster-contract.ts";
import { asUser, mergePatch, pathsOf, type Answer } from "./api-client.ts";

/** What the API server says before the sentence of a rule, which the CRD brings. */
const brokenRule = 'Invalid value: "string": ';

/** What is refused before it is stored. */
export function describeValidation(open: () => ContractCluster): void {
  const write = (body: object | string, options: { query?: string; type?: string } = {}): Promise<Answer> =>
    asUser(open()).call("PATCH", `${pathsOf(open()).hostedCluster}${options.query ?? ""}`, {
      body,
      type: options.type ?? mergePatch,
    });
  const pause = (pausedUntil: unknown): Promise<Answer> => write({ spec: { pausedUntil } }, { query: "?dryRun=All" });

  describe("what is refused", () => {
    afterEach(async () => {
      await write({ spec: { pausedUntil: null } });
    });

    it.each(["true", "False", "2030-01-01T00:00:00Z", "2030-01-01T00:00:00", "2030-99-99T99:99:99Z"])(
      "takes %j for spec.pausedUntil",
      async (value) => {
        const answer = await pause(value);
        expect([answer.status, at(answer.body, "spec", "pausedUntil")]).toEqual([200, value]);
      },
    );

    it.each<readonly [value: unknown, reason: string, message: string]>([
      ["", "FieldValueInvalid", "should be at least 4 chars long"],
      ["1", "FieldValueInvalid", "should be at least 4 chars long"],
      ["TRUE", "FieldValueInvalid", brokenRule],
      ["2030-01-01 00:00:00", "FieldValueInvalid", brokenRule],
      ["2030-01-01T00:00:00.000000000000000Z", "FieldValueTooLong", "Too long: may not be more than 35 bytes"],
      [
        5,
        "FieldValueTypeInvalid",
        'Invalid value: "integer": spec.pausedUntil in body must be of type string: "integer"',
      ],
      [5.5, "FieldValueTypeInvalid", 'must be of type string: "number"'],
      [true, "FieldValueTypeInvalid", 'must be of type string: "boolean"'],
      [{}, "FieldValueTypeInvalid", 'must be of type string: "object"'],
      [[], "FieldValueTypeInvalid", 'must be of type string: "array"'],
    ])("answers 422 to %j for spec.pausedUntil", async (value, reason, message) => {
      const { name } = open().hostedCluster;
      const answer = await pause(value);
      expect(answer.status).toBe(422);
      expect(answer.body).toMatchObject({ kind: "Status", status: "Failure", reason: "Invalid", code: 422 });
      expect(at(answer.body, "details")).toMatchObject({
        name,
        group: "hypershift.openshift.io",
        kind: "HostedCluster",
      });
      const [cause] = listAt(answer.body, "details", "causes");
      expect(cause).toMatchObject({ reason, field: "spec.pausedUntil" });
      expect(stringAt(cause, "message")).toContain(message);
      const said = stringAt(answer.body, "message") ?? "";
      expect(said.startsWith(`HostedCluster.hypershift.openshift.io "${name}" is invalid: `)).toBe(true);
      expect(said).toContain(`spec.pausedUntil: ${stringAt(cause, "message") ?? "nothing"}`);
    });

    it("stores nothing of a patch of which a part is refused", async () => {
      const before = (await asUser(open()).get(pathsOf(open()).hostedCluster)).body;
      const answer = await write({
        metadata: { annotations: { "contract.example/mark": "1" } },
        spec: { pausedUntil: "never" },
      });
      expect(answer.status).toBe(422);
      expect((await asUser(open()).get(pathsOf(open()).hostedCluster)).body).toEqual(before);
    });

    it.each<readonly [annotations: object, message: string]>([
      [
        { "contract.example/mark": 1 },
        "cannot unmarshal number into Go struct field ObjectMeta.annotations of type string",
      ],
      [{ "no name": "1" }, 'metadata.annotations: Invalid value: "no name"'],
      [
        { "contract.example/mark": "x".repeat(262_144) },
        "metadata.annotations: Too long: may not be more than 262144 bytes",
      ],
    ])("answers 422 to annotations that are none (%#)", async (annotations, message) => {
      const answer = await write({ metadata: { annotations } });
      expect([answer.status, at(answer.body, "reason")]).toEqual([422, "Invalid"]);
      expect(stringAt(answer.body, "message")).toContain(message);
    });

    it("drops a field that no object has, and answers 422 to it where it is asked to be strict", async () => {
      const patch = { nonsense: 1 };
      const before = (await asUser(open()).get(pathsOf(open()).hostedCluster)).body;
      expect((await write(patch)).body).toEqual(before);
      const answer = await write(patch, { query: "?fieldValidation=Strict" });
      expect([answer.status, at(answer.body, "reason")]).toEqual([422, "Invalid"]);
      expect(stringAt(answer.body, "message")).toContain('unknown field "nonsense"');
      expect(listAt(answer.body, "details", "causes")[0]).toMatchObject({ field: "patch" });
    });

    it.each(["application/json", "application/strategic-merge-patch+json", "text/plain"])(
      "answers 415 to a patch of a custom resource in %s",
      async (type) => {
        const answer = await write({}, { type });
        expect([answer.status, at(answer.body, "reason"), at(answer.body, "code")]).toEqual([
          415,
          "UnsupportedMediaType",
          415,
        ]);
        expect(stringAt(answer.body, "message")).toBe(
          "the body of the request was in an unknown format - accepted media types include: application/json-patch+json, application/merge-patch+json, application/apply-patch+yaml",
        );
      },
    );

    it.each<readonly [body: string, type: string, message: string]>([
      ["", mergePatch, "error decoding patch: unexpected end of JSON input"],
      ["{", mergePatch, "error decoding patch: unexpected end of JSON input"],
      [
        "[]",
        mergePatch,
        "error decoding patch: json: cannot unmarshal array into Go value of type map[string]interface {}",
      ],
      [
        '"x"',
        mergePatch,
        "error decoding patch: json: cannot unmarshal string into Go value of type map[string]interface {}",
      ],
      ["null", mergePatch, "Invalid JSON Patch"],
      ["{}", "application/json-patch+json", "error decoding patch: json: cannot unmarshal object into Go value"],
    ])("answers 400 to %j as %s", async (body, type, message) => {
      const answer = await write(body, { type });
      expect([answer.status, at(answer.body, "reason")]).toEqual([400, "BadRequest"]);
      expect(stringAt(answer.body, "message")).toContain(message);
    });
  });
}
