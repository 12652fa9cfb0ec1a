import { AsyncLocalStorage } from "node:async_hooks";
import type { Clock, Log } from "../ports.ts";
import { renderLine } from "../shown-text.ts";

/** The part of @actions/core that the log needs. */
interface CoreLog {
  info(message: string): void;
  warning(message: string): void;
  debug(message: string): void;
  group<T>(name: string, run: () => Promise<T>): Promise<T>;
}

/** A group of the log that has ended. */
export interface Phase {
  readonly title: string;
  readonly seconds: number;
  /** Its last line, by which a phase says what was done; absent where it logged none. */
  readonly result?: string;
}

/**
 * The Log of the use cases on the runner's log; each message is one line, each warning an annotation. Every group is
 * appended to `phases` when it ends.
 */
export function createLog(core: CoreLog, clock: Clock, phases: Phase[]): Log {
  // A line belongs to the group of the work that logs it, whatever runs beside that.
  const current = new AsyncLocalStorage<{ result?: string }>();
  return {
    info: (message) => {
      const line = renderLine(message);
      const group = current.getStore();
      if (group) group.result = line;
      core.info(line);
    },
    warning: (message) => {
      core.warning(renderLine(message));
    },
    debug: (message) => {
      core.debug(renderLine(message));
    },
    group: async (name, run) => {
      const title = renderLine(name);
      const startedMs = clock.nowMs();
      const group: { result?: string } = {};
      try {
        return await core.group(title, () => current.run(group, run));
      } finally {
        phases.push({ title, seconds: (clock.nowMs() - startedMs) / 1000, ...group });
      }
    },
  };
}
