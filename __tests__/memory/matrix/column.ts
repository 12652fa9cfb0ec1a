import { journalAnnotation, renderJournal } from "../../../src/hold/journal.ts";
import { type MemoryWorld, writers } from "../../world/memory-world/world.ts";
import { away, once, refused, type Deed, type Fault } from "../fault.ts";
import type { Phase } from "./phase.ts";

/** Another run has the hosted cluster now: with a journal, a pause, and soon with writers that it stops. */
function takeOver(world: MemoryWorld): () => readonly string[] {
  const deadline = world.clock.timestamp(195_000);
  const journal = renderJournal({
    v: 1,
    nonce: "fedcba9876543210".repeat(2),
    run: { repository: "octo/others", runId: "1", runAttempt: "1", url: "https://github.example/octo/others/1" },
    acquired: world.clock.timestamp(),
    deadline,
    phase: "hold",
    original: { pausedUntil: null, replicas: Object.fromEntries(writers.map((writer) => [writer, 3])) },
    members: ["etcd-1"],
  });
  world.patchHostedCluster({
    metadata: { annotations: { [journalAnnotation]: journal } },
    spec: { pausedUntil: deadline },
  });
  return () =>
    world.journal === journal && world.pausedUntil === deadline ? [] : ["cluster: what another run holds was changed"];
}

function done(deed: Deed | undefined): Fault | undefined {
  return deed && { deed };
}

const skewMs = 20 * 60_000;

/** The faults, each as it is in a phase; undefined where it cannot be. */
export const columns = {
  refused: () => refused,
  /** The hosted cluster is deleted, the pods are replaced, the upload or object is deleted. */
  gone: ({ gone }) => done(gone),
  /** Somebody else is faster by a moment: 409, or 412. */
  conflict: ({ conflict }) => done(conflict),
  /** 503, once. */
  busy: () => once("busy"),
  /** Once, before it arrives. */
  cut: () => once("reset"),
  /** No connection to this server any more. */
  away: () => away("reset"),
  /** Once: it takes effect, and the answer is lost. */
  lost: () => once("lost"),
  /** This server is a black hole from now on. */
  silent: () => away("silent"),
  cancelled: ({ of }) => (of === "post" ? undefined : { strike: { what: "cancel", when: "sent" } }),
  /** SIGKILL; the post step comes. */
  killed: () => ({ strike: { what: "kill", when: "applied" } }),
  "runner gone": ({ of }) =>
    of === "backup" ? { strike: { what: "kill", when: "applied" }, runnerGone: true } : undefined,
  /** Somebody takes the pause away. */
  resumed: () => ({
    deed: (world) => {
      world.patchHostedCluster({ spec: { pausedUntil: null } });
      return undefined;
    },
  }),
  /** Another run takes the hosted cluster over. */
  taken: () => ({ deed: takeOver }),
  /** Somebody starts an API server. */
  started: () => ({
    deed: (world) => {
      world.scale("kube-apiserver", 3);
      return undefined;
    },
  }),
  /** The runner's clock is 20 min behind or ahead, for the whole run. */
  "clock off": ({ of }) => (of === "backup" ? { clockSkewsMs: [-skewMs, skewMs] } : undefined),
  /** What the phase looks at is damaged, wrong, stuck or full. */
  data: ({ data }) => done(data),
} satisfies Record<string, (phase: Phase) => Fault | undefined>;

export type Column = keyof typeof columns;
