/**
 * `node scripts/bench/proof.ts [MiB …]`: time and memory of the whole proof, by default of 64 and 1024 MiB, on files with
 * values of 20,000, 3,900 and 600 bytes, or of those that VALUES names; with SCATTERED=1 their pages lie in no order. The time that the processor worked is told beside
 * that on the wall, since others may work on it, and `etcdutl snapshot status` of the same file where `npm run test:etcd` has
 * built it. What is measured is JavaScript, as in dist/.
 */
import { execFileSync } from "node:child_process";
import { existsSync, readdirSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { randomBytes } from "node:crypto";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { build } from "esbuild";
import { writeSnapshotFile } from "../../__tests__/world/snapshot/large.ts";
import type { ChangePlan } from "../../__tests__/world/snapshot/snapshot.ts";
import { cacheFolder } from "../../e2e/binaries.ts";
import { scatterPages } from "./scatter.ts";

const mebibyte = 1024 * 1024;
const sizes = process.argv.slice(2);

await measureAll(sizes.length > 0 ? sizes : ["64", "1024"]);

/** Each file is read by a process of its own, whose memory nothing else has used. */
async function measureAll(sizes: readonly string[]): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "bench-proof-"));
  try {
    const reader = join(folder, "reader.mjs");
    await build({
      entryPoints: [join(import.meta.dirname, "proof-reader.ts")],
      outfile: reader,
      bundle: true,
      platform: "node",
      format: "esm",
      logLevel: "error",
    });
    for (const size of sizes)
      for (const valueBytes of (process.env["VALUES"] ?? "20000,3900,600").split(",").map(Number)) {
        const file = join(folder, "snapshot.db");
        writeSnapshotFile(file, ...describeFile(Number(size) * mebibyte, valueBytes));
        if (process.env["SCATTERED"] === "1") scatterPages(file);
        process.stdout.write(`values of ${String(valueBytes)} bytes: `);
        execFileSync(process.execPath, [reader, file], { stdio: "inherit" });
        printEtcdutl(file);
        await rm(file);
      }
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** One key in twenty is written twice; leaves are as full as etcd's. */
function describeFile(
  sizeBytes: number,
  valueBytes: number,
): [changes: Iterable<ChangePlan>, options: { readonly entriesInLeaf: number }] {
  const pairBytes = valueBytes + 150;
  const entriesInLeaf = Math.max(2, Math.floor(4000 / pairBytes));
  const leafBytes = Math.ceil((entriesInLeaf * pairBytes) / 4096) * 4096;
  return [listChanges(Math.floor(sizeBytes / leafBytes) * entriesInLeaf, valueBytes), { entriesInLeaf }];
}

function* listChanges(count: number, valueBytes: number): Generator<ChangePlan> {
  const pool = randomBytes(mebibyte);
  for (let index = 0; index < count; index += 1) {
    const start = (index * 37) % (pool.length - valueBytes);
    const key = `/kubernetes.io/configmaps/default/config-${String(Math.floor(index / 1.05)).padStart(8, "0")}`;
    yield { main: index + 2, key, value: pool.subarray(start, start + valueBytes) };
  }
}

function printEtcdutl(file: string): void {
  const folders = existsSync(cacheFolder)
    ? readdirSync(cacheFolder).filter((name) => name.startsWith("etcd-3.6-"))
    : [];
  const program = folders.map((name) => join(cacheFolder, name, "etcdutl")).find((path) => existsSync(path));
  if (program === undefined) return;
  const script = '"$1" snapshot status "$2" >/dev/null && times';
  const [, ofChildren = ""] = execFileSync("sh", ["-c", script, "status", program, file], { encoding: "utf8" }).split(
    "\n",
  );
  process.stdout.write(`  etcdutl 3.6 snapshot status of it: processor ${ofChildren} (user, system)\n`);
}
