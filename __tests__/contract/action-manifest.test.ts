import { execFile } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { describe, expect, test } from "vitest";
import { parse, parseAllDocuments } from "yaml";
import { inputNames } from "../../src/action/input-names.ts";
import { modes, parseInputs } from "../../src/action/inputs.ts";
import { outputNames } from "../../src/action/outputs.ts";
import { secretInputNames } from "../../src/action/secrets.ts";

interface Entry {
  readonly description: string;
  readonly default?: unknown;
  readonly required?: boolean;
}

interface Step {
  readonly uses?: string;
  readonly with?: Readonly<Record<string, string>>;
}

const root = join(import.meta.dirname, "../..");
const readme = readFileSync(join(root, "README.md"), "utf8");
const action = parse(readFileSync(join(root, "action.yml"), "utf8")) as {
  readonly inputs: Readonly<Record<string, Entry>>;
  readonly outputs: Readonly<Record<string, Entry>>;
  readonly runs: unknown;
};

const given: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  backup: { kubeconfig: "text", "hosted-cluster": "example", "s3-bucket": "backups", "s3-region": "eu-central-1" },
  "restore-render": { "snapshot-uri": "s3://backups/a.db", manifest: "cluster.yaml", "s3-region": "eu-central-1" },
  recover: { kubeconfig: "text", "hosted-cluster": "example" },
};

describe("action.yml", () => {
  test("declares exactly the inputs that the code reads", () => {
    expect(Object.keys(action.inputs)).toStrictEqual([...inputNames]);
    const read = new Set<string>();
    for (const mode of modes)
      parseInputs((name) => {
        read.add(name);
        return { ...given[mode], mode }[name] ?? "";
      }, {});
    expect([...read].sort()).toStrictEqual([...inputNames].sort());
  });

  test("declares exactly the outputs that the code sets", () => {
    expect(Object.keys(action.outputs)).toStrictEqual(Object.values(outputNames));
  });

  test.each(modes)("has the defaults that %s uses for empty inputs", (mode) => {
    const values = (name: string): string => ({ ...given[mode], mode })[name] ?? "";
    const withDefaults = (name: string): string => {
      const fallback = action.inputs[name]?.default;
      return values(name) || (typeof fallback === "string" ? fallback : "");
    };
    expect(parseInputs(withDefaults, {})).toStrictEqual(parseInputs(values, {}));
  });

  test("has a default of text, if any, and none for a secret", () => {
    for (const [name, input] of Object.entries(action.inputs)) {
      expect({ name, type: typeof (input.default ?? "") }).toStrictEqual({ name, type: "string" });
      if (secretInputNames.some((secret) => secret === name)) expect(input.default).toBeUndefined();
    }
  });

  test.each(Object.entries({ ...action.inputs, ...action.outputs }))("describes %s in one sentence", (_, entry) => {
    expect(entry.description).toMatch(/^[A-Z][^\n]*\.$/);
    expect(entry.description.replaceAll(/`[^`]*`/g, "")).not.toMatch(/\. /);
  });

  test("runs the one bundle on Node 24, also after the job", () => {
    expect(action.runs).toStrictEqual({ using: "node24", main: "dist/index.js", post: "dist/index.js" });
  });
});

describe("README.md", () => {
  test("has the tables of action.yml", async () => {
    await promisify(execFile)(process.execPath, [join(root, "scripts/readme.ts"), "--check"]);
  });

  const steps = [...readme.matchAll(/```yaml\n(.*?)```/gs)].flatMap(([, block = ""]) =>
    parseAllDocuments(block).flatMap((document) => findSteps(document.toJS())),
  );

  test("shows a step of each mode", () => {
    expect(steps.map((step) => step.with?.["mode"]).sort()).toStrictEqual([...modes].sort());
  });

  test.each(steps)("shows inputs that work: $with.mode", (step) => {
    expectToWork(step);
  });

  test("links only to what exists", () => {
    for (const [, path = ""] of readme.matchAll(/\]\(([^)#:]+)\)/g))
      expect(() => readFileSync(join(root, path))).not.toThrow();
  });
});

describe.each(readdirSync(join(root, "examples")))("examples/%s", (name) => {
  const text = readFileSync(join(root, "examples", name), "utf8");
  const steps = findSteps(parse(text));

  test("has steps of the action, with inputs that work", () => {
    expect(steps).not.toStrictEqual([]);
    for (const step of steps) expectToWork(step);
  });

  test("grants nothing but what its jobs name, and pins every action by its commit", () => {
    expect(parse(text)).toMatchObject({ permissions: {} });
    for (const [, action = ""] of text.matchAll(/uses: (\S+)/g)) expect(action).toMatch(/@([0-9a-f]{40}|COMMIT)$/);
  });
});

function expectToWork(step: Step): void {
  // Expressions stand for values that are not known here.
  const read = (name: string): string =>
    step.with?.[name]
      ?.replace(/\$\{\{ secrets\.ETCD_ENCRYPTION_KEY \}\}/, Buffer.alloc(32).toString("base64"))
      .replace(/\$\{\{ vars\.BACKUP_ENDPOINT \}\}/, "https://s3.example.com")
      .replace(/\$\{\{ \S+\.snapshot-uri \}\}/, "s3://backups/a.db")
      .replace(/\$\{\{.*?\}\}/, "placeholder") ?? "";
  expect(Object.keys(step.with ?? {}).filter((name) => !Object.hasOwn(action.inputs, name))).toStrictEqual([]);
  expect(parseInputs(read, {}).mode).toBe(step.with?.["mode"]);
}

/** Steps of this action, anywhere in a workflow or a part of one. */
function findSteps(value: unknown): Step[] {
  if (typeof value !== "object" || value === null) return [];
  const own = "uses" in value && String(value.uses).includes("hypershift-etcd-backup-action") ? [value as Step] : [];
  return [...own, ...Object.values(value).flatMap(findSteps)];
}
