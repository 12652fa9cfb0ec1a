import { hasCode } from "../errors.ts";
import type { HostedCluster } from "../hypershift/hosted-cluster.ts";
import type { Answered, Clock, Log, ManagementCluster } from "../ports.ts";
import { limits } from "../time-limits.ts";
import { formatTime } from "../time.ts";
import { beside } from "./beside.ts";
import { changeHostedCluster } from "./change.ts";
import { clocksApart, holdLost, judgeHold, lostToClocks, lostToTime } from "./judgement.ts";
import { findJournal, journalAnnotation, renderReadable } from "./journal.ts";
import type { HeldCluster, Journal, Phase } from "./journal.ts";
import { ServerClock } from "./server-clock.ts";
import { conflict, firstJournal, spanOf, type HoldTerms } from "./terms.ts";

/** The parts of the world that a hold needs; `signal` aborts when the step is cancelled. */
export interface HoldWorld {
  readonly cluster: ManagementCluster;
  readonly clock: Clock;
  readonly log: Log;
  readonly signal: AbortSignal;
  /** Called before each patch of the journal, so that the post step knows what to put back, and of which object. */
  readonly saveJournal: (journal: Journal, of: HeldCluster) => void;
}

/**
 * The lock on a hosted cluster: a journal in it, which is renewed beside the work, and judged each time by the clock of the
 * API server whose answer carries it. Until `endPause` its deadline is the pause of the cluster as well. It never sets
 * `"true"`: a run that dies is outlived by a deadline, after which HyperShift resumes by itself.
 */
export class Lock {
  readonly ref: HeldCluster;
  readonly #world: HoldWorld;
  readonly #server: ServerClock;
  /** Deadlines of every journal that this run wrote, or tried to. */
  readonly #deadlines = new Set<string>();
  #journal: Journal;
  #paused: boolean;
  #spanMs: number;
  #lastMs: number;
  #writing: Promise<void> = Promise.resolve();

