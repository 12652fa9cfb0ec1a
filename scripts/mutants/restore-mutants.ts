import type { freshPeers } from "../../src/hypershift/etcd-peers.ts";
import type { acceptFindings } from "../../src/restore/findings.ts";
import type { proveKnown } from "../../src/snapshots/recorded-proof.ts";
import type { compareHashes } from "../../src/verify-restore/hash-kv.ts";
import { memory, unit, type Mutant } from "./mutant.ts";

const told = (row: string): ReturnType<typeof memory> =>
  memory("verify-restore/verify-restore", `what is not the old cluster is told for what it is ${row}`);

/** Mistakes that would render a restore which cannot succeed, or take a restored cluster for the old one. */
export const restoreMutants: readonly Mutant[] = [
  {
    breaks: "restorable",
    name: "restore-render renders a snapshot that fails its proof",
    module: "src/snapshots/recorded-proof.ts",
    exported: "proveKnown",
    change:
      (sound: typeof proveKnown) =>
      (...args: Parameters<typeof proveKnown>): Promise<unknown> =>
        sound(...args).catch(() => ({ ...args[1], revision: 1, encrypted: { values: 0, checked: 0, groups: [] } })),
    killer: memory(
      "restore/wrong-restores",
      "wrong: store, URL, pin or path a rotten object is snapshot-changed, and nothing is written",
    ),
  },
  {
    breaks: "restorable",
    name: "restore-render accepts every refusal for one code",
    module: "src/restore/findings.ts",
    exported: "acceptFindings",
    change: (): typeof acceptFindings => (findings, accepted) =>
      accepted.length === 0 ? findings : findings.map((finding) => ({ ...finding, verdict: "warning" })),
    killer: unit(
      "restore/release-guards",
      "three members that may become three clusters are refused, or a warning where that is accepted: before the fix",
    ),
  },
  {
    breaks: "restorable",
    name: "verify-restore does not know the ids of an etcd that started empty",
    module: "src/hypershift/etcd-peers.ts",
    exported: "freshPeers",
    change:
      (sound: typeof freshPeers): typeof freshPeers =>
      (...args) => ({ ...sound(...args), token: "another" }),
    killer: told("one member that started empty beside restored ones: etcd-not-restored"),
  },
  {
    breaks: "restorable",
    name: "verify-restore believes any HashKV",
    module: "src/verify-restore/hash-kv.ts",
    exported: "compareHashes",
    change: (): typeof compareHashes => () => Promise.resolve({ shown: true, text: "as the snapshot predicts" }),
    killer: told("one member with other data: members-diverged"),
  },
];
