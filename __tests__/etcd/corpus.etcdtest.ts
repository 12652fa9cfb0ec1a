import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, inject, test } from "vitest";
import { startCluster } from "./cluster.ts";
import { corpora, currentRevision, lengthenLog, podKey, put, remove, save } from "./corpus.ts";
import { askHashKv, expectFigures, expectPrediction, readFile } from "./figures.ts";
import { bump, programsIn } from "./programs.ts";

const lines = Object.entries(inject("etcdLines")).map(([line, folder]) => programsIn(folder, line));
const login = ["--user=root:example"];
let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "etcd-corpus-files-"));
});
afterAll(async () => {
  await rm(folder, { recursive: true, force: true });
});

describe.each(lines)("etcd $line", (programs) => {
  test.each(corpora)("$name: the tool's figures, the member's hash, and what a restore will answer", async (corpus) => {
    const words = corpus.name === "auth" ? login : [];
    const file = join(folder, `${programs.line}-${corpus.name.replaceAll(/\W+/g, "-")}.db`);
    const cluster = await startCluster(programs);
    let hash;
    try {
      await lengthenLog(cluster.members[0]);
      await corpus.fill(cluster.members[0], programs);
      hash = await askHashKv(cluster.members[0], words);
      await save(cluster, file, words);
    } finally {
      await cluster.close();
    }
    const snapshot = await expectFigures(programs, file, hash);
    expect(snapshot.authEnabled).toBe(corpus.name === "auth");
    const expectedOf = words.length > 0 ? { login: words } : {};
    for (const bumped of [false, true])
      await expectPrediction(programs, snapshot, { restore: { file, bumped }, members: 1, ...expectedOf });
  });

  test("three members answer the same, plain and bumped, and a bumped one can be saved and bumped again", async () => {
    const file = join(folder, `${programs.line}-three.db`);
    const again = join(folder, `${programs.line}-again.db`);
    const cluster = await startCluster(programs, { members: 3 });
    try {
      for (let index = 0; index < 50; index += 1)
        await put(cluster.members[index % 3] ?? cluster.members[0], podKey(index % 30), "k8s\0");
      for (let index = 0; index < 10; index += 1) await remove(cluster.members[0], podKey(index));
      await save(cluster, file);
    } finally {
      await cluster.close();
    }
    const snapshot = await readFile(file);
    await expectPrediction(programs, snapshot, { restore: { file, bumped: false }, members: 3 });
    await expectPrediction(programs, snapshot, {
      restore: { file, bumped: true },
      members: 3,
      then: async (restored) => {
        for (let index = 0; index < 5; index += 1) await put(restored.members[0], podKey(index), "later");
        const { revision, hashKV } = snapshot.prediction.bumped;
        const stable = await askHashKv(restored.members[0], [`--rev=${String(revision)}`]);
        expect(stable.hash, "under later writes").toBe(hashKV);
        await save(restored, again);
      },
    });
    const later = await readFile(again);
    expect({ bumpedTo: later.bumpedTo, keys: later.liveSet.keys, counted: later.liveKeys }).toStrictEqual({
      bumpedTo: snapshot.revision + bump,
      keys: 25,
      counted: 26,
    });
    await expectPrediction(programs, later, { restore: { file: again, bumped: false }, members: 1 });
    await expectPrediction(programs, later, { restore: { file: again, bumped: true }, members: 1 });
  });

  test("deletions behind the quiet revision are told apart: an expired lease, or somebody", async () => {
    const file = join(folder, `${programs.line}-tail.db`);
    const cluster = await startCluster(programs);
    const [member] = cluster.members;
    let quietRevision: number;
    try {
      const grant = await member.call("/v3/lease/grant", { TTL: "3600" });
      const lease = (grant as { readonly ID: string }).ID;
      for (let index = 0; index < 4; index += 1) await put(member, podKey(index), "leased", lease);
      await put(member, podKey(9), "kept");
      quietRevision = await currentRevision(member);
      await member.call("/v3/lease/revoke", { ID: lease });
      await save(cluster, file);
      const quiet = await readFile(file, { quietRevision });
      expect(quiet.tail).toStrictEqual({ changes: 4, writes: 0, expired: 4, deletions: 0 });
      await remove(member, podKey(9));
      await put(member, podKey(9), "new");
      await save(cluster, file);
    } finally {
      await cluster.close();
    }
    const disturbed = await readFile(file, { quietRevision });
    expect(disturbed.tail).toStrictEqual({ changes: 6, writes: 1, expired: 4, deletions: 1 });
  });
});
