import { writeFileSync } from "node:fs";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { onMoment } from "../faults/crash-moments.ts";
import { fileCommandsFolder } from "../world/runner/step-environment.ts";
import type { RunningStep, StepResult } from "../world/runner/step.ts";
import { findStepProblems, findUnsettled } from "../world/settled.ts";
import type { RunOptions, StepInputs, World } from "../world/world.ts";
import { apiServersRow, titlesOf } from "./refusal.ts";
import { isChange } from "./requests.ts";
import { startScenario } from "./scenario.ts";

/** A backup that is killed while the API servers are stopped; `strike` comes just before that. */
async function killHeld(
  world: World,
  options: RunOptions = {},
  strike: (step: RunningStep) => Promise<void> = () => Promise.resolve(),
): Promise<StepResult> {
  const step = await world.start(world.backupInputs(), options);
  onMoment(world, "stop", () => {
    void strike(step).then(() => {
      step.kill();
    });
  });
  return step.result;
}

/** Overwrites the files with the state of the stage that runs. */
async function writeState(step: RunningStep, text: string): Promise<void> {
  const folder = join(step.directories.temp, fileCommandsFolder);
  for (const name of await readdir(folder)) if (name.startsWith("state_")) writeFileSync(join(folder, name), text);
}

function errorOf(result: Pick<StepResult, "annotations">): string {
  return result.annotations.find(({ level, title }) => level === "error" && title !== "")?.message ?? "";
}

test("Post puts back what main held and says so in a summary of its own", async () => {
  const world = await startScenario();
  const result = await killHeld(world);
  expect(result.post?.outcome).toBe("success");
  expect(result.post && apiServersRow(result.post)).toBe("back");
  expect(result.stateFile).not.toMatch(/token|certificate|PRIVATE/);
  expect(await findUnsettled(world, result)).toEqual([]);
});

test("Post acts on what main held, whatever cluster its inputs name now", async () => {
  const world = await startScenario();
  const result = await killHeld(world, {
    postInputs: { ...world.backupInputs(), "hosted-cluster": "other", "hosted-cluster-namespace": "elsewhere" },
  });
  expect(result.post?.outcome).toBe("success");
  expect(`${result.post?.rawLog ?? ""} ${result.post?.summary ?? ""}`).not.toMatch(/elsewhere/);
  expect(await findUnsettled(world, result)).toEqual([]);
});

test.each<readonly [string, (inputs: StepInputs) => StepInputs]>([
  ["all empty", () => ({})],
  ["without a kubeconfig", (inputs) => ({ ...inputs, kubeconfig: "" })],
  ["with half a kubeconfig", (inputs) => ({ ...inputs, kubeconfig: (inputs["kubeconfig"] ?? "").slice(0, 60) })],
])("Post whose inputs are %s names the held cluster, its deadline and the commands", async (_, change) => {
  const world = await startScenario();
  const result = await killHeld(world, { postInputs: change(world.backupInputs()) });
  const { post } = result;
  expect(post && [post.exitCode, titlesOf(post)]).toEqual([1, ["release-failed"]]);
  if (post === undefined) return;
  const { pausedUntil = "no deadline" } = world.hosted();
  expect(errorOf(post)).toContain("clusters/example");
  expect(errorOf(post)).toContain(pausedUntil);
  expect(errorOf(post)).toMatch(/^ {2}oc scale deployment\/kube-apiserver -n clusters-example --replicas=\d+$/m);
  expect(post.summary).toContain("<pre>oc scale");
  expect(apiServersRow(post)).toMatch(/^NOT back/);
  expect(await findStepProblems(world, result)).toEqual([]);
});

test("Post whose kubeconfig is another management cluster's touches nothing there", async () => {
  const [world, other] = [await startScenario(), await startScenario()];
  const result = await killHeld(world, {
    postInputs: { ...world.backupInputs(), kubeconfig: other.backupInputs()["kubeconfig"] ?? "" },
  });
  expect(result.post && titlesOf(result.post)).toEqual(["release-failed"]);
  expect(result.post && errorOf(result.post)).toContain("another management cluster");
  expect(other.cluster.requests.filter(isChange)).toEqual([]);
  expect(other.hosted()).toEqual(other.initial);
});

test.each([
  ["empty", ""],
  ["cut in the middle of an entry", "held<<ghadelimiter_1\n{"],
  ["another version's", "hold={}\nisPost=true\n"],
])("Post whose state is %s finds the journal of its own run, attempt and runner", async (_, text) => {
  const world = await startScenario();
  const result = await killHeld(world, {}, (step) => writeState(step, text));
  expect(result.post && apiServersRow(result.post)).toBe("back");
  expect((await findUnsettled(world, result)).filter((problem) => !problem.includes("file command"))).toEqual([]);
});

test.each<readonly [string, (inputs: StepInputs) => StepInputs, string]>([
  ["a kubeconfig", (inputs) => ({ ...inputs, kubeconfig: "" }), "clusters/example"],
  [
    "a whole kubeconfig",
    (inputs) => ({ ...inputs, kubeconfig: (inputs["kubeconfig"] ?? "").slice(0, 60) }),
    "clusters",
  ],
  ["the hosted cluster's name", (inputs) => ({ ...inputs, "hosted-cluster": "" }), "a hosted cluster"],
])(
  "Post without state and without %s says that nobody could look, and never calls that well",
  async (_, change, of) => {
    const world = await startScenario();
    const options = { postInputs: change(world.backupInputs()) };
    const { post } = await killHeld(world, options, (step) => writeState(step, ""));
    expect(post && [post.exitCode, titlesOf(post)]).toEqual([1, ["release-failed"]]);
    if (post === undefined) return;
    expect(errorOf(post)).toMatch(new RegExp(`whether this run holds ${of}.* could not be seen`));
    expect(errorOf(post)).toMatch(/To do: .*run recover/);
    expect(post.summary).toContain("release-failed");
  },
);

test.each<readonly [string, RunOptions, (world: World) => StepInputs]>([
  ["another job of its run", { github: { runner: "second" } }, (world) => world.backupInputs()],
  ["another attempt of its run", { github: { runAttempt: "2" } }, (world) => world.backupInputs()],
  ["a recover step of the same job", {}, (world) => world.recoverInputs()],
])("Post of %s that left no state touches nothing of the backup", async (_, options, inputs) => {
  const world = await startScenario();
  const backup = await world.start(world.backupInputs());
  await new Promise<void>((resolve) => {
    onMoment(world, "stop", resolve);
    // Longer than that moment makes it: the other run comes and goes meanwhile.
    world.cluster.set({ drainMs: 4_000 });
  });
  const other = await world.start(inputs(world), options);
  while (other.pid === undefined) await new Promise((resolve) => setTimeout(resolve, 1));
  other.kill();
  const ended = await other.result;
  expect([ended.stateFile, ended.post?.outcome]).toEqual(["", "success"]);
  const result = await backup.result;
  expect(result.outcome).toBe("success");
  expect(await findUnsettled(world, result)).toEqual([]);
});

test("Post of a main that held nothing asks nothing", async () => {
  const world = await startScenario();
  const result = await world.run(world.backupInputs({ "s3-bucket": "no-such-bucket" }));
  expect(result.state).toEqual({ settled: "true" });
  expect(result.post?.lines.filter(({ origin, kind }) => origin === "stdout" && kind === "text")).toEqual([]);
});
