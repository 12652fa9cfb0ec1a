import { ActionError, hasCode } from "../errors.ts";
import { findCondition, type HostedCluster } from "../hypershift/hosted-cluster.ts";
import { journalAnnotation, renderJournal, type Journal, type Phase } from "../hypershift/journal.ts";
import { isPausing } from "../hypershift/pause.ts";
import { raiseWriters, resumeReconciliation, findJournal } from "../recover/put-back.ts";
import { formatTime } from "../snapshot/location.ts";
import { limits } from "../time-limits.ts";
import type { BackupPlan } from "./preflight.ts";
import type { BackupWorld } from "./world.ts";

const conflictTries = 5;
const lostToOthers =
  "find out who changes the hosted cluster (GitOps, another pipeline, a human) and keep them away during a backup";
const lostToTime = "find out what kept the run waiting (the API server, slow pods), then run again";

/**
 * The lock on a hosted cluster, and its pause while `paused`: one journal in the cluster, renewed at half-life.
 * It never sets `"true"`: a run that dies is outlived by a deadline, after which HyperShift resumes by itself.
 */
export class Hold {
  readonly #plan: BackupPlan;
  readonly #world: BackupWorld;
  readonly #lastDeadline: Date;
  /** How far the API server's clock is ahead of this machine's. */
  readonly #clockOffsetMs: number;
  /** Of every journal that this run wrote, or tried to. */
  readonly #deadlines = new Set<string>();
  #journal: Journal;
  #paused: boolean;
  /** Of the pause that was set last: HyperShift acts on it. An earlier one was confirmed where it is `renewed`. */
  #gate: "new" | "renewed" | "confirmed" = "new";
  #renewal: Promise<void> | undefined;

  private constructor(
    plan: BackupPlan,
    world: BackupWorld,
    journal: Journal,
    options: { paused: boolean; lastDeadline: Date; clockOffsetMs: number },
  ) {
    this.#plan = plan;
    this.#world = world;
    this.#journal = journal;
    this.#deadlines.add(journal.deadline);
    this.#paused = options.paused;
    this.#lastDeadline = options.lastDeadline;
    this.#clockOffsetMs = options.clockOffsetMs;
  }

  /**
   * Takes the lock by one merge patch with the resource version that was looked at; with `maxPauseMs` it pauses the
   * hosted cluster as well. Throws `hold-conflict` when somebody else was faster.
   */
  static async acquire(
    plan: BackupPlan,
    world: BackupWorld,
    options: { readonly maxPauseMs: number | undefined },
  ): Promise<Hold> {
    const { hostedCluster: ref } = plan;
    const paused = options.maxPauseMs !== undefined;
    for (let attempt = 1; ; attempt += 1) {
      const current = await world.cluster.findHostedCluster(ref);
      const now = await world.cluster.readServerTime();
      const clockOffsetMs = now.getTime() - world.clock.nowMs();
      const owner = current && findJournal(current, now);
      const lastDeadline = new Date(plan.acquired.getTime() + (options.maxPauseMs ?? Number.MAX_SAFE_INTEGER / 4));
      if (owner?.nonce === plan.nonce) return new Hold(plan, world, owner, { paused, lastDeadline, clockOffsetMs });
      if (current === undefined || owner !== undefined || isPausing(current.pausedUntil, now))
        throw new ActionError(
          "hold-conflict",
          `hosted cluster ${ref.namespace}/${ref.name} was taken by someone else a moment ago`,
          {
            hint: `wait for ${owner?.run.url || "them"} to end${owner === undefined ? "" : `, or until ${owner.deadline}`}, then run again; nothing was changed`,
          },
        );
      const journal = firstJournal(plan, world, {
        pausedUntil: current.pausedUntil ?? null,
        deadline: new Date(Math.min(now.getTime() + (paused ? plan.holdMs : limits.lockMs), lastDeadline.getTime())),
        paused,
      });
      world.saveJournal(journal);
      try {
        await world.cluster.patchHostedCluster(
          ref,
          {
            ...(paused ? { pausedUntil: journal.deadline } : {}),
            annotations: { [journalAnnotation]: renderJournal(journal) },
          },
          { resourceVersion: current.resourceVersion },
        );
        return new Hold(plan, world, journal, { paused, lastDeadline, clockOffsetMs });
      } catch (error) {
        // The answer may have been lost after the patch was applied: the next look tells by the nonce.
        if (!hasCode(error, "hold-conflict", "cluster-unreachable") || attempt >= conflictTries) throw error;
      }
    }
  }

