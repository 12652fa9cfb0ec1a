/**
 * Makes mistakes in copies of the source, one at a time, and runs for each the one test that has to find it. A mutant is
 * killed when that test fails, and passes without the mistake; that another one fails, or nothing can be loaded any more,
 * kills no mutant. With words as arguments: only mutants that have one of them in their name.
 */
import { spawn } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { listAt, stringAt } from "../src/hypershift/json-path.ts";
import { holdMutants } from "./mutants/hold-mutants.ts";
import { keepMutants } from "./mutants/keep-mutants.ts";
import type { Mutant } from "./mutants/mutant.ts";
import { recoverMutants } from "./mutants/recover-mutants.ts";

const repository = resolve(import.meta.dirname, "..");
const copied = ["__tests__", "action.yml", "docs", "package.json", "scripts", "src", "tsconfig.json"];
/** Machines of CI have two cores. */
const workers = 2;
/** A mistake can make a test wait for ever. */
const testLimitMs = 120_000;
const config = `export default { test: { include: ["__tests__/**/*.test.ts"], testTimeout: 60_000, cache: false } };`;

const words = process.argv.slice(2);
const mutants = [...holdMutants, ...recoverMutants, ...keepMutants].filter(
  ({ name }) => words.length === 0 || words.some((word) => name.includes(word)),
);
const startedMs = performance.now();
const folder = mkdtempSync(join(tmpdir(), "mutants-"));
let killed = 0;
try {
  const copies = Array.from({ length: workers }, (_, index) => createCopy(join(folder, String(index))));
  const sound = await findSoundTests(copies);
  await shareOut(copies, mutants, async (copy, mutant) => {
    const problem = await findSurvival(copy, mutant, sound);
    if (problem === undefined) killed += 1;
    else console.log(`SURVIVED: ${mutant.name} (${mutant.file}): ${problem}`);
  });
} finally {
  rmSync(folder, { recursive: true, force: true });
}
const tookSeconds = Math.round((performance.now() - startedMs) / 1000);
console.log(`${String(mutants.length)} mutants, ${String(killed)} killed, in ${String(tookSeconds)} s`);
process.exitCode = killed === mutants.length && killed > 0 ? 0 : 1;

function createCopy(copy: string): string {
  mkdirSync(copy);
  for (const name of copied) cpSync(join(repository, name), join(copy, name), { recursive: true });
  symlinkSync(join(repository, "node_modules"), join(copy, "node_modules"));
  writeFileSync(join(copy, "vitest.config.ts"), config);
  return copy;
}

/** Those of the tests that have to find something that pass without any mistake, each as its file and name. */
async function findSoundTests(copies: readonly string[]): Promise<ReadonlySet<string>> {
  const sound = new Set<string>();
  const files = Map.groupBy(mutants, ({ killer }) => killer.file);
  await shareOut(copies, [...files], async (copy, [file, found]) => {
    const tests = new Set(found.map(({ killer }) => killer.test));
    const states = await runTests(copy, file, [...tests]);
    for (const test of tests) if (states.get(test) === "passed") sound.add(`${file} ${test}`);
  });
  return sound;
}

/** Why a mutant is not killed; undefined when it is. */
async function findSurvival(copy: string, mutant: Mutant, sound: ReadonlySet<string>): Promise<string | undefined> {
  const { file, text, replacement, killer } = mutant;
  const path = join(copy, file);
  const source = readFileSync(path, "utf8");
  if (source.split(text).length !== 2) return "its text does not stand exactly once in the source";
  if (!sound.has(`${killer.file} ${killer.test}`))
    return `the test "${killer.test}" in ${killer.file} is not there, or does not pass without it`;
  writeFileSync(
    path,
    source.replace(text, () => replacement),
  );
  try {
    const state = (await runTests(copy, killer.file, [killer.test])).get(killer.test) ?? "not run";
    return state === "failed" ? undefined : `the test "${killer.test}" in ${killer.file} is ${state}`;
  } finally {
    writeFileSync(path, source);
  }
}

/** Runs the named tests of one file, and returns how each ended; one that did not get to run is not among them. */
async function runTests(copy: string, file: string, tests: readonly string[]): Promise<ReadonlyMap<string, string>> {
  const report = join(copy, "report.json");
  rmSync(report, { force: true });
  // Between the name of a group and that of a test stands a blank in the report, and more in what the pattern is held against.
  const pattern = `^(?:${tests.map((test) => RegExp.escape(test).replaceAll(String.raw`\x20`, "(?: > | )")).join("|")})$`;
  const vitest = join("node_modules", "vitest", "vitest.mjs");
  const args = [vitest, "run", file, "--testNamePattern", pattern, "--reporter=json", `--outputFile=${report}`];
  await new Promise<void>((done, fail) => {
    const child = spawn(process.execPath, args, {
      cwd: copy,
      stdio: "ignore",
      timeout: testLimitMs,
      killSignal: "SIGKILL",
    });
    child.on("error", fail);
    child.on("exit", () => {
      done();
    });
  });
  let text: string;
  try {
    text = readFileSync(report, "utf8");
  } catch {
    return new Map();
  }
  const results = listAt(JSON.parse(text), "testResults").flatMap((result) => listAt(result, "assertionResults"));
  return new Map(results.map((result) => [stringAt(result, "fullName") ?? "", stringAt(result, "status") ?? ""]));
}

/** Does `work` for each of `tasks`, one at a time in each copy. */
async function shareOut<T>(
  copies: readonly string[],
  tasks: readonly T[],
  work: (copy: string, task: T) => Promise<void>,
): Promise<void> {
  const left = tasks.values();
  await Promise.all(
    copies.map(async (copy) => {
      for (const task of left) await work(copy, task);
    }),
  );
}
