import { setTimeout as delay } from "node:timers/promises";
import type { EtcdClient } from "../etcd/client.ts";

/** A write that etcd has confirmed. */
export interface AcknowledgedWrite {
  /** 1 for a writer's first write, and one more each time. */
  readonly count: number;
  readonly revision: number;
  /** Milliseconds since the epoch. */
  readonly at: number;
}

/** A write costs 2 ms of a core in etcd and here together: three writers that never pause would take a quarter of one. */
const pauseMs = 100;

export function counterKey(writer: string): string {
  return `/kubernetes.io/configmaps/writers/${writer}`;
}

/** The number in a value that a writer wrote; undefined for other values. */
export function parseCounter(value: Buffer): number | undefined {
  const digits = /^k8s\0count=(\d+)$/.exec(value.toString("latin1"))?.[1];
  return digits === undefined ? undefined : Number(digits);
}

/**
 * The API servers' writes to etcd: for each deployment one counter, put as long as a pod of it is there, and once more
 * just before the last one is gone, so that no snapshot taken too early has it. What etcd acknowledged is noted, and a
 * snapshot can be held against it.
 */
export class Writers {
  readonly #client: EtcdClient;
  /** All writes of each writer that were acknowledged, oldest first. */
  readonly acknowledged: Readonly<Record<string, AcknowledgedWrite[]>>;
  /** The last of them at each stop. */
  readonly lastWrites: Readonly<Record<string, AcknowledgedWrite[]>>;
  readonly #running = new Map<string, { readonly end: AbortController; readonly ended: Promise<void> }>();

  constructor(client: EtcdClient, writers: readonly string[]) {
    this.#client = client;
    const lists = (): Record<string, AcknowledgedWrite[]> =>
      Object.fromEntries(writers.map((writer): [string, AcknowledgedWrite[]] => [writer, []]));
    this.acknowledged = lists();
    this.lastWrites = lists();
  }

  start(writer: string): void {
    const before = this.#running.get(writer);
    if (before?.end.signal.aborted === false) return;
    const end = new AbortController();
    const ended = (before?.ended ?? Promise.resolve()).then(() => this.#write(writer, end.signal));
    this.#running.set(writer, { end, ended });
  }

  /** Resolves when the last write is answered: none comes after it. */
  async stop(writer: string): Promise<void> {
    const running = this.#running.get(writer);
    if (!running) return;
    if (running.end.signal.aborted) return running.ended;
    running.end.abort();
    await running.ended;
    const last = this.acknowledged[writer]?.at(-1);
    if (last) this.lastWrites[writer]?.push(last);
  }

  async close(): Promise<void> {
    await Promise.all([...this.#running.keys()].map((writer) => this.stop(writer)));
  }

  async #write(writer: string, end: AbortSignal): Promise<void> {
    const writes = this.acknowledged[writer] ?? [];
    for (;;) {
      const isLast = end.aborted;
      const count = writes.length + 1;
      try {
        const revision = await this.#client.put(counterKey(writer), `k8s\0count=${String(count)}`);
        writes.push({ count, revision, at: Date.now() });
      } catch {
        // etcd is away: an API server tries again.
      }
      if (isLast) return;
      await delay(pauseMs, undefined, { signal: end }).catch(() => undefined);
    }
  }
}
