import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { access, readFile, readdir, rm } from "node:fs/promises";
import path from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { describe, expect, inject, it } from "vitest";
import { serverTitles, type ServerName } from "./server.ts";

/** Starts a script; resolves with its folder when its server answers. */
async function start(name: ServerName): Promise<{ readonly child: ChildProcess; readonly folder: string }> {
  const script = path.resolve(import.meta.dirname, `../../scripts/${name}.sh`);
  const child = spawn(script, [], { stdio: ["pipe", "pipe", "inherit"], detached: true });
  let text = "";
  for await (const chunk of child.stdout) {
    text += String(chunk);
    if (text.includes("S3_STRANGER_SECRET_KEY")) break;
  }
  const certificate = /^S3_CA_FILE=(.*)$/m.exec(text)?.[1];
  if (certificate === undefined) throw new Error(`${name} did not start`);
  return { child, folder: path.dirname(certificate) };
}

/** Command lines of processes that have `word` in them. */
async function findProcesses(word: string): Promise<readonly string[]> {
  const ids = (await readdir("/proc")).filter((entry) => /^\d+$/.test(entry));
  const lines = await Promise.all(ids.map((id) => readFile(`/proc/${id}/cmdline`, "utf8").catch(() => "")));
  return lines.map((line) => line.replaceAll("\0", " ")).filter((line) => line.includes(word));
}

/** No process that knows the folder, within ten seconds. */
async function expectEnded(folder: string): Promise<void> {
  for (let tries = 0; tries < 50 && (await findProcesses(folder)).length > 0; tries += 1) await delay(200);
  expect(await findProcesses(folder)).toEqual([]);
}

for (const { name, server } of inject("s3Servers")) {
  if (server === undefined) continue;
  describe(serverTitles[name], () => {
    // What they share is in one file, and the gateway needs its time to start.
    const ends = name === "versitygw" ? ["the end of its input", "SIGINT", "SIGTERM"] : ["the end of its input"];
    it.each(ends)("ends with all that it started by %s", async (end) => {
      const { child, folder } = await start(name);
      expect((await findProcesses(folder)).length).toBeGreaterThan(0);
      const exited = once(child, "exit");
      if (end === "SIGINT" || end === "SIGTERM") child.kill(end);
      else child.stdin?.end();
      expect(await exited).toEqual([{ SIGINT: 130, SIGTERM: 143 }[end] ?? 0, null]);
      await expectEnded(folder);
      await expect(access(folder)).rejects.toThrow("ENOENT");
    });

    it("leaves no process when its script is killed", async () => {
      const { child, folder } = await start(name);
      const exited = once(child, "exit");
      child.kill("SIGKILL");
      await exited;
      await expectEnded(folder);
      await rm(folder, { recursive: true });
    });
  });
}
