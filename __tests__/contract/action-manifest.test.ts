import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { parse, parseAllDocuments } from "yaml";
import { modeNames, type ModeName } from "../../src/action/inputs/mode.ts";
import { inputDefaults, inputNames, type ReadInput } from "../../src/action/inputs/names.ts";
import { noteReads } from "../../src/action/inputs/unread.ts";
import { outputForms } from "../../src/action/outputs.ts";
import { secretInputNames } from "../../src/action/secrets.ts";
import { readers } from "../../scripts/inputs-of-modes.ts";
import { publishedAction } from "../../scripts/workflow-files.ts";
import { ageIdentity, ageRecipient } from "../world/sealing.ts";
import { kubeconfigText } from "../unit/kubeconfig/kubeconfig-text.ts";

interface Entry {
  readonly description: string;
  readonly default?: unknown;
  readonly required?: boolean;
}

interface Step {
  readonly uses?: string;
  readonly with?: Readonly<Record<string, string | number | boolean>>;
}

const root = join(import.meta.dirname, "../..");
const readme = readFileSync(join(root, "README.md"), "utf8");
const action = parse(readFileSync(join(root, "action.yml"), "utf8")) as {
  readonly inputs: Readonly<Record<string, Entry>>;
  readonly outputs: Readonly<Record<string, Entry>>;
  readonly runs: unknown;
};

const given: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  backup: {
    kubeconfig: kubeconfigText(),
    "hosted-cluster": "example",
    "s3-bucket": "backups",
    "s3-region": "eu-central-1",
  },
  "restore-render": { "snapshot-uri": "s3://backups/a.db", manifest: "cluster.yaml", "s3-region": "eu-central-1" },
  recover: { kubeconfig: kubeconfigText(), "hosted-cluster": "example" },
  verify: { "snapshot-uri": "s3://backups/a.db", "s3-region": "eu-central-1" },
  "verify-restore": {
    kubeconfig: kubeconfigText(),
    "hosted-cluster": "example",
    "snapshot-uri": "s3://backups/a.db",
    "s3-region": "eu-central-1",
  },
  drill: {
    kubeconfig: kubeconfigText(),
    "hosted-cluster": "example",
    "snapshot-uri": "s3://backups/a.db",
    "s3-region": "eu-central-1",
  },
};

function readInputs(mode: ModeName, read: ReadInput): unknown {
  return readers[mode]({ read, unknown: [], environment: {} });
}

