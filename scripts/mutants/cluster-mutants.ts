import { journalAnnotation, parseJournal } from "../../src/hold/journal.ts";
import type { ManagementCluster } from "../../src/ports.ts";
import { memory, onCluster, row, type Mutant } from "./mutant.ts";

type Written = Parameters<ManagementCluster["patchHostedCluster"]>[1];
type Options = Parameters<ManagementCluster["patchHostedCluster"]>[2];

/** Changes what is written to the hosted cluster; undefined: it is not sent. */
function rewritten(change: (patch: Written, options: Options) => Written | undefined) {
  return (sound: ManagementCluster): Partial<ManagementCluster> => ({
    patchHostedCluster: async (ref, patch, options) => {
      const changed = change(patch, options);
      if (changed !== undefined) return sound.patchHostedCluster(ref, changed, options);
      const found = await sound.findHostedCluster(ref);
      if (found === undefined) throw new Error("there is no hosted cluster");
      return found;
    },
  });
}

function journalOf(patch: Written): string | undefined {
  return patch.annotations?.[journalAnnotation] ?? undefined;
}

function phaseOf(patch: Written): string | undefined {
  const text = journalOf(patch);
  return text === undefined ? undefined : parseJournal(text, undefined).phase;
}

/** The name of a script that runs in the pod: the argument after `sh -c` and its text. */
function scriptOf(argv: readonly string[]): string | undefined {
  return argv[3];
}

