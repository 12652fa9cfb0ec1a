import { afterAll, expect, test, vi } from "vitest";
import type { RequestFaultKind } from "../world/management-cluster/faults.ts";
import type { Fault } from "../world/object-store/faults.ts";
import type { RunningStep } from "../world/runner/step.ts";
import type { World } from "../world/world.ts";
import { areApiServersReady } from "../scenario/api-outage.ts";
import { CrashFigures } from "./crash-figures.ts";
import { crashMoments, type CrashMoment } from "./crash-moments.ts";
import { apiServersRow, titlesOf } from "../scenario/refusal.ts";
import { createStrike, type Struck } from "../scenario/strike.ts";
import { shareWorlds } from "../scenario/world-pool.ts";

const awayMs = 4_000;
const minutes = 60_000;

const cluster = { fill: { sizeBytes: 2 * 1024 ** 2 } };
const useWorld = shareWorlds({ cluster });
/** What is not answered, or does not come back, is given up soon. */
const useImpatientWorld = shareWorlds({
  cluster,
  limits: {
    requestTimeoutMs: 2_000,
    requestPatienceMs: 6_000,
    podPatienceMs: 6_000,
    execStallMs: 2_000,
    undoMs: 4_000,
    cleanUpMs: 10_000,
    storeTries: 2,
  },
});
const figures = new CrashFigures("Crash points with real processes");
const strikeBackup = createStrike(figures);

afterAll(() => {
  console.log(figures.render());
});

/** Each of them at each moment of a backup. */
function atEachMoment<T>(rows: readonly (readonly [what: string, row: T])[]): (readonly [string, CrashMoment, T])[] {
  return rows.flatMap(([what, row]) => crashMoments.map((moment) => [what, moment, row] as const));
}

/** The API server is away, and every connection to it is lost; the function that it returns ends that. */
function loseApi(world: World, kind: RequestFaultKind["kind"] & ("reset" | "hang")): () => void {
  world.cluster.addRequestFault({ match: {}, fault: { kind }, times: Infinity });
  world.cluster.cutConnections();
  return () => {
    world.cluster.clearFaults();
  };
}

/** The deadline passes: HyperShift brings the API servers back, and the rest is for a run that comes later. */
async function passDeadline(world: World): Promise<void> {
  world.cluster.clock.advance(16 * minutes);
  await vi.waitFor(
    () => {
      expect(areApiServersReady(world)).toBe(true);
    },
    { timeout: 20_000 },
  );
}

function expectCancelled({ result }: Struck, moment: CrashMoment): void {
  expect([result.exitCode, titlesOf(result), result.post?.outcome]).toEqual([1, ["cancelled"], "success"]);
  expect(apiServersRow(result)).toMatch(moment === "hold" ? /^never stopped$/ : /^back$|: started again/);
}

const signals = atEachMoment<(step: RunningStep) => void>([
  [
    "A cancel",
    (step) => {
      step.cancel();
    },
  ],
  [
    "SIGTERM",
    (step) => {
      step.signal("SIGTERM");
    },
  ],
  [
    "SIGINT twice",
    (step) => {
      step.signal("SIGINT");
      step.signal("SIGINT");
    },
  ],
]);
test.concurrent.for(signals)("%s in the %s: main puts back what it can, and the post step the rest", (row) => {
  const [, moment, send] = row;
  return useWorld(async (world) => {
    expectCancelled(await strikeBackup(world, moment, send), moment);
  });
});

test.concurrent.for(crashMoments)("SIGKILL in the %s: the post step puts everything back", (moment) =>
  useWorld(async (world) => {
    const { result } = await strikeBackup(world, moment, (step) => {
      step.kill();
    });
    expect([result.signal, result.post?.outcome]).toEqual(["SIGKILL", "success"]);
    expect(result.post?.log).toContain("the API servers are back");
  }),
);

test.concurrent.for(crashMoments)("The runner is gone in the %s: the deadline, and the next run", (moment) =>
  useWorld(async (world) => {
    const { result, last } = await strikeBackup(
      world,
      moment,
      (step) => {
        step.killRunner();
      },
      async () => {
        await passDeadline(world);
        return ["hold", "capture", "proof"].includes(moment) ? world.recoverInputs() : world.backupInputs();
      },
    );
    expect(result.post).toBeUndefined();
    expect([last.outcome, last.outputs["recovered"]]).toEqual(["success", "true"]);
  }),
);

test.concurrent.for(crashMoments)("The API server is away for seconds in the %s: the backup is one", (moment) =>
  useWorld(async (world) => {
    const { result } = await strikeBackup(world, moment, () => {
      setTimeout(loseApi(world, "reset"), awayMs);
    });
    expect([result.outcome, apiServersRow(result)]).toEqual(["success", "back"]);
  }),
);

test.concurrent.for(crashMoments)("The API server is a black hole for seconds in the %s: the backup is one", (moment) =>
  useImpatientWorld(async (world) => {
    const { result } = await strikeBackup(world, moment, () => {
      setTimeout(loseApi(world, "hang"), awayMs);
    });
    expect([result.outcome, apiServersRow(result)]).toEqual(["success", "back"]);
  }),
);

