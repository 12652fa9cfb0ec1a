/**
 * Plays mistakes, one at a time, and runs for each the one test that has to find it: each breaks an invariant or a promise,
 * by another behaviour of a module's export (scripts/mutants/). A mutant is killed when that test fails, and passes without
 * the mistake; that another one fails, or nothing can be loaded any more, kills no mutant. With words as arguments: only
 * mutants that have one of them in their name.
 */
import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { listAt, stringAt } from "../src/json-path.ts";
import { mutants } from "./mutants/all-mutants.ts";
import type { Mutant } from "./mutants/mutant.ts";

/** Tests of one file, and the mistake that is made in it, if any. */
interface TestRun {
  readonly file: string;
  readonly tests: readonly string[];
  readonly mutant?: Mutant;
}

const repository = resolve(import.meta.dirname, "..");
const vitest = join(repository, "node_modules", "vitest", "vitest.mjs");
/** Machines of CI have two cores. */
const workers = 2;
/** A mistake can make a test wait for ever. */
const testLimitMs = 240_000;

const words = process.argv.slice(2);
const chosen = mutants.filter(({ name }) => words.length === 0 || words.some((word) => name.includes(word)));
const startedMs = performance.now();
let killed = 0;
const sound = await findSoundTests();
await shareOut(chosen, async (mutant) => {
  const problem = await findSurvival(mutant);
  if (problem === undefined) killed += 1;
  else console.log(`SURVIVED: ${mutant.breaks}: ${mutant.name}: ${problem}`);
});
const tookSeconds = Math.round((performance.now() - startedMs) / 1000);
console.log(`${String(chosen.length)} mutants, ${String(killed)} killed, in ${String(tookSeconds)} s`);
process.exitCode = killed === chosen.length && killed > 0 ? 0 : 1;

/** Those of the tests that have to find something that pass without any mistake, each as its file and name. */
async function findSoundTests(): Promise<ReadonlySet<string>> {
  const passed = new Set<string>();
  const files = Map.groupBy(chosen, ({ killer }) => killer.file);
  await shareOut([...files], async ([file, found]) => {
    const tests = [...new Set(found.map(({ killer }) => killer.test))];
    const states = await runTests({ file, tests });
    for (const test of tests) if (states.get(test) === "passed") passed.add(`${file} ${test}`);
  });
  return passed;
}

/** Why a mutant is not killed; undefined when it is. */
async function findSurvival(mutant: Mutant): Promise<string | undefined> {
  const { file, test } = mutant.killer;
  if (!sound.has(`${file} ${test}`)) return `the test "${test}" in ${file} is not there, or does not pass without it`;
  const state = (await runTests({ file, tests: [test], mutant })).get(test) ?? "not run";
  return state === "failed" ? undefined : `the test "${test}" in ${file} is ${state}`;
}

/** Runs the named tests of one file, and returns how each ended; one that did not get to run is not among them. */
async function runTests({ file, tests, mutant }: TestRun): Promise<ReadonlyMap<string, string>> {
  const folder = mkdtempSync(join(tmpdir(), "mutant-"));
  const report = join(folder, "report.json");
  // Between the name of a group and that of a test stands a blank in the report, and more in what the pattern is held against.
  const pattern = `^(?:${tests.map((test) => RegExp.escape(test).replaceAll(String.raw`\x20`, "(?: > | )")).join("|")})$`;
  const args = ["run", file, "--config", "vitest.mutants.config.ts", "--testNamePattern", pattern];
  await new Promise<void>((done, fail) => {
    const child = spawn(process.execPath, [vitest, ...args, "--reporter=json", `--outputFile=${report}`], {
      cwd: repository,
      env: { ...process.env, ...(mutant === undefined ? {} : { MUTANT: mutant.name }) },
      stdio: "ignore",
      timeout: testLimitMs,
      killSignal: "SIGKILL",
    });
    child.on("error", fail);
    child.on("exit", () => {
      done();
    });
  });
  try {
    const results = listAt(JSON.parse(readFileSync(report, "utf8")), "testResults");
    const tested = results.flatMap((result) => listAt(result, "assertionResults"));
    return new Map(tested.map((result) => [stringAt(result, "fullName") ?? "", stringAt(result, "status") ?? ""]));
  } catch {
    return new Map();
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** Does `work` for each of `tasks`, as many at once as there are workers. */
async function shareOut<T>(tasks: readonly T[], work: (task: T) => Promise<void>): Promise<void> {
  const left = tasks.values();
  await Promise.all(
    Array.from({ length: workers }, async () => {
      for (const task of left) await work(task);
    }),
  );
}
