import { execFile } from "node:child_process";
import { mkdtemp, rm, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, test } from "vitest";
import { leftFilesCommand, parseLeftFiles } from "../../../src/etcd/snapshot-leftovers.ts";
import { snapshotFile } from "../../../src/etcd/snapshot-save.ts";

const [one, other] = ["0123456789abcdef".repeat(2), "fedcba9876543210".repeat(2)];
const hours = 3_600;
let folder = "";

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "left-files-"));
});

afterAll(() => rm(folder, { recursive: true, force: true }));

async function look(): Promise<string> {
  const [command = "", ...args] = leftFilesCommand().map((argument) => (argument === "/var/lib" ? folder : argument));
  return (await promisify(execFile)(command, args)).stdout;
}

async function leave(file: string, ageSeconds: number): Promise<void> {
  const path = file.replace("/var/lib", folder);
  await writeFile(path, "x");
  const then = Date.now() / 1000 - ageSeconds;
  await utimes(path, then, then);
}

test("the files of each run are found with the age of the newest, and nothing else is", async () => {
  expect(parseLeftFiles(await look())).toEqual([]);
  await leave(snapshotFile(one, 1), 9 * hours);
  await leave(`${snapshotFile(one, 2)}.part`, 3 * hours);
  await leave(`${snapshotFile(other, 1)}.rc.part`, 60);
  await leave("/var/lib/hypershift-etcd-backup-notes", 9 * hours);
  await leave("/var/lib/snapshot.db", 9 * hours);
  const found = parseLeftFiles(await look());
  expect(found.map(({ nonce }) => nonce).sort()).toEqual([one, other].sort());
  for (const { nonce, ageSeconds } of found)
    expect(Math.abs(ageSeconds - (nonce === one ? 3 * hours : 60))).toBeLessThan(600);
});

test("what is no name of a run is left out", () => {
  const odd = [`9 hypershift-etcd-backup-${one}-1.db/../x`, `9 hypershift-etcd-backup-../../etc-1.db`, `9 ${one}`, "x"];
  expect(parseLeftFiles(odd.join("\n"))).toEqual([]);
});

test("a file from the future is young", () => {
  expect(parseLeftFiles(`-7200 hypershift-etcd-backup-${one}-1.db\n`)).toEqual([{ nonce: one, ageSeconds: -7200 }]);
});
