import { ActionError, hasCode } from "../errors.ts";
import { controlPlaneNamespace, findCondition } from "../hypershift/hosted-cluster.ts";
import { limits } from "../time-limits.ts";
import { beside } from "./beside.ts";
import type { HoldWorld, Lock } from "./lock.ts";
import { raiseWriters, resumeReconciliation } from "./put-back.ts";

/** The pause of a hosted cluster under a lock: the gate before anything is stopped, and the release. */
export class Pause {
  readonly #lock: Lock;
  readonly #world: HoldWorld;
  /** The deadline with which HyperShift was seen to have stopped reconciling. */
  #confirmed: string | undefined;

  constructor(lock: Lock, world: HoldWorld) {
    this.#lock = lock;
    this.#world = world;
  }

  /**
   * Waits until HyperShift has stopped reconciling by the pause that was set last. Only the HostedControlPlane tells, in one
   * look: the value, the condition and its generation; the HostedCluster says "paused" before the operator that scales has
   * stopped. Throws `pause-not-confirmed`.
   */
  async confirm(signal = this.#world.signal): Promise<void> {
    const { clock } = this.#world;
    const cluster = this.#world.cluster.withSignal(signal);
    const { namespace, name } = this.#lock.ref;
    const ref = { namespace: controlPlaneNamespace(namespace, name), name };
    const giveUpMs = clock.nowMs() + limits.pauseConfirmedMs;
    while (!this.#isConfirmed()) {
      const { deadline } = this.#lock.journal;
      const controlPlane = await cluster.findHostedControlPlane(ref);
      const copied = controlPlane?.pausedUntil === deadline;
      const condition = controlPlane && findCondition(controlPlane.conditions, "ReconciliationActive");
      if (copied && condition?.status === "False" && condition.observedGeneration === controlPlane.generation) {
        this.#confirmed = deadline;
        continue;
      }
      if (clock.nowMs() >= giveUpMs)
        throw new ActionError(
          "pause-not-confirmed",
          `HyperShift did not confirm the pause of ${name} within ${String(limits.pauseConfirmedMs / 1000)} s: ` +
            (copied ? "its control-plane-operator did not answer" : "its hypershift-operator did not copy it"),
          {
            hint:
              `look at the ${copied ? "control-plane-operator in " + ref.namespace : "operator in namespace hypershift"}; ` +
              (this.#confirmed === undefined ? "nothing was stopped" : "the API servers are put back"),
          },
        );
      await clock.sleep(limits.pollMs, signal);
    }
  }

  /** The result of `work`, while each renewed pause is confirmed beside it. Throws `pause-not-confirmed`. */
  during<T>(work: (signal: AbortSignal) => Promise<T>): Promise<T> {
    return beside(this.#world.signal, [(signal) => this.#keep(signal)], work);
  }

  /**
   * To be called right before an order that stops something. Throws `hold-lost` unless the pause is confirmed and held, with
   * at least `reserveMs` left.
   */
  async assertMayStop(reserveMs: number): Promise<void> {
    await this.confirm();
    await this.#lock.assertHeld({ reserveMs });
  }

  /** Original replicas first, then the original pause: waiting for HyperShift to restore them one by one is slower. */
  async release(): Promise<void> {
    const { ref, journal } = this.#lock;
    const namespace = controlPlaneNamespace(ref.namespace, ref.name);
    await raiseWriters(this.#world, namespace, journal.original.replicas);
    await this.#lock.endPause((held) => resumeReconciliation(this.#world, { ref, held, phase: "transfer" }));
    this.#confirmed = this.#lock.journal.deadline;
  }

  #isConfirmed(): boolean {
    return this.#confirmed === this.#lock.journal.deadline;
  }

  async #keep(signal: AbortSignal): Promise<void> {
    for (;;) {
      await this.#world.clock.sleep(limits.lockTickMs, signal);
      // An API server that is away is waited for: the lock knows for how long.
      await this.confirm(signal).catch((error: unknown) => {
        if (!hasCode(error, "cluster-unreachable")) throw error;
      });
    }
  }
}
