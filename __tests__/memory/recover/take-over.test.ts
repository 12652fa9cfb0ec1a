import { expect, test } from "vitest";
import { journalAnnotation, renderJournal, type Journal } from "../../../src/hold/journal.ts";
import { createRecoverStep, runRecover } from "../../world/memory-world/recover-step.ts";
import { MemoryWorld, writers } from "../../world/memory-world/world.ts";

function journalOf(world: MemoryWorld, lastsMs: number, nonce: string): Journal {
  const time = (inMs: number): string => world.clock.timestamp(inMs);
  return {
    v: 1,
    nonce,
    run: { repository: "octo/backups", runId: "1", runAttempt: "1", url: "" },
    acquired: time(Math.min(0, lastsMs) - 60_000),
    deadline: time(lastsMs),
    phase: "hold",
    original: { pausedUntil: null, replicas: { "kube-apiserver": 3 } },
    members: ["etcd-0"],
  };
}

function write(world: MemoryWorld, journal: Journal): void {
  const metadata = { annotations: { [journalAnnotation]: renderJournal(journal) } };
  world.patchHostedCluster({ metadata, spec: { pausedUntil: journal.deadline } });
}

test("What a run that takes over at any request of a recovery holds is not touched", async () => {
  let told = 0;
  for (let nth = 1; ; nth += 1) {
    let taken: string | undefined;
    let seen = 0;
    const world: MemoryWorld = new MemoryWorld({
      weather: () => {
        seen += 1;
        if (seen !== nth) return undefined;
        const live = journalOf(world, 180_000, "fedcba9876543210".repeat(2));
        write(world, live);
        world.set({ controlPlaneOperator: "dead" });
        for (const writer of writers) world.scale(writer, 0);
        taken = renderJournal(live);
        return undefined;
      },
    });
    write(world, journalOf(world, -60_000, "0123456789abcdef".repeat(2)));
    const step = createRecoverStep(world);
    const end = await world.timeline.play(runRecover(world, step));
    if (taken === undefined) {
      expect(told).toBeGreaterThan(0);
      expect(nth).toBeGreaterThan(20);
      break;
    }
    expect({ nth, end: end.kind, journal: world.journal }).toEqual({ nth, end: "green", journal: taken });
    expect(world.pausedUntil).toBe((JSON.parse(taken) as Journal).deadline);
    // Nor are API servers called back that the other run has stopped.
    if (!step.lines.some((line) => line.includes("which brings its API servers back itself"))) continue;
    told += 1;
    expect({ nth, apiServers: step.report.apiServers }).toEqual({ nth, apiServers: "others" });
  }
});
