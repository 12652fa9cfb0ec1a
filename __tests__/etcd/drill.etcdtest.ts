import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, inject, test } from "vitest";
import { waitForAnswers } from "../../src/drill/course.ts";
import { compareEtcd } from "../../src/drill/shown.ts";
import { nextCommand } from "../../src/drill/entry-script.ts";
import { runInPod } from "../../src/drill/course.ts";
import type { RestoreScript } from "../../src/hypershift/restore-script.ts";
import { rejection } from "../adapters/snapshot-store-contract.ts";
import { seed } from "../seed.ts";
import { readBytes } from "../world/snapshot/read.ts";
import { startCluster } from "./cluster.ts";
import { corpora, podKey, put, remove, save } from "./corpus.ts";
import { damage, defectKinds, Random } from "./defects.ts";
import { startLocalPod, type Answer } from "./local-pod.ts";
import { programsIn, type EtcdPrograms } from "./programs.ts";
import { judge } from "./verdict.ts";

const lines = Object.entries(inject("etcdLines")).map(([line, folder]) => programsIn(folder, line));
/** How many defects that the proof accepts are started: more by this variable. */
const defectCount = Number(process.env["DRILL_DEFECTS"] ?? 5);
let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "etcd-drill-"));
});
afterAll(async () => {
  await rm(folder, { recursive: true, force: true });
});

async function saveFrom(programs: EtcdPrograms, members: number): Promise<Buffer> {
  const file = join(folder, `${programs.line}-${String(members)}.db`);
  const cluster = await startCluster(programs, { members });
  try {
    // More keys than etcdctl gives the drill at once.
    const leases = corpora.find(({ name }) => name === "leases");
    await leases?.fill(cluster.members[0], programs);
    for (let index = 0; index < 2_100; index += 1)
      await put(cluster.members[index % members] ?? cluster.members[0], podKey(index), "k8s\0Pod");
    for (let index = 0; index < 30; index += 1) await remove(cluster.members[0], podKey(index));
    await save(cluster, file);
  } finally {
    await cluster.close();
  }
  return readFile(file);
}

/** Restores in each way, and compares; throws what a drill throws. */
async function drill(
  programs: EtcdPrograms,
  answer: Answer,
  proven: Buffer,
  scripts: readonly RestoreScript[],
): Promise<number> {
  const snapshot = await readBytes(proven);
  const pod = await startLocalPod(programs, { scripts, answer });
  try {
    let keys = 0;
    for (const script of scripts) {
      await waitForAnswers(pod.world, pod.ref, script);
      const { keyspace } = await compareEtcd(pod.world, pod.ref, {
        snapshot,
        script,
        controlPlane: "clusters-example",
      });
      keys = keyspace.keys;
      await runInPod(pod.world, pod.ref, { argv: nextCommand(script), timeoutMs: 60_000 });
    }
    return keys;
  } finally {
    await pod.close();
  }
}

describe.each(lines)("etcd $line", (programs) => {
  test.each([1, 3])(
    "a snapshot of %d members is restored plain and bumped, and answers as predicted",
    async (members) => {
      const bytes = await saveFrom(programs, members);
      const { liveKeys } = await readBytes(bytes);
      expect(liveKeys).toBeGreaterThan(2_000);
      expect(await drill(programs, { body: bytes }, bytes, ["plain", "bumped"])).toBe(liveKeys);
    },
  );
});

describe("with etcd 3.6, what is wrong has its code", () => {
  const programs = programsIn(inject("etcdLines")["3.6"], "3.6");
  let bytes: Buffer;
  beforeAll(async () => {
    bytes = await saveFrom(programs, 1);
  });

  test("a snapshot that is damaged after the proof is seen by etcd's own hash", async () => {
    const damaged = Buffer.from(bytes);
    damaged.writeUInt8(damaged.readUInt8(5_000) ^ 1, 5_000);
    const error = await rejection(drill(programs, { body: damaged }, bytes, ["plain"]));
    expect(error.code).toBe("drill-restore-failed");
    expect(error.message).toMatch(/expected sha256/);
  });

  test("another snapshot than the proven one differs", async () => {
    const other = await saveFrom(programs, 1);
    expect(
      (await rejection(drill(programs, { body: other.equals(bytes) ? Buffer.alloc(0) : other }, bytes, ["plain"])))
        .code,
    ).toBe("drill-differs");
  });

  test("an answer of the store that is no snapshot is told by its status, and expiry by its word", async () => {
    const xml = (message: string): string =>
      `<?xml version="1.0"?><Error><Code>AccessDenied</Code><Message>${message}</Message></Error>`;
    for (const [message, word] of [
      ["Access Denied", undefined],
      ["Request has expired", "expired"],
    ] as const) {
      const error = await rejection(drill(programs, { status: 403, body: xml(message) }, bytes, ["plain"]));
      expect(error.code).toBe("drill-url-refused");
      expect(error.message.includes("expired")).toBe(word !== undefined);
    }
  });
});

test(
  `${String(defectCount)} defects that the proof accepts without a record are restored and started`,
  { timeout: 600_000 },
  async () => {
    const programs = programsIn(inject("etcdLines")["3.6"], "3.6");
    const random = new Random(seed);
    const whole = await saveFrom(programs, 1);
    const figures = await readBytes(whole);
    const refused: string[] = [];
    let accepted = 0;
    for (let index = 0; accepted < defectCount; index += 1) {
      const defect = damage(whole, random, defectKinds[index % defectKinds.length] ?? "bits flipped");
      if ((await judge(figures, defect.bytes)).verdict === "refused") continue;
      accepted += 1;
      await drill(programs, { body: defect.bytes }, defect.bytes, ["plain"]).catch((error: unknown) => {
        refused.push(`defect ${String(index)} of seed ${String(seed)} (${defect.kind}): ${String(error)}`);
      });
    }
    console.log(
      `${String(accepted)} defects that the proof accepts were started, ${String(refused.length)} were refused`,
    );
    expect(refused).toEqual([]);
  },
);
