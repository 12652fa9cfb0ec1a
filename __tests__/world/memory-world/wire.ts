import type { Machine } from "./machine.ts";
import type { Timeline } from "./timeline.ts";

/** Whom a request is for; `state` is the runner's file for the post step. */
export type Service = "cluster" | "exec" | "store" | "state";

/** One try of one request, as it leaves a machine. */
export interface WireRequest {
  /** From 1, in the order in which they are sent, over all machines. */
  readonly number: number;
  readonly service: Service;
  /** `patch hostedclusters`, `exec save`, `put part`. */
  readonly operation: string;
  readonly machine: Machine;
}

/**
 * What becomes of a request. `reset`: cut before it arrives; `lost`: cut after it took effect; `silent`: neither arrives nor
 * is answered; `late`: silent, and takes effect a minute later; `busy`: answered with 503; `refused`: answered with 403; `barred`: answered so by a proxy.
 */
export type Fate = "answered" | "reset" | "lost" | "silent" | "late" | "busy" | "refused" | "barred";

export interface Verdict {
  readonly fate: Fate;
  /** Called when the request has taken effect, before its answer is on its way. */
  readonly onEffect?: () => void;
}

/** Decides about each request when it is sent; undefined: it is answered. */
export type Weather = (request: WireRequest) => Verdict | undefined;

export type Answer<T> =
  | { readonly kind: "value"; readonly value: T }
  | { readonly kind: "error"; readonly error: unknown }
  | { readonly kind: "cut" | "silent" | "busy" | "refused" | "barred" };

const lateMs = 60_000;

/** What lies between the machines and the services: numbers the requests, and does with them what the weather says. */
export class Wire {
  readonly #timeline: Timeline;
  readonly #weather: Weather;
  readonly #latencyMs: (request: WireRequest) => number;
  /** Every request so far. */
  readonly requests: WireRequest[] = [];

  constructor(timeline: Timeline, weather: Weather, latencyMs: (request: WireRequest) => number) {
    this.#timeline = timeline;
    this.#weather = weather;
    this.#latencyMs = latencyMs;
  }

  /**
   * Sends one try; it ends as `silent` after `timeoutMs`, or `silentMs` where nothing at all comes back. What `effect`
   * throws is the service's answer.
   */
  async send<T>(
    sent: { readonly service: Service; readonly operation: string; readonly machine: Machine },
    timeoutMs: number,
    effect: () => T | Promise<T>,
    silentMs = timeoutMs,
  ): Promise<Answer<T>> {
    await sent.machine.awake();
    const answer = await this.#sendNow(sent, { timeoutMs, silentMs }, effect);
    await sent.machine.awake();
    return answer;
  }

  async #sendNow<T>(
    sent: { readonly service: Service; readonly operation: string; readonly machine: Machine },
    { timeoutMs, silentMs }: { readonly timeoutMs: number; readonly silentMs: number },
    effect: () => T | Promise<T>,
  ): Promise<Answer<T>> {
    const request = this.#number(sent);
    const { fate, onEffect } = this.#weather(request) ?? { fate: "answered" };
    if (!sent.machine.alive) return new Promise(() => undefined);
    const wayMs = this.#latencyMs(request) / 2;
    await this.#timeline.sleep(wayMs);
    switch (fate) {
      case "reset":
        return { kind: "cut" };
      case "busy":
      case "refused":
      case "barred":
        await this.#timeline.sleep(wayMs);
        return { kind: fate };
      case "silent":
      case "late":
        if (fate === "late") this.#timeline.after(lateMs, () => void perform(effect));
        await this.#timeline.sleep(silentMs);
        return { kind: "silent" };
      case "answered":
      case "lost": {
        const answer = perform(effect);
        onEffect?.();
        const ended = await this.#within(timeoutMs, answer);
        await this.#timeline.sleep(wayMs);
        return fate === "lost" ? { kind: "cut" } : ended;
      }
    }
  }

  /** A write to this machine's own disk, done when the call returns; throws where it cannot be done. */
  write(sent: { readonly operation: string; readonly machine: Machine }, effect: () => void): void {
    const { fate, onEffect } = this.#weather(this.#number({ ...sent, service: "state" })) ?? { fate: "answered" };
    if (!sent.machine.alive) return;
    if (fate !== "answered") throw new Error("no space left on device");
    effect();
    onEffect?.();
  }

  #within<T>(timeoutMs: number, answer: Promise<Answer<T>>): Promise<Answer<T>> {
    return new Promise((resolve) => {
      const callOff = this.#timeline.after(timeoutMs, () => {
        resolve({ kind: "silent" });
      });
      void answer.then((ended) => {
        callOff();
        resolve(ended);
      });
    });
  }

  #number(sent: Omit<WireRequest, "number">): WireRequest {
    const request = { ...sent, number: this.requests.length + 1 };
    this.requests.push(request);
    return request;
  }
}

async function perform<T>(effect: () => T | Promise<T>): Promise<Answer<T>> {
  try {
    return { kind: "value", value: await effect() };
  } catch (error) {
    return { kind: "error", error };
  }
}
