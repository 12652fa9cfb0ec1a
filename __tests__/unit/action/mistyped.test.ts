import { expect, test } from "vitest";
import { findMeant, sortUnknown } from "../../../src/action/inputs/mistyped.ts";
import { inputNames } from "../../../src/action/inputs/names.ts";

test.each([
  ["dry_run", "dry-run"],
  ["dryrun", "dry-run"],
  ["dry run", "dry-run"],
  ["dry-runs", "dry-run"],
  ["dry-rnu", "dry-run"],
  ["plan-only", "dry-run"],
  ["quiesc", "quiesce"],
  ["quiece", "quiesce"],
  ["online", "quiesce"],
  ["s3_bucket", "s3-bucket"],
  ["s3-buckt", "s3-bucket"],
  ["bucket", "s3-bucket"],
  ["s3-bucket-name", "s3-bucket"],
  ["region", "s3-region"],
  ["namespace", "hosted-cluster-namespace"],
  ["cluster-name", "hosted-cluster"],
  ["aws-access-key-id", "s3-access-key-id"],
  ["secret-access-key", "s3-secret-access-key"],
  ["manifests", "manifest"],
  ["kube-config", "kubeconfig"],
  ["mod", "mode"],
  ["max_pause", "max-pause"],
  ["bucket-prefix", "s3-prefix"],
  ["keep-count", "keep-last"],
])("%s is near to %s", (given, meant) => {
  expect(findMeant(given)).toBe(meant);
});

const unwantedOutages = {
  quiesce:
    "quiesce-writers no-quiesce skip_quiesce enable-quiesce online online-backup ONLINE_MODE hot-backup no-downtime no-pause pause-writers stop-writers",
  "dry-run": "whatif no-op plan preview validate dry dryrun-mode simulate-only read-only",
};

test.each(Object.entries(unwantedOutages).flatMap(([meant, names]) => names.split(" ").map((given) => [given, meant])))(
  "%s, with which a run would stop all API servers unasked, is near to %s",
  (given, meant) => {
    expect(findMeant(given)).toBe(meant);
  },
);

test.each(["environment", "node-version", "who-to-greet", "path", "args", "url", "keys", "kubeconfig-path"])(
  "%s is near to none",
  (given) => {
    expect(findMeant(given)).toBeUndefined();
  },
);

test("every input is its own nearest", () => {
  for (const name of inputNames) expect(findMeant(name)).toBe(name);
});

test("a name is shown on one line, whatever is in it", () => {
  const { mistyped, foreign } = sortUnknown(["dry_run", "x\n::error::y"]);
  expect(mistyped.map(({ code, message }) => [code, message])).toStrictEqual([
    ["input-unknown", "there is no input dry_run; did you mean dry-run?"],
  ]);
  expect(foreign).toStrictEqual([String.raw`"x\n::error::y"`]);
});
