import { mkdtemp, readFile as readBytesOf, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, inject, test } from "vitest";
import type { Snapshot } from "../../src/etcd/snapshot.ts";
import { seed } from "../seed.ts";
import { buildSnapshot, writes } from "../world/snapshot/snapshot.ts";
import { readBytes } from "../world/snapshot/read.ts";
import { startCluster } from "./cluster.ts";
import { corpora, save } from "./corpus.ts";
import { damage, defectKinds, meaningfulBytes, Random, type Defect } from "./defects.ts";
import { askHashKv } from "./figures.ts";
import { programsIn, type EtcdPrograms } from "./programs.ts";
import { judge, type Verdict } from "./verdict.ts";

/** How many defects are made, and how many are shown to etcd: more by these variables. */
const defectCount = Number(process.env["DEFECTS"] ?? 2000);
const comparedCount = Number(process.env["DEFECTS_COMPARED"] ?? 30);
/** Of real files, those that are small enough to be read thousands of times. */
const names = [
  "half tombstones",
  "compacted",
  "leases",
  "transactions of several puts",
  "compacted at a deletion, and defragmented",
];

/** A damaged file is shown to an etcd of the line that wrote it. */
const lines = Object.entries(inject("etcdLines")).map(([line, programs]) => programsIn(programs, line));
const files: {
  readonly name: string;
  readonly programs: EtcdPrograms;
  readonly bytes: Buffer;
  readonly whole: Snapshot;
}[] = [];
let folder: string;

beforeAll(async () => {
  process.stdout.write(`defects: seed ${String(seed)}\n`);
  folder = await mkdtemp(join(tmpdir(), "etcd-defects-"));
  for (const programs of lines)
    for (const corpus of corpora.filter(({ name }) => names.includes(name))) {
      const file = join(folder, "whole.db");
      const cluster = await startCluster(programs);
      try {
        await corpus.fill(cluster.members[0], programs);
        await save(cluster, file);
      } finally {
        await cluster.close();
      }
      const bytes = await readBytesOf(file);
      await rm(file);
      files.push({ name: `${corpus.name}, etcd ${programs.line}`, programs, bytes, whole: await readBytes(bytes) });
    }
  const bytes = buildSnapshot({
    changes: writes(300, "v".repeat(400)),
    entriesInLeaf: 8,
    freelist: "listed",
    freePages: 9,
  });
  // The form that this file has is that of etcd 3.6.
  for (const programs of lines.filter(({ line }) => line === "3.6"))
    files.push({ name: "a kept free list", programs, bytes, whole: await readBytes(bytes) });
});
afterAll(async () => {
  await rm(folder, { recursive: true, force: true });
});

function draw(random: Random, index: number): { readonly file: (typeof files)[number]; readonly defect: Defect } {
  const [first, ...others] = files;
  if (first === undefined) throw new Error("there is a file");
  const file = random.pick([first, ...others]);
  return { file, defect: damage(file.bytes, random, defectKinds[index % defectKinds.length] ?? "bits flipped") };
}

test(`${String(defectCount)} defects are refused, told by a hash, or say nothing`, { timeout: 1_800_000 }, async () => {
  const random = new Random(seed);
  const counts = new Map<string, number>();
  const missed: string[] = [];
  const marks = new Map(files.map(({ name, bytes }) => [name, meaningfulBytes(bytes)]));
  for (let index = 0; index < defectCount; index += 1) {
    const { file, defect } = draw(random, index);
    const verdict = await judge(file.whole, defect.bytes);
    const name = `${defect.kind}: ${verdict.verdict}${verdict.verdict === "refused" ? ` (${verdict.code})` : ""}`;
    counts.set(name, (counts.get(name) ?? 0) + 1);
    const hits = isUnseen(verdict) && touches(file.bytes, defect.bytes, marks.get(file.name) ?? new Uint8Array());
    if (verdict.verdict === "missed" || (hits && defect.kind !== "wrong root"))
      // A root that an earlier transaction left may still lead to the very same content.
      missed.push(`defect ${String(index)} of seed ${String(seed)}: ${name} in ${file.name}`);
  }
  process.stdout.write(
    [...counts]
      .sort()
      .map(([name, count]) => `  ${String(count).padStart(5)} ${name}\n`)
      .join(""),
  );
  expect(missed).toStrictEqual([]);
});

