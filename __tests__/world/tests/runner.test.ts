import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, expect, test, vi } from "vitest";
import { findLeaks } from "../runner/leaks.ts";
import { createScriptedActions } from "../runner/scripted-action.ts";

const actions = createScriptedActions();
afterEach(async () => {
  vi.unstubAllEnvs();
  await actions.close();
});

test("The environment holds inputs with their defaults, the run and the files, and nothing of this machine", async () => {
  vi.stubEnv("AWS_SECRET_ACCESS_KEY", "of-this-machine");
  vi.stubEnv("HTTPS_PROXY", "http://127.0.0.1:9");
  const result = await actions.run(
    `writeFileSync("env.json", JSON.stringify({ ...env, cwd: process.cwd(), v: process.version }));`,
    {
      inputs: { mode: "", "my own": "x", Plain: "p" },
      env: { AWS_REGION: "eu-west-1" },
      github: { runId: "42", token: "ghs_0123456789" },
    },
  );
  const environment: unknown = JSON.parse(await readFile(join(result.directories.workspace, "env.json"), "utf8"));
  expect(environment).toMatchObject({
    INPUT_MODE: "",
    "INPUT_MAX-PAUSE": "15m",
    "INPUT_GITHUB-TOKEN": "ghs_0123456789",
    INPUT_MY_OWN: "x",
    INPUT_PLAIN: "p",
    AWS_REGION: "eu-west-1",
    CI: "true",
    GITHUB_RUN_ID: "42",
    GITHUB_WORKSPACE: result.directories.workspace,
    RUNNER_TEMP: result.directories.temp,
    cwd: result.directories.workspace,
    v: expect.stringMatching(/^v24\./) as unknown,
  });
  expect(environment).not.toHaveProperty("AWS_SECRET_ACCESS_KEY");
  expect(environment).not.toHaveProperty("HTTPS_PROXY");
  expect(environment).not.toHaveProperty("INPUT_OLD-NAME");
  expect(result.annotations.map(({ message }) => message)).toEqual([
    expect.stringContaining("Unexpected input(s) 'my own'"),
  ]);
  expect(result.log).not.toContain("ghs_0123456789");
});

test("Groups, annotations and escapes are read as the runner does, and unknown commands are text", async () => {
  const result = await actions.run(`
    say("::group::Hold");
    say("  ::warning title=a%2Cb%3A,file=x.ts::one%0Atwo%25");
    say("::endgroup::");
    say("::unknown::kept");
    say("::debug::hidden");
    say("noise ##[error]old style");
    say("::stop-commands::token");
    say("::error::not a command");
    say("::token::");
    console.error("::notice::from stderr");
  `);
  expect(result.log.split("\n").slice(1)).toEqual(
    expect.arrayContaining([
      "▼ Hold",
      "::unknown::kept",
      "::error::not a command",
      "Error: old style",
      "Notice: from stderr",
    ]),
  );
  expect(result.log).not.toMatch(/hidden|endgroup/u);
  expect(result.annotations.map(({ level, title, message }) => [level, title, message])).toEqual(
    expect.arrayContaining([
      ["warning", "a,b:", "one\ntwo%"],
      ["error", "", "old style"],
      ["notice", "", "from stderr"],
    ]),
  );
});

test("A step has ten annotations of a level, each of at most 4096 characters", async () => {
  const result = await actions.run(`for (let i = 0; i < 12; i++) say("::error::" + "x".repeat(5000));`);
  expect(result.annotations).toHaveLength(10);
  expect(result.annotations[0]?.message).toHaveLength(4096);
  expect(result.droppedAnnotations).toBe(2);
});

