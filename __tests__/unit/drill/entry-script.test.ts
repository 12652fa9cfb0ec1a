import { execFile } from "node:child_process";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect, onTestFinished, test } from "vitest";
import { entryCommand, lookCommand, parseProgress } from "../../../src/drill/entry-script.ts";

test("A look at a pod whose course has not begun sees no step, and is no failure", async () => {
  const folder = await mkdtemp(join(tmpdir(), "drill-look-"));
  onTestFinished(() => rm(folder, { recursive: true }));
  const look = async (): Promise<string> => {
    const [program = "", ...args] = lookCommand().toSpliced(-1, 1, folder);
    return (await promisify(execFile)(program, args)).stdout;
  };
  expect(parseProgress(await look())).toEqual([]);
  await writeFile(join(folder, "progress"), "1764500000000 ready\n");
  expect(parseProgress(await look())).toEqual([{ step: "ready", atMs: 1_764_500_000_000 }]);
});

test("A clock that is set back in the middle of a course makes no step begin before the one before it", async () => {
  const folder = await mkdtemp(join(tmpdir(), "drill-course-"));
  onTestFinished(() => rm(folder, { recursive: true }));
  const [shared, work, programs] = ["shared", "work", "bin"].map((name) => join(folder, name)) as [
    string,
    string,
    string,
  ];
  for (const name of [shared, work, programs]) await mkdir(name);
  await writeFile(join(shared, "delivered"), "");
  const addProgram = (name: string, script: string): Promise<void> =>
    writeFile(join(programs, name), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
  // Each look at the clock gives a time before the last one.
  await addProgram("date", `echo x >>${folder}/looks; echo $((1000 - $(wc -l <${folder}/looks)))`);
  await addProgram("curl", "exit 7");
  await addProgram("sleep", "exit 0");
  const argv = entryCommand(["plain"], { controlPlane: "clusters-tenant", plainTool: "newest" });
  const [program = "", ...args] = argv.toSpliced(4, 2, shared, work);
  const env = { ...process.env, PATH: `${programs}:${process.env["PATH"] ?? ""}` };
  await expect(promisify(execFile)(program, args, { env })).rejects.toMatchObject({ code: 1 });
  const steps = parseProgress(await readFile(join(work, "progress"), "utf8"));
  expect(steps.map(({ step }) => step)).toEqual(["ready", "fetching", "failed"]);
  const times = steps.map(({ atMs }) => atMs);
  expect(times).toEqual(times.toSorted((a, b) => a - b));
});
