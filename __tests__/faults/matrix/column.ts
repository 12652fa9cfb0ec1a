import { journalAnnotation, renderJournal } from "../../../src/hypershift/journal.ts";
import { type MemoryWorld, writers } from "../../fakes/memory-world/world.ts";
import { forEver, once, type Blow } from "./blow.ts";
import type { Deed, Phase } from "./phase.ts";

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

function done(deed: Deed | undefined): Blow | undefined {
  return deed && { deed };
}

const skewMs = 20 * 60_000;

/** The faults, each with the blow that it is in a phase; undefined where it cannot be. */
export const columns = {
  /** 403 for this call from now on: a role was taken away, or a policy of the bucket changed. */
  refused: (): Blow => ({
    fateOf: (request, struck) =>
      request.service === struck.service && request.operation === struck.operation ? "refused" : "answered",
  }),
  /** The hosted cluster is deleted, the pods are replaced, the upload or object is deleted. */
  gone: ({ gone }) => done(gone),
  /** Somebody else is faster by a moment: 409, or 412. */
  conflict: ({ conflict }) => done(conflict),
  /** 503, once. */
  busy: () => once("busy"),
  /** Once, before it arrives. */
  cut: () => once("reset"),
  /** No connection to this server any more. */
  away: () => forEver("reset"),
  /** Once: it takes effect, and the answer is lost. */
  lost: () => once("lost"),
  /** This server is a black hole from now on. */
  silent: () => forEver("silent"),
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
} satisfies Record<string, (phase: Phase) => Blow | undefined>;

export type Column = keyof typeof columns;