test.concurrent.for(crashMoments)("A cancel in the %s while the API server is a black hole ends in time", (moment) =>
  useWorld(async (world) => {
    const { result } = await strikeBackup(world, moment, (step) => {
      const end = loseApi(world, "hang");
      void step.waitForLog(({ stage }) => stage === "post", 60_000).then(end);
      step.cancel();
    });
    // By itself, before the runner kills it.
    expect([result.exitCode, titlesOf(result), result.post?.outcome]).toEqual([1, ["release-failed"], "success"]);
    expect(apiServersRow(result)).toMatch(moment === "hold" ? /^never stopped$/ : /^NOT back|^back$/);
  }),
);

test.concurrent.for(["stop", "transfer"] as const)(
  "The network is lost for good in the %s: commands for a human, the deadline, and the next backup",
  (moment) =>
    useImpatientWorld(async (world) => {
      let end = (): void => undefined;
      const { result, last } = await strikeBackup(
        world,
        moment,
        () => {
          end = loseApi(world, "hang");
        },
        async () => {
          end();
          await passDeadline(world);
          return world.backupInputs();
        },
      );
      for (const stage of [result, result.post ?? result]) {
        expect([stage.exitCode, titlesOf(stage)]).toEqual([1, ["release-failed"]]);
        expect(stage.annotations.map(({ message }) => message).join()).toContain("oc scale deployment/kube-apiserver");
      }
      expect(apiServersRow(result)).toMatch(moment === "stop" ? /^NOT back.*: stopped/ : /^NOT back|^back$/);
      expect([last.outcome, last.outputs["recovered"]]).toEqual(["success", "true"]);
    }),
);

const storms: readonly (readonly [what: string, ...faults: Omit<Fault, "times">[]])[] = [
  [
    "answers 503 with Retry-After to a call of each kind",
    ...(["CreateMultipartUpload", "UploadPart", "CompleteMultipartUpload", "GetObject", "PutObject"] as const).map(
      (on) => ({
        on,
        key: /\.(?:db|json)$/,
        action: { kind: "answer" as const, status: 503, code: "SlowDown", headers: { "retry-after": "1" } },
      }),
    ),
  ],
  [
    "answers the completion with 200 and an error",
    { on: "CompleteMultipartUpload", action: { kind: "error-in-200", code: "InternalError" } },
  ],
  [
    "completes the upload, and its reply is lost",
    { on: "CompleteMultipartUpload", action: { kind: "reset", when: "after" } },
  ],
  ["takes the record, and its reply is lost", { on: "PutObject", action: { kind: "reset", when: "after" } }],
  ["cuts the read-back", { on: "GetObject", key: /\.db$/, nth: 2, action: { kind: "cut-body", afterBytes: 100_000 } }],
];
test.concurrent.for(storms)("A store that %s costs no backup", ([, ...faults]) =>
  useWorld(async (world) => {
    const added = faults.map((fault): Fault => ({ ...fault, times: 1 }));
    const { result } = await strikeBackup(world, "stop", () => {
      world.store.faults.add(...added);
    });
    expect(added.map((fault) => world.store.faults.fired(fault))).toEqual(added.map(() => 1));
    expect([result.outcome, apiServersRow(result)]).toEqual(["success", "back"]);
  }),
);

/** The store is away; only later connections learn of it. */
function loseStore(world: World): () => void {
  world.store.faults.clear();
  world.store.faults.add({ on: "*", times: "always", action: { kind: "reset", when: "before" } });
  return () => {
    world.store.faults.clear();
  };
}

test.concurrent.for(["transfer", "proof"] as const)(
  "The store is away for seconds in the %s: the backup is one",
  (moment) =>
    useWorld(async (world) => {
      // All of them may befall one request, which is tried nine times, and for seconds then.
      const away: Fault = { on: "*", times: 6, action: { kind: "reset", when: "before" } };
      const { result } = await strikeBackup(world, moment, () => {
        world.store.faults.clear();
        world.store.faults.add(away);
      });
      expect(world.store.faults.fired(away)).toBe(6);
      expect([result.outcome, apiServersRow(result)]).toEqual(["success", "back"]);
    }),
);

test.concurrent.for(["transfer", "proof"] as const)(
  "The store is lost for good in the %s: the API servers are back, and recover tidies up",
  (moment) =>
    useImpatientWorld(async (world) => {
      let end = (): void => undefined;
      const { result, last } = await strikeBackup(
        world,
        moment,
        () => {
          end = loseStore(world);
        },
        () => {
          end();
          // What no journal names any more is taken for a dead run's by its age: an upload after hours, an object after days.
          world.cluster.clock.advance(125 * minutes);
          return Promise.resolve(world.recoverInputs());
        },
      );
      expect([result.exitCode, titlesOf(result), apiServersRow(result)]).toEqual([1, ["store-unreachable"], "back"]);
      expect([last.outcome, last.outputs["recovered"]]).toEqual(["success", String(moment === "transfer")]);
    }),
);