function isUnseen({ verdict }: Verdict): boolean {
  return verdict === "harmless" || verdict === "missed";
}

/** True when a byte that says something was changed. */
function touches(whole: Buffer, damaged: Buffer, marks: Uint8Array): boolean {
  // The trailer is made anew, and differs with anything else.
  for (let offset = 0; offset < whole.length - 32; offset += 1)
    if (whole[offset] !== damaged[offset] && marks[offset] === 1) return true;
  return whole.length !== damaged.length;
}

test(
  `${String(comparedCount)} defects are judged as etcd judges them: what is accepted starts and answers as predicted`,
  { timeout: 3_600_000 },
  async () => {
    const random = new Random(seed + 1);
    const stricter = new Map<string, number>();
    const wrong: string[] = [];
    const shownTo = new Map<string, number>();
    let accepted = 0;
    let refused = 0;
    for (let index = 0; accepted + refused < comparedCount; index += 1) {
      const { file, defect } = draw(random, index);
      const verdict = await judge(file.whole, defect.bytes);
      // Half of them are files that are accepted, which are the rarer ones.
      if (verdict.verdict === "refused" ? refused >= comparedCount / 2 : accepted >= comparedCount / 2) continue;
      const path = join(folder, `defect-${String(index)}.db`);
      await writeFile(path, defect.bytes);
      // What is accepted must start, however busy the machine is; what is not may well hang.
      const startTimeoutMs = verdict.verdict === "refused" ? 10_000 : 60_000;
      const answer = await answerOf(path, file.programs, startTimeoutMs);
      await rm(path);
      shownTo.set(file.programs.line, (shownTo.get(file.programs.line) ?? 0) + 1);
      const title = `defect ${String(index)} of seed ${String(seed)} (${defect.kind} in ${file.name})`;
      if (verdict.verdict === "refused") {
        refused += 1;
        if (answer.served) {
          const reason = verdict.message.replaceAll(/\d+/g, "N");
          stricter.set(reason, (stricter.get(reason) ?? 0) + 1);
        }
        continue;
      }
      accepted += 1;
      const { plain } = verdict.snapshot.prediction;
      if (answer.revision !== plain.revision || answer.hashKV !== plain.hashKV)
        wrong.push(`${title}: ${JSON.stringify(answer)}`);
    }
    const shown = [...shownTo].sort().map(([line, count]) => `${String(count)} to etcd ${line}`);
    process.stdout.write(
      `  ${String(accepted)} accepted, ${String(refused)} refused (${shown.join(", ")}); refused, and etcd serves it:\n`,
    );
    for (const [message, count] of stricter) process.stdout.write(`  ${String(count).padStart(5)} ${message}\n`);
    expect(wrong).toStrictEqual([]);
  },
);

interface Answer {
  readonly served: boolean;
  readonly revision?: number;
  readonly hashKV?: number;
  readonly fault?: string;
}

/** What an etcd says that was restored from a file by its own tools. */
async function answerOf(file: string, programs: EtcdPrograms, startTimeoutMs: number): Promise<Answer> {
  try {
    const cluster = await startCluster(programs, { restore: { file, bumped: false }, startTimeoutMs });
    try {
      const { revision, hash } = await askHashKv(cluster.members[0]);
      return { served: true, revision, hashKV: hash };
    } finally {
      await cluster.close();
    }
  } catch (error) {
    return { served: false, fault: String(error).slice(0, 300) };
  }
}
