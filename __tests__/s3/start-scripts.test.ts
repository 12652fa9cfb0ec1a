import { spawn } from "node:child_process";
import { mkdtemp, readdir, rm, symlink } from "node:fs/promises";
import { createServer, type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { serverTitles } from "./server.ts";

const scripts = path.resolve(import.meta.dirname, "../../scripts");
/** Of the machine, only what the scripts need to say what is missing. */
const programs = ["bash", "basename", "cat", "dirname", "head", "mktemp", "sed", "sha256sum", "sleep", "tr"];

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), "start-scripts-"));
  for (const program of programs) {
    const place = ["/bin", "/usr/bin"].map((directory) => path.join(directory, program));
    for (const target of place) await symlink(target, path.join(folder, program)).catch(() => undefined);
  }
});
afterAll(() => rm(folder, { recursive: true }));

interface Ended {
  readonly exitCode: number | null;
  readonly lines: readonly string[];
}

async function run(name: string, env: NodeJS.ProcessEnv, args: readonly string[] = []): Promise<Ended> {
  const child = spawn(path.join(scripts, `${name}.sh`), args, { stdio: ["pipe", "ignore", "pipe"], env });
  let text = "";
  child.stderr.setEncoding("utf8").on("data", (chunk: string) => {
    text += chunk;
  });
  const exitCode = await new Promise<number | null>((resolve) => child.once("close", resolve));
  return { exitCode, lines: text.trimEnd().split("\n") };
}

describe.each(Object.keys(serverTitles))("scripts/%s.sh", (name) => {
  it("says in one line what a machine lacks, and leaves nothing", async () => {
    const temporary = await mkdtemp(path.join(folder, "tmp-"));
    const { exitCode, lines } = await run(name, { PATH: folder, HOME: folder, TMPDIR: temporary });
    expect(exitCode).toBe(3);
    expect(lines).toHaveLength(1);
    expect(lines[0]).toMatch(
      name === "versitygw" ? /missing: go; install Go \d/ : /missing: radosgw .*install Debian's radosgw/,
    );
    expect(await readdir(temporary)).toEqual([]);
  });

  it("knows no other argument", async () => {
    const { exitCode, lines } = await run(name, { PATH: folder, HOME: folder }, ["--nonsense"]);
    expect(exitCode).toBe(1);
    expect(lines).toEqual([expect.stringMatching(/: usage: /)]);
  });
});

describe("a port that is in use", () => {
  it("is named", async () => {
    const server = createServer().listen(0, "127.0.0.1");
    await new Promise((resolve) => server.once("listening", resolve));
    const { port } = server.address() as AddressInfo;
    const source = `. "${scripts}/s3-server.sh"; find_port ${port}`;
    const child = spawn("bash", ["-c", source, "example.sh"], { stdio: ["ignore", "pipe", "pipe"] });
    let text = "";
    child.stderr.setEncoding("utf8").on("data", (chunk: string) => {
      text += chunk;
    });
    const exitCode = await new Promise((resolve) => child.once("close", resolve));
    server.close();
    expect([exitCode, text]).toEqual([1, `example: port ${port} is in use\n`]);
  });
});
