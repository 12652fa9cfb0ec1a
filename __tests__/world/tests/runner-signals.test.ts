import { readFileSync } from "node:fs";
import { afterEach, expect, test } from "vitest";
import { createScriptedActions } from "../runner/scripted-action.ts";

const actions = createScriptedActions();
afterEach(() => actions.close());
const patienceMs = 60_000;

/** A process that was ended but not yet collected by its parent is not alive. */
function isAlive(pid: number): boolean {
  try {
    return !/\) Z /u.test(readFileSync(`/proc/${pid}/stat`, "utf8"));
  } catch {
    return false;
  }
}

const expectDead = (pid: number) => expect.poll(() => isAlive(pid), { timeout: patienceMs }).toBe(false);

test("Cancel is SIGINT, 7.5 s later SIGTERM, 2.5 s later SIGKILL to the tree, then post", async () => {
  const step = await actions.start(
    `
    import { spawn } from "node:child_process";
    const child = spawn(process.execPath, ["-e", "setInterval(() => {}, 1000)"], { detached: true, stdio: "inherit" });
    for (const name of ["SIGINT", "SIGTERM"]) process.on(name, () => say(name + " at " + Math.round(performance.now())));
    setInterval(() => {}, 1000);
    say("ready " + child.pid + " at " + Math.round(performance.now()));
  `,
    `say("post after " + env.STATE_x);`,
    { timeScale: 0.4 },
  );
  const ready = await step.waitForLog(/^ready \d+/u, patienceMs);
  const mainPid = step.pid ?? 0;
  const cancelledMs = performance.now();
  step.cancel();
  step.cancel();
  await step.waitForLog("SIGINT", patienceMs);
  await step.waitForLog("SIGTERM", patienceMs);
  expect(performance.now() - cancelledMs).toBeGreaterThan(2_900);
  const result = await step.result;
  expect(result).toMatchObject({ outcome: "cancelled", signal: "SIGKILL", post: { outcome: "success", exitCode: 0 } });
  expect(performance.now() - cancelledMs).toBeGreaterThan(3_900);
  expect(result.annotations.at(-1)?.message).toBe("The operation was canceled.");
  await expectDead(Number(/ready (\d+)/u.exec(ready.raw)?.[1]));
  await expectDead(mainPid);
});

test("A cancelled step that cleans up in time ends by itself, and is cancelled even with exit code 0", async () => {
  const step = await actions.start(
    `process.on("SIGINT", () => { say("undone"); process.exit(0); }); setInterval(() => {}, 1000); say("ready");`,
    "",
    { timeScale: 1 },
  );
  await step.waitForLog("ready", patienceMs);
  step.cancel();
  expect(await step.result).toMatchObject({ exitCode: 0, outcome: "cancelled", post: { outcome: "success" } });
});

test("A step that timed out has failed and has a post step; a runner that is shut down has none", async () => {
  const main = `setInterval(() => {}, 1000); say("ready");`;
  const steps = [await actions.start(main), await actions.start(main)];
  for (const step of steps) await step.waitForLog("ready", patienceMs);
  steps[0]?.cancel("step-timeout");
  steps[1]?.cancel("runner-shutdown");
  const [timedOut, shutDown] = await Promise.all(steps.map((step) => step.result));
  expect(timedOut).toMatchObject({ outcome: "failure", post: { outcome: "success" } });
  expect(shutDown).toMatchObject({ outcome: "cancelled" });
  expect(shutDown).not.toHaveProperty("post");
});

test("A killed step keeps what it wrote, and post follows; with a dead runner nothing follows", async () => {
  const main = `append("GITHUB_STATE", "nonce=abc\\n"); setInterval(() => {}, 1000); say("ready");`;
  const steps = [await actions.start(main, `say("nonce " + env.STATE_nonce);`), await actions.start(main)];
  for (const step of steps) await step.waitForLog("ready", patienceMs);
  steps[0]?.kill();
  steps[1]?.killRunner();
  const [killed, dead] = await Promise.all(steps.map((step) => step.result));
  expect(killed).toMatchObject({ signal: "SIGKILL", outcome: "failure", state: { nonce: "abc" } });
  expect(killed?.post?.log).toContain("nonce abc");
  expect(dead).toMatchObject({ signal: "SIGKILL", outcome: "abandoned", state: {} });
  expect(dead).not.toHaveProperty("post");
});

test("The post step of a cancelled job is killed with the worker after 285 s", async () => {
  const step = await actions.start(`setInterval(() => {}, 1000); say("ready");`, `setInterval(() => {}, 1000);`, {
    timeScale: 0.003,
  });
  await step.waitForLog("ready", patienceMs);
  step.cancel();
  const result = await step.result;
  expect(result.post).toMatchObject({ signal: "SIGKILL", outcome: "abandoned" });
});

test("Main can go on beside its post step, as in a job container", async () => {
  const step = await actions.start(
    `let n = 0; setInterval(() => say("main " + ++n), 10); append("GITHUB_STATE", "a=1\\n"); say("ready");`,
    `say("post " + env.STATE_a); await new Promise((done) => setTimeout(done, 1000));`,
  );
  await step.waitForLog("ready", patienceMs);
  const mainPid = step.pid ?? 0;
  step.loseMain();
  await step.waitForLog("post 1", patienceMs);
  expect(isAlive(mainPid)).toBe(true);
  const result = await step.result;
  expect(result).toMatchObject({ outcome: "cancelled", post: { outcome: "success" } });
  expect(result.lines.at(-1)?.raw).toMatch(/^main \d/u);
  await expectDead(mainPid);
});

test("Waiting for a line that never comes fails with the last lines", async () => {
  const step = await actions.start(`say("only this");`);
  await expect(step.waitForLog("something else", patienceMs)).rejects.toThrow(/the step ended[^]*only this/u);
});
