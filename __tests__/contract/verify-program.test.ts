import { execFile } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { bundleVerify } from "../../scripts/bundle.ts";
import { buildDatabase, buildSnapshot, writes } from "../world/snapshot/snapshot.ts";

let folder: string;
const path = (name: string): string => join(folder, name);
const secret = "k8s\0a value that nobody may see";

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "verify-program-"));
  await bundleVerify(path("verify.mjs"));
  await writeFile(path("snapshot.db"), buildSnapshot({ changes: writes(30, secret) }));
  await writeFile(path("copy.db"), buildDatabase({ changes: writes(30) }));
});
afterAll(async () => {
  await rm(folder, { recursive: true, force: true });
});

/** Runs the program alone in its folder. */
function verify(
  ...args: readonly string[]
): Promise<{ readonly code: number; readonly out: string; readonly err: string }> {
  return new Promise((resolve) => {
    execFile(process.execPath, ["verify.mjs", ...args], { cwd: folder, env: {} }, (error, out, err) => {
      resolve({ code: error ? Number(error.code) : 0, out, err });
    });
  });
}

async function figures(): Promise<Record<string, unknown>> {
  return JSON.parse((await verify("snapshot.db", "--json")).out) as Record<string, unknown>;
}

test("a whole snapshot: exit code 0, the figures by the record's names, and nothing of its values", async () => {
  const { code, out } = await verify("snapshot.db");
  expect(code).toBe(0);
  expect(out).toMatch(/^result +whole$/m);
  expect(out).not.toContain("nobody");
  expect(await figures()).toMatchObject({
    revision: 31,
    liveKeys: 30,
    hashKV: { revision: 31, compactRevision: -1 },
    contents: { configmaps: 30 },
    liveSet: { keys: 30 },
    prediction: { plain: { revision: 31 }, bumped: { revision: 1_000_000_031 } },
    proofs: { trailer: true, structure: true },
  });
});

test("beside its record: what both tell is compared, and a difference is exit code 1", async () => {
  const { liveSet, contents, prediction, ...entry } = await figures();
  const record = { liveSet, contents, prediction, snapshots: [{ ...entry, uri: "s3://bucket/a.db" }] };
  await writeFile(path("record.json"), JSON.stringify(record));
  expect(await verify("snapshot.db", "record.json")).toMatchObject({ code: 0 });
  await writeFile(path("record.json"), JSON.stringify({ ...record, contents: { configmaps: 30, secrets: 2 } }));
  const { code, out } = await verify("snapshot.db", "record.json", "--json");
  expect(code).toBe(1);
  expect(JSON.parse(out)).toMatchObject({ differences: [{ field: "contents.secrets", record: 2, file: 0 }] });
});

test("names in a foreign record are shown as one harmless line each, and no character of them is obeyed", async () => {
  const { liveSet, prediction, contents: own, ...entry } = await figures();
  const contents = {
    ...(own as object),
    "::error::\u001b[2K\u009b31m\u202ex\nresult  whole, and what the record says": 2,
  };
  await writeFile(path("record.json"), JSON.stringify({ liveSet, prediction, contents, snapshots: [entry] }));
  // The record has its names: the table of the file lists them only where they differ.
  for (const shown of [
    (await verify("snapshot.db", "record.json")).out,
    (await verify("snapshot.db", "record.json", "--json")).out,
    (await verify("no\u001b[2K\n::error::such.db")).err,
  ]) {
    expect(shown).not.toMatch(/[^\P{Cc}\n]|\p{Cf}/u);
    expect(shown).not.toMatch(/^\s*::|^result +whole/m);
    expect(shown).toContain(String.raw`\u001b[2K`);
  }
});

test.each([{ snapshots: [{}] }, { snapshots: [{ revision: 31 }] }, { snapshots: [] }])(
  "a record that does not tell which bytes it is of agrees with nothing: %j",
  async (record) => {
    await writeFile(path("record.json"), JSON.stringify(record));
    const { code, err } = await verify("snapshot.db", "record.json");
    expect([code, err.split(":")[0]]).toEqual([1, "record-invalid"]);
  },
);

test("HashKV is compared at the point at which the record's member was asked", async () => {
  const { hashKV, sha256 } = await figures();
  const snapshots = [{ sha256, hashKV: { ...(hashKV as object), revision: 20, compactRevision: 5 } }];
  await writeFile(path("record.json"), JSON.stringify({ snapshots }));
  const { differences } = JSON.parse((await verify("snapshot.db", "record.json", "--json")).out) as {
    readonly differences: readonly { readonly field: string }[];
  };
  expect(differences.map(({ field }) => field)).toStrictEqual(["hashKV.hash"]);
});

test.each([
  [["copy.db"], "snapshot-trailer-missing"],
  [["verify.mjs"], "snapshot-invalid"],
  [["absent.db"], "input-invalid"],
  [["snapshot.db", "--loud"], "input-invalid"],
  [["snapshot.db", "copy.db"], "record-invalid"],
  [[], "input-invalid"],
] as const)("%j: exit code 1 and a code", async (args, expected) => {
  const { code, err } = await verify(...args);
  expect(code).toBe(1);
  expect(err.split(":")[0]).toBe(expected);
});
