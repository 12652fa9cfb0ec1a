import { execFile } from "node:child_process";
import { join } from "node:path";
import { expect, test } from "vitest";
import { createRunner } from "../../src/action/runner.ts";
import { createClock } from "../../src/adapters/clock.ts";
import { findUnsettled } from "../world/settled.ts";
import { runInProcess } from "./in-process.ts";
import { expectRefusal, inProcesses, titlesOf } from "./refusal.ts";
import { entryPath, shareScenario } from "./scenario.ts";

const scenario = shareScenario();

const rows: readonly (readonly [input: string, value: string, code?: "input-missing"])[] = [
  ["mode", "bakcup"],
  ["mode", "", "input-missing"],
  ["kubeconfig", "", "input-missing"],
  ["hosted-cluster", "", "input-missing"],
  ["s3-bucket", "", "input-missing"],
  ["dry-run", "yes"],
  ["quiesce", "TrUe"],
  ["max-pause", "15"],
  ["presign-expires-in", "8d"],
  ["s3-checksums", "Auto"],
  ["s3-prefix", "nightly/../../other"],
  ["s3-endpoint", "http://localhost:9000"],
  ["s3-endpoint", "https://169.254.169.254"],
  ["hosted-cluster", "example\nother"],
  ["hosted-cluster", "::error title=internal::example"],
  ["hosted-cluster", "../clusters/example"],
  ["hosted-cluster", "e".repeat(300)],
  ["hosted-cluster-namespace", "clusters\n::stop-commands::x"],
  ["hosted-cluster-namespace", "c".repeat(64)],
];

test.each(rows.map(([input, value, code]) => [input, value, code ?? "input-invalid"] as const))(
  "%s %j is refused by its name before anything is contacted",
  async (input, value, code) => {
    const world = scenario();
    const inputs = world.backupInputs({ [input]: value });
    const run = input === "mode" ? inProcesses : undefined;
    const result = await expectRefusal(world, inputs, { code, names: input, contact: "nothing" }, run);
    expect(result.outputs).toEqual({ "error-code": code });
    expect(result.summary).toContain(`<code>${code}</code>`);
    expect(result.state).toEqual({ settled: "true" });
  },
);

test.each(["snapshot-uri", "manifest"])("restore-render without %s is refused by its name", async (input) => {
  const world = scenario();
  await expectRefusal(world, world.restoreInputs("s3://backups/etcd/x.db", { [input]: "" }), {
    code: "input-missing",
    names: input,
    contact: "nothing",
  });
});

test("A dry run that is mistyped stops nothing, and is told by the name that was meant", async () => {
  const world = scenario();
  const inputs = world.backupInputs({ dry_run: "true" });
  const result = await expectRefusal(
    world,
    inputs,
    { code: "input-unknown", names: "did you mean dry-run?", contact: "nothing" },
    inProcesses,
  );
  expect(result.outputs).toEqual({ "error-code": "input-unknown" });
});

test("Everything that is wrong is told at once, mistyped names too", async () => {
  const world = scenario();
  const inputs = world.backupInputs({
    quiesc: "false",
    kubeconfig: "",
    "max-pause": "15",
    "s3-bucket": "s3://backups/etcd",
  });
  const result = await expectRefusal(world, inputs, { code: "inputs-invalid", names: "4 inputs", contact: "nothing" });
  const message = result.annotations.map((annotation) => annotation.message).join("\n");
  for (const name of ["quiesce", "kubeconfig", "max-pause", "s3-bucket"]) {
    expect(message).toContain(name);
    expect(result.summary).toContain(name);
  }
});

test("An input of somebody else is one warning", async () => {
  const world = scenario();
  const result = await runInProcess(world, world.backupInputs({ "dry-run": "true", "node-version": "24", shard: "2" }));
  const own = result.annotations.filter(({ level, message }) => level === "warning" && message.includes("no input"));
  expect([result.outcome, own.length]).toEqual(["success", 1]);
  expect(own[0]?.message).toMatch(/node-version, shard/);
  expect(await findUnsettled(world, result)).toEqual([]);
});

test("An input that the mode does not take is one warning, which says what to do", async () => {
  const world = scenario();
  const inputs = world.backupInputs({
    "dry-run": "true",
    "max-age": "2d",
    "drill-timeout": "20m",
    "drill-scripts": "release",
  });
  const result = await runInProcess(world, inputs);
  const own = result.annotations.filter(
    ({ level, message }) => level === "warning" && message.includes("makes no use"),
  );
  expect(own.map(({ message }) => message)).toEqual([
    "mode backup makes no use of max-age, drill-timeout here: leave that out, or look in docs/inputs.md which mode takes it",
  ]);
  expect(result.outcome).toBe("success");
  expect(await findUnsettled(world, result)).toEqual([]);
});

test("A recovery puts back whatever else is wrong, and tells it afterwards", async () => {
  const world = scenario();
  const inputs = world.recoverInputs({ "s3-region": "EU West", dry_runs: "true" });
  const result = await runInProcess(world, inputs);
  expect([result.exitCode, titlesOf(result)]).toEqual([1, ["input-invalid"]]);
  expect(result.log).toContain("there was nothing to do");
  expect(result.log).toContain("did you mean dry-run?");
  expect(await findUnsettled(world, result)).toEqual([]);
});

/** Starts an entry as somebody would by hand. */
function startByHand(
  entry: string,
  env: Readonly<Record<string, string>>,
): Promise<{ exitCode: number; text: string }> {
  return new Promise((resolve) => {
    const child = execFile(process.execPath, [join(entryPath(), entry)], { env }, (_, stdout, stderr) => {
      resolve({ exitCode: child.exitCode ?? -1, text: stdout + stderr });
    });
  });
}

test("Outside of Actions main refuses in one sentence, post does not, and none prints a secret", async () => {
  const world = scenario();
  const env = Object.fromEntries(
    Object.entries(world.backupInputs()).map(([name, value]) => [`INPUT_${name.toUpperCase()}`, value]),
  );
  const requests = world.cluster.requests.length;
  const main = await startByHand("main.js", env);
  expect([main.exitCode, main.text.trim().split("\n").length]).toEqual([1, 1]);
  expect(main.text).toContain("title=runner-unsuitable::");
  const post = await startByHand("post.js", { ...env, STATE_settled: "true" });
  expect(post).toEqual({ exitCode: 0, text: "" });
  for (const secret of Object.values(world.secrets()).map(String)) expect(main.text + post.text).not.toContain(secret);
  expect(world.cluster.requests.length).toBe(requests);
});

test("Inputs leave the environment once they are read", () => {
  const variables = { INPUT_KUBECONFIG: "text", "INPUT_S3-BUCKET": "backups", "INPUT_MY NAME": "x", PATH: "/bin" };
  const { given } = createRunner(variables, createClock());
  expect(variables).toStrictEqual({ PATH: "/bin" });
  expect([given.read("kubeconfig"), given.read("s3-bucket"), given.unknown]).toStrictEqual([
    "text",
    "backups",
    ["my name"],
  ]);
  expect(given.environment).toStrictEqual({ PATH: "/bin" });
});