/** Mistakes that show in what is sent to the management cluster, and in what is asked of it. */
export const clusterMutants: readonly Mutant[] = [
  onCluster(
    "I1",
    "the pause goes out without the journal",
    () => rewritten((patch) => (typeof patch.pausedUntil === "string" ? { pausedUntil: patch.pausedUntil } : patch)),
    row("hold: pause"),
  ),
  onCluster(
    "I1",
    "a renewed pause outlasts max-pause",
    () => {
      let isRenewal = false;
      return rewritten((patch, options) => {
        if (typeof patch.pausedUntil !== "string" || options?.dryRun === true) return patch;
        const later = new Date(Date.parse(patch.pausedUntil) + 3_600_000).toISOString().replace(/\.\d+Z$/, "Z");
        const renewed = isRenewal ? { ...patch, pausedUntil: later } : patch;
        isRenewal = true;
        return renewed;
      });
    },
    memory("held-cluster", "a pause that is renewed again and again ends with max-pause"),
  ),
  onCluster(
    "I1",
    "writers are stopped before HyperShift has seen the pause",
    () => {
      let pausedUntil: string | undefined;
      return (sound) => ({
        patchHostedCluster: (ref, patch, options) => {
          if (options?.dryRun !== true && patch.pausedUntil !== undefined) pausedUntil = patch.pausedUntil ?? undefined;
          return sound.patchHostedCluster(ref, patch, options);
        },
        findHostedControlPlane: async (ref) => {
          const found = await sound.findHostedControlPlane(ref);
          if (found === undefined || pausedUntil === undefined) return found;
          const conditions = found.conditions.map((condition) =>
            condition.type === "ReconciliationActive"
              ? { ...condition, status: "False", observedGeneration: found.generation }
              : condition,
          );
          return { ...found, pausedUntil, conditions };
        },
      });
    },
    row("hold: pause is seen"),
  ),
  onCluster(
    "I2",
    "the pause has no end",
    () => rewritten((patch) => (typeof patch.pausedUntil === "string" ? { ...patch, pausedUntil: "true" } : patch)),
    row("hold: pause"),
  ),
  onCluster(
    "I3",
    "replicas that somebody raised are lowered",
    () => (sound) => ({
      findDeployment: async (ref) => {
        const found = await sound.findDeployment(ref);
        // No writer of HyperShift's has more than three.
        return found !== undefined && found.replicas > 3 ? { ...found, replicas: 0 } : found;
      },
    }),
    memory("held-cluster", "replicas that somebody raised above the original stay"),
  ),
  onCluster(
    "I3",
    "the lock goes on without a pause, and the pause stays",
    () =>
      rewritten((patch) =>
        patch.annotations && ["transfer", "cleanup"].includes(phaseOf(patch) ?? "")
          ? { annotations: patch.annotations }
          : patch,
      ),
    row("hold: stop the writers"),
  ),
  onCluster(
    "I3",
    "the journal stays",
    () => rewritten((patch) => (patch.annotations?.[journalAnnotation] === null ? undefined : patch)),
    row("clean-up: journal"),
  ),
  onCluster(
    "I4",
    "a snapshot is opened before the last pod of a writer is gone",
    () => () => ({ listPods: () => Promise.resolve([]) }),
    row("hold: pods are gone"),
  ),
  onCluster(
    "I5",
    "the hold is believed, and not looked at again",
    () => {
      let known: Awaited<ReturnType<ManagementCluster["findHostedCluster"]>>;
      return (sound) => ({
        findHostedCluster: async (ref) => known ?? sound.findHostedCluster(ref),
        patchHostedCluster: async (ref, patch, options) => {
          const written = await sound.patchHostedCluster(ref, patch, options);
          if (options?.dryRun !== true) known = written;
          return written;
        },
      });
    },
    row("capture: still held"),
  ),
  onCluster(
    "I5",
    "the lock is taken without the version that was looked at",
    () => (sound) => ({
      patchHostedCluster: (ref, patch, options) =>
        sound.patchHostedCluster(ref, patch, options?.dryRun === true ? { dryRun: true } : {}),
    }),
    memory("double-faults", "of two backups that begin at the same moment exactly one holds the cluster"),
  ),
  onCluster(
    "I5",
    "writers that start during the capture are not noticed",
    () => {
      const stopped = new Map<string, Awaited<ReturnType<ManagementCluster["findDeployment"]>>>();
      return (sound) => ({
        scaleDeployment: async (ref, replicas, options) => {
          await sound.scaleDeployment(ref, replicas, options);
          if (options?.dryRun === true) return;
          if (replicas === 0) stopped.set(ref.name, await sound.findDeployment(ref));
          else stopped.delete(ref.name);
        },
        findDeployment: async (ref) => stopped.get(ref.name) ?? sound.findDeployment(ref),
      });
    },
    row("capture: still held"),
  ),
  onCluster(
    "I5",
    "a lock is never renewed",
    () => {
      let phase: string | undefined;
      return rewritten((patch, options) => {
        const next = phaseOf(patch);
        if (next === undefined || options?.dryRun === true) return patch;
        const isRenewal = next === phase;
        phase = next;
        return isRenewal ? undefined : patch;
      });
    },
    memory("lock", "the lock outlives a proof that lasts longer than a lock"),
  ),
  onCluster(
    "never left down",
    "a scale-up is never sent",
    () => (sound) => ({
      scaleDeployment: (ref, replicas, options) =>
        replicas > 0 ? Promise.resolve() : sound.scaleDeployment(ref, replicas, options),
    }),
    row("release: start the writers"),
  ),
  onCluster(
    "never left down",
    "reconciliation is never resumed",
    () => rewritten((patch) => (patch.pausedUntil === null ? undefined : patch)),
    row("release: resume"),
  ),
  {
    breaks: "never left down",
    name: "a call that failed once is not sent again",
    module: "src/adapters/kubernetes/retries.ts",
    exported: "retryCluster",
    change: () => (cluster: ManagementCluster) => cluster,
    killer: row("release: start the writers"),
  },
  onCluster(
    "never left down",
    "API servers count as back as soon as they are wanted",
    () => (sound) => ({
      findDeployment: async (ref) => {
        const found = await sound.findDeployment(ref);
        return found === undefined ? undefined : { ...found, readyReplicas: found.replicas };
      },
    }),
    row("release: start the writers"),
  ),
  onCluster(
    "restorable",
    "a part that came short is taken",
    () => (sound) => ({
      exec: (pod, argv, { timeoutMs }) => sound.exec(pod, argv, { timeoutMs }),
    }),
    memory("held-cluster", "a part that came short is read again, although its command ended well"),
  ),
  onCluster(
    "nothing leaks",
    "the file stays in the pod",
    () => (sound) => ({
      exec: (pod, argv, options) =>
        scriptOf(argv) === "remove"
          ? Promise.resolve({ exitCode: 0, stdout: Buffer.alloc(0), stderr: "" })
          : sound.exec(pod, argv, options),
    }),
    row("clean-up: file in the pod"),
  ),
];