  /** What to put back, as the cluster knows it. */
  get journal(): Journal {
    return this.#journal;
  }

  /** The API server's clock, reckoned from its answer to the acquire. */
  now(): Date {
    return new Date(this.#serverNowMs());
  }

  /**
   * Waits until HyperShift has stopped reconciling. Only the HostedControlPlane tells, in one look: the value, the
   * condition and its generation; the HostedCluster says "paused" before the operator that scales has stopped.
   */
  async confirmPause(): Promise<void> {
    const { cluster, clock, signal } = this.#world;
    const ref = { namespace: this.#plan.controlPlaneNamespace, name: this.#plan.hostedCluster.name };
    const giveUpMs = clock.nowMs() + limits.pauseConfirmedMs;
    for (;;) {
      const controlPlane = await cluster.findHostedControlPlane(ref);
      const copied = controlPlane?.pausedUntil === this.#journal.deadline;
      const condition = controlPlane && findCondition(controlPlane.conditions, "ReconciliationActive");
      if (copied && condition?.status === "False" && condition.observedGeneration === controlPlane.generation) {
        this.#gate = "confirmed";
        return;
      }
      if (clock.nowMs() >= giveUpMs)
        throw new ActionError(
          "pause-not-confirmed",
          `HyperShift did not confirm the pause of ${ref.name} within ${String(limits.pauseConfirmedMs / 1000)} s: ` +
            (copied ? "its control-plane-operator did not answer" : "its hypershift-operator did not copy it"),
          {
            hint:
              `look at the ${copied ? "control-plane-operator in " + ref.namespace : "operator in namespace hypershift"}; ` +
              (this.#gate === "new" ? "nothing was stopped" : "the API servers are put back"),
          },
        );
      await clock.sleep(limits.pollMs, signal);
    }
  }

  /**
   * Writes the phase that begins, and renews the deadline when half of its time is over, or too little for a capture is
   * left, also where that came about while this was under way. Throws `hold-lost` unless `reserveMs` are left then.
   */
  async enter(phase: Phase, reserveMs = 0): Promise<void> {
    const { cluster } = this.#world;
    const spanMs = this.#paused ? this.#plan.holdMs : limits.lockMs;
    for (let attempt = 1; ; attempt += 1) {
      const current = await cluster.findHostedCluster(this.#plan.hostedCluster);
      this.#checkHeld(current);
      const renew = this.#isDue();
      const renewedMs = Math.min(this.#serverNowMs() + spanMs, this.#paused ? this.#lastDeadline.getTime() : Infinity);
      const deadline = renew ? formatTime(new Date(renewedMs)) : this.#journal.deadline;
      const next: Journal = { ...this.#journal, phase, deadline };
      this.#world.saveJournal(next);
      this.#deadlines.add(deadline);
      try {
        await cluster.patchHostedCluster(
          this.#plan.hostedCluster,
          {
            ...(this.#paused && renew ? { pausedUntil: deadline } : {}),
            annotations: { [journalAnnotation]: renderJournal(next) },
          },
          current === undefined ? {} : { resourceVersion: current.resourceVersion },
        );
        this.#journal = next;
        if (this.#paused && renew) this.#gate = "renewed";
        if (!this.#isConfirmed()) await this.confirmPause();
        if (!renew && this.#isDue()) continue;
        this.#assertLeft(reserveMs);
        return;
      } catch (error) {
        if (!hasCode(error, "hold-conflict") || attempt >= conflictTries) throw error;
      }
    }
  }

  /**
   * Renews the lock when it is due, and has the pause confirmed where that could not be asked for; asks nothing of the
   * cluster otherwise. An API server that is away is waited for as long as the deadline is not near.
   */
  async keep(): Promise<void> {
    if (!this.#isDue() && this.#isConfirmed()) return;
    this.#renewal ??= this.enter(this.#journal.phase).finally(() => {
      this.#renewal = undefined;
    });
    try {
      await this.#renewal;
    } catch (error) {
      if (!hasCode(error, "cluster-unreachable") || this.#leftMs() < limits.holdSlackMs) throw error;
    }
  }

  /** The hosted cluster as it is. Throws `hold-lost` unless it is held by this run, with at least `reserveMs` left. */
  async assertHeld(reserveMs = 0, signal = this.#world.signal): Promise<HostedCluster> {
    const current = this.#checkHeld(
      await this.#world.cluster.withSignal(signal).findHostedCluster(this.#plan.hostedCluster),
    );
    this.#assertLeft(reserveMs);
    return current;
  }

  /** Original replicas first, then the original pause: waiting for HyperShift to restore them one by one is slower. */
  async release(): Promise<void> {
    const { hostedCluster: ref, controlPlaneNamespace: namespace } = this.#plan;
    await raiseWriters(this.#world, namespace, this.#journal.original.replicas);
    const released = await resumeReconciliation(this.#world, ref, this.#journal, "transfer");
    if (released === undefined) throw this.#lost("its journal was taken away or replaced");
    this.#paused = false;
    this.#journal = released;
    this.#deadlines.add(released.deadline);
    this.#world.saveJournal(released);
  }

  #isConfirmed(): boolean {
    return !this.#paused || this.#gate !== "renewed";
  }

  #isDue(): boolean {
    const spanMs = this.#paused ? this.#plan.holdMs : limits.lockMs;
    const deadlineMs = new Date(this.#journal.deadline).getTime();
    const exhausted = this.#paused && deadlineMs >= this.#lastDeadline.getTime();
    return !exhausted && this.#leftMs() < Math.max(spanMs / 2, this.#paused ? limits.captureReserveMs : 0);
  }

  #checkHeld(current: HostedCluster | undefined): HostedCluster {
    if (current === undefined) throw this.#lost("it was deleted");
    const journal = findJournal(current, new Date(this.#serverNowMs()));
    if (journal === undefined) throw this.#lost("its journal was taken away");
    if (journal.nonce !== this.#journal.nonce) throw this.#lost("another run took it over");
    // A recovery writes the journal before it looks for what may be removed.
    if (!this.#deadlines.has(journal.deadline)) throw this.#lost("a recovery took this run for a dead one");
    // A patch of this run whose answer was lost may have set a newer deadline: the journal in the cluster tells it.
    if (this.#paused && current.pausedUntil !== journal.deadline)
      throw this.#lost(`spec.pausedUntil was changed to ${JSON.stringify(current.pausedUntil ?? null)}`);
    if (this.#paused && new Date(journal.deadline).getTime() <= this.#serverNowMs())
      throw this.#lost("its deadline passed", lostToTime);
    return current;
  }

  #assertLeft(reserveMs: number): void {
    const leftMs = this.#leftMs();
    if (this.#paused && leftMs < reserveMs)
      throw this.#lost(`only ${String(Math.max(0, Math.round(leftMs / 1000)))} s of the pause were left`, lostToTime);
  }

  #leftMs(): number {
    return new Date(this.#journal.deadline).getTime() - this.#serverNowMs();
  }

  #serverNowMs(): number {
    return this.#world.clock.nowMs() + this.#clockOffsetMs;
  }

  #lost(how: string, hint = lostToOthers): ActionError {
    const { namespace, name } = this.#plan.hostedCluster;
    return new ActionError("hold-lost", `the hold of ${namespace}/${name} was lost: ${how}`, { hint });
  }
}

function firstJournal(
  plan: BackupPlan,
  world: BackupWorld,
  hold: { readonly pausedUntil: string | null; readonly deadline: Date; readonly paused: boolean },
): Journal {
  const { repository, runId, runAttempt, url } = world.run;
  return {
    v: 1,
    nonce: plan.nonce,
    run: { repository, runId, runAttempt, url },
    acquired: formatTime(plan.acquired),
    deadline: formatTime(hold.deadline),
    phase: hold.paused ? "hold" : "capture",
    original: {
      pausedUntil: hold.pausedUntil,
      replicas: hold.paused ? Object.fromEntries(plan.writers.map(({ name, replicas }) => [name, replicas])) : {},
    },
    members: [plan.member.pod],
  };
}