test("A mask hides whole values, each of their lines and derived encodings, from the next line on", async () => {
  const secret = 'line "one" is secret\n  second/line+is?secret';
  const result = await actions.run(
    `
    const secret = ${JSON.stringify(secret)};
    say("early: second/line+is?secret");
    say("::add-mask::" + secret.replaceAll("\\n", "%0A"));
    say("late: <second/line+is?secret>");
    say("json: " + JSON.stringify(secret));
    say("base64: " + Buffer.from("ab" + secret.split("\\n")[0]).toString("base64"));
    say("uri: " + encodeURIComponent("second/line+is?secret"));
    say("::error::whole: " + secret.replaceAll("\\n", "%0A"));
    append("GITHUB_STEP_SUMMARY", "<td>second/line+is?secret</td>\\n");
    append("GITHUB_OUTPUT", "url=x second/line+is?secret\\nname=free\\n");
    say("job: top-secret");
  `,
    { secrets: ["top-secret"] },
  );
  const lines = result.log.split("\n");
  expect(lines).toEqual(
    expect.arrayContaining([
      "early: second/line+is?secret",
      "late: <***>",
      'json: "***"',
      "uri: ***",
      "Error: whole: ***",
      "job: ***",
    ]),
  );
  expect(lines.find((line) => line.startsWith("base64"))).toMatch(/\*\*\*/u);
  expect(result.rawLog).toContain("job: top-secret");
  expect(result.annotations.map(({ message }) => message)).toEqual(["whole: ***"]);
  expect(result.summary).toBe("<td>***</td>\n");
  expect(result.outputs["url"]).toBe("x second/line+is?secret");
  expect(result.droppedJobOutputs).toEqual(["url"]);
  const registered = result.masks.find(({ source }) => source === "add-mask");
  expect(result.lines[registered?.line ?? 0]?.raw).toMatch(/^::add-mask::/u);
  expect((await findLeaks(result, { secret: "second/line+is?secret" })).map(({ place }) => place)).toEqual([
    "main log",
    "main output url",
  ]);
});

test("A mask of three dashes breaks a Markdown table of the summary", async () => {
  const result = await actions.run(`append("GITHUB_STEP_SUMMARY", "| a |\\n| --- |\\n");`, {
    secrets: ["---\napiVersion: v1"],
  });
  expect(result.summary).toBe("| a |\n| *** |\n");
});

test("Outputs, environment and state are read from their files, and state comes back in the post step", async () => {
  const result = await actions.run(
    `
    append("GITHUB_OUTPUT", "a=1=2\\nb<<END\\nfirst\\n\\nlast=x<<y\\nEND\\n");
    append("GITHUB_OUTPUT", "a=3\\n");
    append("GITHUB_STATE", "nonce<<END\\n{\\"a\\":1}\\nEND\\n");
    append("GITHUB_ENV", "NAME=value\\n");
    append("GITHUB_PATH", "/opt/tool\\n");
    process.exitCode = 3;
  `,
    { postInputs: { mode: "verify" } },
    `say(env.STATE_nonce + " " + env.INPUT_MODE); append("GITHUB_STEP_SUMMARY", "after");`,
  );
  expect(result).toMatchObject({
    exitCode: 3,
    outcome: "failure",
    outputs: { a: "3", b: "first\n\nlast=x<<y" },
    state: { nonce: '{"a":1}' },
    exportedEnv: { NAME: "value" },
    exportedPath: ["/opt/tool"],
    post: { outcome: "success", log: 'Post job cleanup.\n{"a":1} verify', summary: "after" },
  });
});

test("A half-written state file is lost as a whole, fails the step, and post still runs", async () => {
  const result = await actions.run(
    `append("GITHUB_STATE", "whole=1\\nhalf<<END\\n{"); process.kill(process.pid, "SIGKILL");`,
    {},
    `say("state: " + Object.keys(env).filter((name) => name.startsWith("STATE_")).length);`,
  );
  expect(result).toMatchObject({ exitCode: null, signal: "SIGKILL", outcome: "failure", state: {} });
  expect(result.annotations.map(({ message }) => message)).toEqual([
    "Unable to process file command 'state' successfully.",
    "Invalid value. Matching delimiter not found 'END'",
  ]);
  expect(result.post?.log).toContain("state: 0");
});

test("Deprecated and disabled commands are told", async () => {
  const result = await actions.run(
    `say("::save-state name=a::b"); say("::set-output name=a::b"); say("::set-env name=a::b");`,
  );
  expect(result.problems).toHaveLength(3);
  expect(result).toMatchObject({ exitCode: 0, outcome: "failure", state: {}, outputs: {} });
});
