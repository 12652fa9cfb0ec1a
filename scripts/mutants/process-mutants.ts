import type { createStep, runPost } from "../../__tests__/world/memory-world/step.ts";
import type { isDead } from "../../src/hold/journal.ts";
import { memory, row, unit, type Mutant } from "./mutant.ts";

const step = "__tests__/world/memory-world/step.ts";
const journal = "src/hold/journal.ts";

/** Mistakes that show in what a process says and leaves behind on the runner, and in what it believes of a journal. */
export const processMutants: readonly Mutant[] = [
  {
    breaks: "never left down",
    name: "main writes down nothing for the post step",
    module: step,
    exported: "createStep",
    change:
      (sound: typeof createStep): typeof createStep =>
      (...args) => {
        const made = sound(...args);
        made.state.set = () => made.state;
        return made;
      },
    killer: row("hold: stop the writers"),
  },
  {
    breaks: "never left down",
    name: "the post step puts nothing back",
    module: step,
    exported: "runPost",
    change: () => (): ReturnType<typeof runPost> => Promise.resolve({ kind: "green" }),
    killer: row("hold: stop the writers"),
  },
  {
    breaks: "nothing leaks",
    name: "a secret is not masked",
    module: step,
    exported: "createStep",
    change:
      (sound: typeof createStep): typeof createStep =>
      (...args) => {
        const made = sound(...args);
        made.secrets.push = () => 0;
        return made;
      },
    killer: memory("encryption/secrets", "the AES key and the signed URL are masked"),
  },
  {
    breaks: "I3",
    name: "a journal is believed, whatever it says",
    module: journal,
    exported: "parseJournal",
    change: () => (text: string) => JSON.parse(text) as unknown,
    killer: unit("hold/journal", "what anyone could have written is refused a nonce that is a path"),
  },
  {
    breaks: "never left down",
    name: "a journal never dies",
    module: journal,
    exported: "isDead",
    change: (): typeof isDead => () => false,
    killer: unit("hold/journal", "a journal is dead from its deadline on"),
  },
];
