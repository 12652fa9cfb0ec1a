import type { ManagementCluster, SnapshotStore } from "../../src/ports.ts";

/** What must hold: an invariant of the hold, or a promise to the user; docs/architecture.md has both. */
export type Rule = "I1" | "I2" | "I3" | "I4" | "I5" | "never left down" | "restorable" | "nothing leaks";

/** One mistake made on purpose, and the test that finds it. */
export interface Mutant {
  readonly breaks: Rule;
  /** What is wrong then. */
  readonly name: string;
  /** The file whose export is another one for whoever imports it. */
  readonly module: string;
  readonly exported: string;
  /** Makes the mistaken export from the sound one. */
  readonly change: (sound: never) => unknown;
  readonly killer: Killer;
}

export interface Killer {
  readonly file: string;
  /** Its full name, as the report of vitest has it. */
  readonly test: string;
}

/** The row of the fault matrix of a phase. */
export function row(phase: string): Killer {
  return memory("matrix", `${phase}: each fault ends as its cell says`);
}

/** A test in a file of `__tests__/memory`. */
export function memory(file: string, test: string): Killer {
  return { file: `__tests__/memory/${file}.test.ts`, test };
}

/** A test in a file of `__tests__/unit`. */
export function unit(file: string, test: string): Killer {
  return { file: `__tests__/unit/${file}.test.ts`, test };
}

/** What a mistake makes of some calls of a port; called once for each process that gets the port, so that it can remember. */
export type Mistake<Port> = () => (sound: Port) => Partial<Port>;

/** A mistake as it shows in what the action sends to the management cluster, and takes from it. */
export function onCluster(breaks: Rule, name: string, mistake: Mistake<ManagementCluster>, killer: Killer): Mutant {
  const module = "__tests__/world/memory-world/cluster-port.ts";
  return { breaks, name, module, exported: "createMemoryCluster", change: decorate(mistake), killer };
}

/** The same for the object store. */
export function onStore(breaks: Rule, name: string, mistake: Mistake<SnapshotStore>, killer: Killer): Mutant {
  const module = "__tests__/world/memory-world/store-port.ts";
  return { breaks, name, module, exported: "createMemoryStore", change: decorate(mistake), killer };
}

function decorate<Port extends { withSignal(signal: AbortSignal): Port }>(mistake: Mistake<Port>) {
  return (create: (...args: readonly unknown[]) => Port) =>
    (...args: readonly unknown[]): Port => {
      const change = mistake();
      const wrap = (sound: Port): Port => ({
        ...sound,
        ...change(sound),
        withSignal: (signal: AbortSignal) => wrap(sound.withSignal(signal)),
      });
      return wrap(create(...args));
    };
}
