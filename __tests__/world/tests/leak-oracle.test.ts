import { afterEach, expect, test } from "vitest";
import { findLeaks } from "../runner/leaks.ts";
import { createScriptedActions } from "../runner/scripted-action.ts";
import type { StepResult } from "../runner/step.ts";

const actions = createScriptedActions();
afterEach(() => actions.close());

const mixedSecret = 'k8s?secret/value+with "quotes" ~ and ünï>>codé';
const encodings: [name: string, expression: string][] = [
  ["plain", "secret"],
  ["base64 at 0", 'Buffer.from(secret + "tail").toString("base64")'],
  ["base64 at 1", 'Buffer.from("a" + secret + "tail").toString("base64")'],
  ["base64 at 2", 'Buffer.from("ab" + secret).toString("base64")'],
  ["base64url", 'Buffer.from("ab" + secret + "x").toString("base64url")'],
  ["hex", 'Buffer.from(secret).toString("hex")'],
  ["HEX", 'Buffer.from(secret).toString("hex").toUpperCase()'],
  ["URL-encoded", "encodeURIComponent(secret)"],
  ["form-encoded", "new URLSearchParams({ secret }).toString()"],
  ["JSON-escaped", "JSON.stringify(secret)"],
];

test("The leak oracle finds each encoding in the log, and nothing where nothing is", async () => {
  const result = await actions.run(`
    const secret = ${JSON.stringify(mixedSecret)};
    ${encodings.map(([name, expression]) => `say("::notice title=${name}::" + ${expression});`).join("\n")}
  `);
  expect(await findLeaks(result, { other: "another secret" })).toEqual([]);
  for (const [index, [name]] of encodings.entries()) {
    const annotation = result.annotations[index];
    expect(annotation?.title).toBe(name);
    const only: StepResult = { ...result, lines: [], annotations: annotation === undefined ? [] : [annotation] };
    expect(await findLeaks(only, { secret: mixedSecret }), name).toMatchObject([
      { secret: "secret", place: "main notice annotation" },
    ]);
  }
});

test("The leak oracle looks at summary, outputs, state, environment, files and the post step", async () => {
  const result = await actions.run(
    `
    const secret = ${JSON.stringify(mixedSecret)};
    append("GITHUB_STEP_SUMMARY", secret);
    append("GITHUB_OUTPUT", "presigned-url=" + secret + "\\nname=" + secret + "\\n");
    append("GITHUB_STATE", "half<<END\\n" + secret);
    append("GITHUB_ENV", "KEY=" + secret + "\\n");
    writeFileSync("left.txt", secret);
    writeFileSync(join(env.RUNNER_TEMP, "rendered.yaml"), secret);
  `,
    { inputs: { plain: mixedSecret } },
    `say(${JSON.stringify(mixedSecret)});`,
  );
  const leaks = await findLeaks(
    result,
    { secret: mixedSecret },
    { allowedOutputs: ["presigned-url"], allowedFiles: ["rendered.yaml"] },
  );
  expect(leaks.map(({ place }) => place).sort()).toEqual([
    "file left.txt",
    "main environment KEY",
    "main output name",
    "main state",
    "main summary",
    "post log",
  ]);
});

test("The leak oracle knows a key by one of its lines, and bytes that are no text", async () => {
  const key =
    "-----BEGIN PRIVATE KEY-----\nMIGHAgEAMBMGByqGSM49AgEGCCqGSM49\nAwEHBG0wawIBAQQg\n-----END PRIVATE KEY-----\n";
  const bytes = Buffer.from("ff00fe01fd02fc03fb04", "hex");
  const result = await actions.run(
    `say("at MIGHAgEAMBMGByqGSM49AgEGCCqGSM49"); say("-----BEGIN PRIVATE KEY-----"); say("/wD+Af0C/AP7BA==");`,
  );
  expect(await findLeaks(result, { key, bytes })).toEqual([
    { secret: "key", encoding: "one line of it", place: "main log" },
    { secret: "bytes", encoding: "base64 at offset 0", place: "main log" },
  ]);
  await expect(findLeaks(result, { short: "abc" })).rejects.toThrow("too short");
});
