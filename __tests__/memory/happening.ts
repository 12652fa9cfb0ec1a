import fc from "fast-check";
import { journalAnnotation } from "../../src/hold/journal.ts";
import type { MemoryWorld } from "../world/memory-world/world.ts";
import { writers } from "../world/memory-world/world.ts";

const plainKinds = [
  "revert",
  "strip",
  "resume",
  "touch",
  "restart pod",
  "rescale",
  "cancel",
  "kill",
  "lose",
  "recover",
] as const;
type PlainKind = (typeof plainKinds)[number];

/** Something that others do, or that befalls the first run, while it runs. Times are milliseconds. */
export type Happening = { readonly atMs: number } & (
  | { readonly kind: PlainKind }
  | { readonly kind: "pause"; readonly until: string }
  | { readonly kind: "scale up"; readonly writer: string; readonly replicas: number }
  | {
      readonly kind: "operator";
      readonly which: "hypershiftOperator" | "controlPlaneOperator";
      readonly deadMs: number;
    }
  | { readonly kind: "slow copy"; readonly copyDelayMs: number }
  | { readonly kind: "outage"; readonly forMs: number }
  | { readonly kind: "second run"; readonly quiesce: boolean }
);

const far = "2031-01-01T00:00:00Z";

const atMs = fc.integer({ min: 0, max: 4000 });

export const happenings: fc.Arbitrary<readonly Happening[]> = fc.array(
  fc.oneof(
    { weight: 3, arbitrary: fc.record({ atMs, kind: fc.constantFrom(...plainKinds) }) },
    {
      weight: 1,
      arbitrary: fc.record({ atMs, kind: fc.constant("pause" as const), until: fc.constantFrom("true", far) }),
    },
    fc.record({
      atMs,
      kind: fc.constant("scale up" as const),
      writer: fc.constantFrom(...writers),
      replicas: fc.integer({ min: 1, max: 5 }),
    }),
    fc.record({
      atMs,
      kind: fc.constant("operator" as const),
      which: fc.constantFrom("hypershiftOperator" as const, "controlPlaneOperator" as const),
      deadMs: fc.constantFrom(500, 20_000, 400_000),
    }),
    fc.record({ atMs, kind: fc.constant("slow copy" as const), copyDelayMs: fc.constantFrom(2_000, 60_000) }),
    fc.record({ atMs, kind: fc.constant("outage" as const), forMs: fc.constantFrom(300, 5_000, 100_000) }),
    fc.record({ atMs, kind: fc.constant("second run" as const), quiesce: fc.boolean() }),
  ),
  { minLength: 1, maxLength: 5 },
);

/** Does what others do to the cluster; what befalls runs is not done here. */
export function happen(world: MemoryWorld, happening: Happening): void {
  switch (happening.kind) {
    case "revert":
      world.patchHostedCluster({
        metadata: { annotations: { [journalAnnotation]: null } },
        spec: { pausedUntil: null },
      });
      break;
    case "strip":
      world.patchHostedCluster({ metadata: { annotations: { [journalAnnotation]: null } } });
      break;
    case "resume":
      world.patchHostedCluster({ spec: { pausedUntil: null } });
      break;
    case "pause":
      world.patchHostedCluster({ spec: { pausedUntil: happening.until } });
      break;
    case "touch":
      world.patchHostedCluster({ metadata: { labels: { touched: String(happening.atMs) } } });
      break;
    case "scale up":
      if ((world.replicas[happening.writer] ?? 0) < happening.replicas)
        world.scale(happening.writer, happening.replicas);
      break;
    case "restart pod":
      for (const pod of world.pods.values()) pod.restart();
      break;
    case "operator":
      world.set({ [happening.which]: "dead" });
      world.timeline.after(happening.deadMs, () => {
        world.set({ [happening.which]: "alive" });
      });
      break;
    case "slow copy":
      world.set({ copyDelayMs: happening.copyDelayMs });
      break;
    case "rescale":
      world.set({ rescalesWhilePaused: "once" });
      break;
    default:
      break;
  }
}
