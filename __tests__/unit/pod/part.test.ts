import { spawn, type ChildProcessWithoutNullStreams } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { findByCommand } from "../../world/processes.ts";
import { endLine, partEnd, partLine, partsCommand } from "../../../src/pod/part.ts";

let folder = "";
let file = "";
const content = Buffer.from(Array.from({ length: 3 * 1024 * 1024 }, (_, index) => index % 251));
const first = { index: 0, offset: 0, lengthBytes: 1_000 };
const second = { index: 1, offset: 1_000, lengthBytes: 2_000_000 };

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "parts-"));
  file = join(folder, "snapshot.db");
  await writeFile(file, content);
});

afterAll(() => rm(folder, { recursive: true, force: true }));

/** A pod's shell: Debian's, and Red Hat's. */
const shells = ["dash", "bash"].filter((shell) => existsSync(`/bin/${shell}`));

function start(shell: string, path = file, limitSeconds = 60): ChildProcessWithoutNullStreams {
  // The shell inside is to be the same.
  const [, ...args] = partsCommand(path, limitSeconds).map((argument) => argument.replace(" sh -c ", ` ${shell} -c `));
  return spawn(shell, args);
}

/** Its output and its end; a process that ended by a signal has none. */
async function finish(child: ChildProcessWithoutNullStreams): Promise<{ stdout: Buffer; exitCode: number | null }> {
  const chunks: Buffer[] = [];
  child.stdout.on("data", (chunk: Buffer) => chunks.push(chunk));
  await once(child, "close");
  return { stdout: Buffer.concat(chunks), exitCode: child.exitCode };
}

describe.each(shells)("parts of a file (%s)", (shell) => {
  test("come as they are asked for, each with its line behind it", async () => {
    const child = start(shell);
    for (const part of [second, first]) child.stdin.write(partLine(part));
    child.stdin.write(endLine);
    const { stdout, exitCode } = await finish(child);
    const expected = [second, first].flatMap((part) => [
      content.subarray(part.offset, part.offset + part.lengthBytes),
      partEnd(part),
    ]);
    expect(exitCode).toBe(0);
    expect(stdout.equals(Buffer.concat(expected))).toBe(true);
  });

  test("one of them at a time: a line that comes later is answered later", async () => {
    const child = start(shell);
    for (const part of [first, second, first]) {
      child.stdin.write(partLine(part));
      let seenBytes = 0;
      while (seenBytes < part.lengthBytes + partEnd(part).length) {
        const [chunk] = (await once(child.stdout, "data")) as [Buffer];
        seenBytes += chunk.length;
      }
    }
    child.stdin.end(endLine);
    expect((await finish(child)).exitCode).toBe(0);
  });

  test("of a file that is gone are an end at once, with dd's own code", async () => {
    const child = start(shell, `${file}.gone`);
    child.stdin.write(partLine(first));
    const { stdout, exitCode } = await finish(child);
    expect([stdout.length, exitCode]).toEqual([0, 1]);
  });

  test("end with the input, also a dd that nobody reads from", async () => {
    const child = start(shell, file, 10);
    child.stdin.write(partLine(second));
    await once(child.stdout, "readable");
    expect(findByCommand(folder).length).toBeGreaterThan(3);
    child.stdin.end();
    // By its own hand, and not by its time limit.
    expect((await once(child, "exit"))[1]).toBe("SIGKILL");
    await expect.poll(() => findByCommand(folder), { timeout: 10_000 }).toEqual([]);
    child.stdout.resume();
  });

  test("end after a time", async () => {
    const child = start(shell, file, 1);
    expect((await finish(child)).exitCode).toBe(124);
    await expect.poll(() => findByCommand(folder), { timeout: 10_000 }).toEqual([]);
  });
});
