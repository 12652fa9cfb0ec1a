import { describe, expect, test } from "vitest";
import { modeNames, readLeniently, readStrictly, type ModeName } from "../../../src/action/inputs/mode.ts";
import { inputDefaults, type InputName } from "../../../src/action/inputs/names.ts";
import { listReadInputs, readers } from "../../../scripts/inputs-of-modes.ts";
import type { Log } from "../../../src/ports.ts";
import { kubeconfigText } from "../kubeconfig/kubeconfig-text.ts";
import { giving, type GivenInputs } from "./input-builder.ts";

const cluster: GivenInputs = { kubeconfig: kubeconfigText(), "hosted-cluster": "example" };
const store: GivenInputs = { "s3-bucket": "backups", "s3-region": "eu-central-1" };
const snapshot: GivenInputs = {
  ...store,
  "snapshot-uri": "s3://backups/clusters/example/20261124T120000Z-0123abcd.db",
};

const working: Readonly<Record<ModeName, GivenInputs>> = {
  backup: { ...cluster, ...store },
  "restore-render": { ...snapshot, manifest: "cluster.yaml" },
  recover: { ...cluster, ...store },
  verify: snapshot,
  "verify-restore": { ...cluster, ...snapshot },
  drill: { ...cluster, ...snapshot },
};

/** The warnings of a mode that is given what it needs, every default as the runner passes it on, and `more`. */
function warningsOf(mode: ModeName, more: GivenInputs): readonly string[] {
  const warnings: string[] = [];
  const nothing = (): void => undefined;
  const log: Log = {
    info: nothing,
    debug: nothing,
    warning: (message) => warnings.push(message),
    group: (_, run) => run(),
  };
  const given = giving({ ...inputDefaults, "github-token": "ghs_job", ...working[mode], mode, ...more });
  const guard = mode === "recover" ? readLeniently : readStrictly;
  guard<unknown>(given, readers[mode], log);
  return warnings;
}

describe.each(modeNames)("%s", (mode) => {
  test("says nothing of defaults and of what it reads", () => {
    expect(warningsOf(mode, {})).toEqual([]);
  });
});

test.each<readonly [ModeName, GivenInputs, string]>([
  ["verify", { "max-pause": "30m" }, "max-pause"],
  ["verify", { kubeconfig: "x", quiesce: "false", "keep-last": "3" }, "kubeconfig, quiesce, keep-last"],
  [
    "verify",
    { "presign-access-key-id": "A", "presign-secret-access-key": "s" },
    "presign-access-key-id, presign-secret",
  ],
  ["backup", { "age-identity": "x" }, "age-identity"],
  ["backup", { "max-age": "2d" }, "max-age"],
  ["restore-render", { presign: "false" }, "presign"],
  ["recover", { "max-pause": "1h" }, "max-pause"],
  ["verify-restore", { "max-age": "1d", manifest: "cluster.yaml" }, "manifest, max-age"],
  ["drill", { "allow-unsafe-restore": "members-diverged" }, "allow-unsafe-restore"],
])("%s tells in one warning that %j has no effect", (mode, more, names) => {
  expect(warningsOf(mode, more)).toEqual([expect.stringContaining(`mode ${mode} makes no use of ${names}`)]);
});

test("An input that only another one gives a meaning is told where that one is missing", () => {
  const named: GivenInputs = { "hosted-cluster-namespace": "prod" };
  expect(warningsOf("verify", named)).toEqual([expect.stringContaining("hosted-cluster-namespace")]);
  expect(warningsOf("verify", { ...named, "hosted-cluster": "example" })).toEqual([]);
  expect(warningsOf("restore-render", { "kubeconfig-context": "prod" })).toEqual([
    expect.stringContaining("kubeconfig-context"),
  ]);
});

test("The default is known in any case of its letters, and between blanks", () => {
  expect(warningsOf("verify", { quiesce: "True", "max-pause": " 15m " })).toEqual([]);
});

test("A wrong store in recover makes none of its inputs one that is not read", () => {
  const odd: GivenInputs = { "s3-access-key-id": "a b", "s3-secret-access-key": "s", "s3-session-token": "t" };
  expect(warningsOf("recover", odd)).toEqual([]);
});

test.each(modeNames.filter((mode) => mode !== "backup"))("%s refuses a dry run, which it has not", (mode) => {
  expect(() => warningsOf(mode, { "dry-run": "true" })).toThrow("the input dry-run is");
});

test.each(modeNames)("%s reads the same inputs whatever is wrong with those of the store and the snapshot", (mode) => {
  const odd: GivenInputs = {
    ...working[mode],
    "kubeconfig-context": "",
    "dry-run": "",
    "snapshot-uri": "s3://backups/a b.db",
  };
  const valueOf = (name: InputName): string => (/^(?:s3|presign)-/.test(name) ? "\u0000" : (odd[name] ?? "x"));
  expect(listReadInputs(mode, valueOf)).toEqual(listReadInputs(mode));
});