describe("action.yml", () => {
  test("declares exactly the inputs that the code reads", () => {
    expect(Object.keys(action.inputs)).toStrictEqual([...inputNames]);
    const read = new Set<string>(["mode"]);
    for (const mode of modeNames)
      readInputs(mode, (name) => {
        read.add(name);
        return given[mode]?.[name] ?? "";
      });
    expect([...read].sort()).toStrictEqual([...inputNames].sort());
  });

  test("declares exactly the outputs that the code sets", () => {
    expect(Object.keys(action.outputs)).toStrictEqual(Object.values(outputForms).map(({ name }) => name));
  });

  test.each(modeNames)("has the defaults that %s uses for empty inputs", (mode) => {
    const values = (name: string): string => ({ ...given[mode], mode })[name] ?? "";
    const withDefaults = (name: string): string => {
      const fallback = action.inputs[name]?.default;
      return values(name) || (typeof fallback === "string" && !fallback.startsWith("${{") ? fallback : "");
    };
    expect(readInputs(mode, withDefaults)).toStrictEqual(readInputs(mode, values));
  });

  test("has the defaults by which an input that was given is told", () => {
    const defaults = Object.entries(action.inputs).map(([name, { default: text = "" }]) => [
      name,
      String(text).startsWith("${{") ? undefined : text,
    ]);
    expect(Object.entries(inputDefaults)).toStrictEqual(defaults);
  });

  test("has a default of text, if any, and none for a secret", () => {
    for (const [name, input] of Object.entries(action.inputs)) {
      expect({ name, type: typeof (input.default ?? "") }).toStrictEqual({ name, type: "string" });
      if (secretInputNames.some((secret) => secret === name))
        expect(input.default).toBe(name === "github-token" ? "${{ github.token }}" : undefined);
    }
  });

  test.each(Object.entries({ ...action.inputs, ...action.outputs }))("describes %s in one sentence", (_, entry) => {
    expect(entry.description).toMatch(/^[A-Z][^\n]*\.$/);
    expect(entry.description.replaceAll(/`[^`]*`/g, "")).not.toMatch(/\. /);
  });

  test("runs two entries on Node 24, so that none can be taken for the other", () => {
    expect(action.runs).toStrictEqual({ using: "node24", main: "dist/main.js", post: "dist/post.js" });
  });
});

describe("README.md", () => {
  const steps = [...readme.matchAll(/```yaml\n(.*?)```/gs)].flatMap(([, block = ""]) =>
    parseAllDocuments(block).flatMap((document) => findSteps(document.toJS())),
  );

  test("shows a step of each mode", () => {
    expect(new Set(steps.map((step) => step.with?.["mode"]))).toEqual(new Set(modeNames));
  });

  test.each(steps)("shows inputs that work: $with.mode", (step) => {
    expectToWork(step);
  });
});

describe.each(readdirSync(join(root, "examples")))("examples/%s", (name) => {
  const text = readFileSync(join(root, "examples", name), "utf8");
  const steps = findSteps(parse(text));

  test("has steps of the action, with inputs that work", () => {
    expect(steps).not.toStrictEqual([]);
    for (const step of steps) expectToWork(step);
  });

  test("is run by act", () => {
    const folder = join(root, "__tests__/workflows");
    const suites = readdirSync(folder).filter((file) => file.endsWith(".acttest.ts"));
    expect(suites.filter((file) => readFileSync(join(folder, file), "utf8").includes(`"${name}"`))).not.toEqual([]);
  });

  test("grants nothing but what its jobs name, and pins every action by its commit", () => {
    expect(parse(text)).toMatchObject({ permissions: {} });
    for (const [, action = ""] of text.matchAll(/uses: (\S+)/g))
      if (action !== publishedAction) expect(action).toMatch(/@[0-9a-f]{40}$/);
  });
});

test("examples/s3-compatible.yml tells endpoints and regions that the inputs take", () => {
  const text = readFileSync(join(root, "examples/s3-compatible.yml"), "utf8");
  const rows = [...text.matchAll(/^# \| (.*?) +\| (https:\S+) +\| (\S+) +\|$/gm)].map(([, ...cells]) => cells);
  expect(rows.map(([store]) => store)).toEqual(["Ceph", "MinIO", "Cloudflare R2"]);
  for (const [, endpoint = "", region = ""] of rows) {
    const values: Readonly<Record<string, string>> = {
      ...given["backup"],
      "s3-endpoint": endpoint,
      "s3-region": region,
    };
    expect(readInputs("backup", (name) => values[name] ?? "")).toMatchObject({ store: { endpoint, region } });
  }
});

function expectToWork(step: Step): void {
  // Expressions stand for values that are not known here.
  const read = (name: string): string =>
    String(step.with?.[name] ?? "")
      .replace(/\$\{\{ secrets\.ETCD_ENCRYPTION_KEY \}\}/, Buffer.alloc(32).toString("base64"))
      .replace(/\$\{\{ vars\.ETCD_KEY_RECIPIENTS \}\}/, ageRecipient)
      .replace(/\$\{\{ secrets\.ETCD_BACKUP_IDENTITY \}\}/, ageIdentity)
      .replace(/\$\{\{ vars\.BACKUP_BUCKET \}\}/, "backups")
      .replace(/\$\{\{ vars\.BACKUP_ENDPOINT \}\}/, "https://s3.example.com")
      .replace(/\$\{\{ \S+\.snapshot-uri \}\}/, "s3://backups/a.db")
      .replace(/\$\{\{ secrets\.\w*KUBECONFIG\w* \}\}/, kubeconfigText())
      .replace(/\$\{\{.*?\}\}/, "placeholder");
  expect(Object.keys(step.with ?? {}).filter((name) => !Object.hasOwn(action.inputs, name))).toStrictEqual([]);
  const mode = modeNames.find((name) => name === step.with?.["mode"]);
  expect(mode).toBeDefined();
  if (mode === undefined) return;
  const { noted, listUnread } = noteReads({ read, unknown: [], environment: {} });
  expect(readers[mode](noted)).not.toHaveProperty("wrong");
  expect(listUnread()).toStrictEqual([]);
}

/** Steps of this action, anywhere in a workflow or a part of one. */
function findSteps(value: unknown): Step[] {
  if (typeof value !== "object" || value === null) return [];
  const own = "uses" in value && String(value.uses).includes("hypershift-etcd-backup-action") ? [value as Step] : [];
  return [...own, ...Object.values(value).flatMap(findSteps)];
}
