import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { startCluster } from "../../etcd/cluster.ts";
import { corpora, save } from "../../etcd/corpus.ts";
import { askHashKv, expectFigures, expectPrediction } from "../../etcd/figures.ts";
import { output, type EtcdPrograms } from "../../etcd/programs.ts";
import { findEtcdBinaries } from "../../world/etcd/binaries.ts";

/** With an etcd that needs no Go; `npm run test:etcd` has all of it, and the later releases. */
const names = ["one key, deleted and compacted", "compacted", "leases", "transactions of several puts"];
let programs: EtcdPrograms;
let folder: string;

beforeAll(async () => {
  const { etcd, etcdctl, etcdutl } = await findEtcdBinaries();
  const line = /etcd Version: (\d+\.\d+)/.exec(await output(etcd, ["--version"]))?.[1] ?? "";
  programs = { line, etcd, etcdctl, snapshotTool: etcdutl ?? etcdctl, bumps: etcdutl !== undefined };
  folder = await mkdtemp(join(tmpdir(), "etcd-real-"));
});
afterAll(async () => {
  await rm(folder, { recursive: true, force: true });
});

test.each(corpora.filter(({ name }) => names.includes(name)))(
  "$name: the figures are those of etcd, and so is what a restore answers",
  async (corpus) => {
    const file = join(folder, `${String(names.indexOf(corpus.name))}.db`);
    const cluster = await startCluster(programs);
    let hash;
    try {
      await corpus.fill(cluster.members[0], programs);
      hash = await askHashKv(cluster.members[0]);
      await save(cluster, file);
    } finally {
      await cluster.close();
    }
    const snapshot = await expectFigures(programs, file, hash);
    expect(snapshot.members).toHaveLength(1);
    await expectPrediction(programs, snapshot, { restore: { file, bumped: false }, members: 1 });
  },
);