  private constructor(terms: HoldTerms, journal: Journal, world: HoldWorld & { readonly server: ServerClock }) {
    const { namespace, name, uid } = terms.hostedCluster;
    this.ref = { namespace, name, uid };
    this.#world = world;
    this.#server = world.server;
    this.#journal = journal;
    this.#deadlines.add(journal.deadline);
    this.#paused = terms.pause !== undefined;
    ({ spanMs: this.#spanMs, lastMs: this.#lastMs } = spanOf(terms));
  }

  /**
   * Takes the lock by one merge patch with the resource version that was looked at, and pauses the hosted cluster where the
   * terms say so. Throws `hold-conflict` when somebody else was faster, or it is not what preflight approved.
   */
  static async acquire(terms: HoldTerms, world: HoldWorld): Promise<Lock> {
    const { hostedCluster: ref } = terms;
    const server = new ServerClock(world.clock);
    let taken: Journal | undefined;
    let apart: string | undefined;
    await changeHostedCluster(world, ref, {
      // The answer may have been lost after the patch was applied: the next look tells by the nonce.
      again: ["cluster-unreachable"],
      read: () => server.readFresh(() => world.cluster.findHostedCluster(ref)),
      onWritten: ({ answeredAt }) => {
        apart = server.compare(answeredAt);
      },
      decide: (current) => {
        if (current === undefined)
          throw conflict(ref, { how: "was deleted a moment ago", hint: "nothing was changed" });
        apart = server.see(current.answeredAt);
        const owner = findJournal(current, current.answeredAt);
        if (owner?.nonce === terms.nonce) {
          taken = owner;
          return undefined;
        }
        const { journal, text } = firstJournal(terms, current);
        world.saveJournal(journal, ref);
        taken = journal;
        return {
          ...(terms.pause === undefined ? {} : { pausedUntil: journal.deadline }),
          annotations: { [journalAnnotation]: text },
        };
      },
    });
    if (apart !== undefined) throw conflict(ref, { how: `cannot be held: ${clocksApart(apart)}`, hint: lostToClocks });
    if (taken === undefined) throw conflict(ref, { how: "could not be held", hint: "run again; nothing was changed" });
    return new Lock(terms, taken, { ...world, server });
  }

  /** The journal of what to put back, as the cluster knows it. */
  get journal(): Journal {
    return this.#journal;
  }

  /** The API server's clock, as far as it is known. */
  now(): Date {
    return new Date(this.#server.nowMs());
  }

  /**
   * The result of `work`, while the lock is renewed beside it, from now on until it ends. The signal of `work` aborts
   * when the lock is lost, or a keeper fails: that is thrown then, whatever `work` threw. Throws `hold-lost`.
   */
  async during<T>(work: (signal: AbortSignal) => Promise<T>): Promise<T> {
    return beside(this.#world.signal, [(signal) => this.#keep(signal)], async (signal) => {
      try {
        return await work(signal);
      } catch (error) {
        // A recovery that took this run for a dead one removed its file and its object.
        if (hasCode(error, "snapshot-invalid", "transfer-failed", "object-not-found")) await this.assertNotTaken();
        throw error;
      }
    });
  }

  /** Writes the phase that begins. Throws `hold-lost` unless `reserveMs` are left then. */
  async enter(phase: Phase, { reserveMs = 0 }: { readonly reserveMs?: number } = {}): Promise<void> {
    await this.#exclusive(async () => {
      await this.#write(phase, this.#world.signal);
      // Little was left, and that came about while this was under way.
      if (this.#isDue()) await this.#write(phase, this.#world.signal);
    });
    await this.assertHeld({ reserveMs });
  }

  /** The hosted cluster as it is. Throws `hold-lost` unless it is held by this run, with at least `reserveMs` left. */
  async assertHeld(
    options: { readonly reserveMs?: number; readonly signal?: AbortSignal } = {},
  ): Promise<HostedCluster> {
    const { reserveMs = 0, signal = this.#world.signal } = options;
    const current = await this.#read(signal);
    const leftMs = new Date(this.#journal.deadline).getTime() - current.answeredAt.getTime();
    if (this.#paused && leftMs < reserveMs)
      throw holdLost(this.ref, `only ${Math.round(leftMs / 1000)} s of the pause were left`, { hint: lostToTime });
    return current;
  }

  /** Throws `hold-lost` where somebody took this run for dead. An API server that is away hides nobody who does. */
  async assertNotTaken(): Promise<void> {
    try {
      await this.assertHeld({ signal: this.#world.clock.timeout(limits.requestTimeoutMs) });
    } catch (error) {
      if (hasCode(error, "hold-lost")) throw error;
      this.#world.log.debug(`whether the lock is still there could not be seen`);
    }
  }

  /**
   * Ends the pause by `resume`, which returns the journal that it wrote; no renewal comes in between. From then on the lock
   * pauses nothing. Throws `hold-lost` where the journal was not there any more.
   */
  endPause(resume: (held: Journal) => Promise<Journal | undefined>): Promise<void> {
    return this.#exclusive(async () => {
      const released = await resume(this.#journal);
      if (released === undefined) throw holdLost(this.ref, "its journal is gone, or was replaced by another run's");
      this.#paused = false;
      this.#spanMs = limits.lockMs;
      this.#lastMs = Infinity;
      this.#journal = released;
      this.#deadlines.add(released.deadline);
      this.#world.saveJournal(released, this.ref);
    });
  }

  /** Renews at half-life, and judges the lock anew where this machine's clocks have gone apart, or its time is over. */
  async #keep(signal: AbortSignal): Promise<void> {
    const { clock } = this.#world;
    for (;;) {
      await clock.sleep(limits.lockTickMs, signal);
      if (!this.#isDue() && !this.#server.isDoubtful && this.#leftMs() > 0) continue;
      const slackMs = this.#paused ? 0 : limits.holdSlackMs;
      const inTime = AbortSignal.any([
        signal,
        clock.timeout(Math.max(limits.requestTimeoutMs, this.#leftMs() - slackMs)),
      ]);
      try {
        await this.#exclusive(async () => {
          await (this.#isDue() ? this.#write(this.#journal.phase, inTime) : this.#read(inTime));
        });
      } catch (error) {
        if (signal.aborted || !hasCode(error, "cluster-unreachable", "cancelled")) throw error;
        if (this.#leftMs() <= slackMs)
          throw holdLost(this.ref, "it could not be renewed: no API server answered", {
            hint: lostToTime,
            cause: error,
          });
      }
    }
  }

  /** Calls that write or renew come one after the other. */
  #exclusive(work: () => Promise<void>): Promise<void> {
    const done = this.#writing.then(work);
    this.#writing = done.catch(() => undefined);
    return done;
  }

  /** Writes the journal with `phase`, and with a new deadline where it is due. */
  async #write(phase: Phase, signal: AbortSignal): Promise<void> {
    let next = this.#journal;
    await changeHostedCluster({ ...this.#world, signal, cluster: this.#world.cluster.withSignal(signal) }, this.ref, {
      read: () => this.#read(signal),
      decide: (current) => {
        if (current === undefined) return undefined;
        const isDue = this.#isDue();
        const deadlineMs = Math.min(current.answeredAt.getTime() + this.#spanMs, this.#lastMs);
        const deadline = isDue ? formatTime(new Date(deadlineMs)) : this.#journal.deadline;
        next = { ...this.#journal, phase, deadline };
        const annotations = { [journalAnnotation]: renderReadable(next, current.answeredAt) };
        this.#world.saveJournal(next, this.ref);
        this.#deadlines.add(deadline);
        return { ...(this.#paused && isDue ? { pausedUntil: deadline } : {}), annotations };
      },
    });
    this.#journal = next;
  }

  /** Half of the time is over, or too little for a capture is left. */
  #isDue(): boolean {
    if (new Date(this.#journal.deadline).getTime() >= this.#lastMs) return false;
    return this.#leftMs() < Math.max(this.#spanMs / 2, this.#paused ? limits.captureReserveMs : 0);
  }

  #leftMs(): number {
    return new Date(this.#journal.deadline).getTime() - this.#server.nowMs();
  }

  async #read(signal: AbortSignal): Promise<Answered<HostedCluster>> {
    const cluster = this.#world.cluster.withSignal(signal);
    const current = await this.#server.readFresh(() => cluster.findHostedCluster(this.ref));
    if (current === undefined) throw holdLost(this.ref, "it was deleted");
    this.#judge(current);
    return current;
  }

  /** Judges the journal of an answer by the time of that answer. */
  #judge(current: Answered<HostedCluster>): void {
    const apart = this.#server.see(current.answeredAt);
    const { nonce } = this.#journal;
    const deadline = judgeHold(current, { nonce, deadlines: this.#deadlines, paused: this.#paused, apart });
    // A patch of this run whose answer was lost may have set a newer deadline: the journal in the cluster tells it.
    this.#journal = { ...this.#journal, deadline };
  }
}
