import { ActionError } from "../errors.ts";
import { controlPlaneNamespace } from "../hypershift/hosted-cluster.ts";
import type { ObjectRef } from "../ports.ts";
import { journalAnnotation, writerEntries, type Held, type Journal } from "./journal.ts";

/** Commands that put a hosted cluster back by hand; each can be pasted into a shell as it is. */
export function manualCommands(ref: ObjectRef, original: Journal["original"]): readonly string[] {
  const stopped = writerEntries(original.replicas);
  const patch = {
    metadata: { annotations: { [journalAnnotation]: null } },
    // A run that stops nothing pauses nothing: a pause is somebody else's.
    ...(stopped.length === 0 ? {} : { spec: { pausedUntil: original.pausedUntil } }),
  };
  return [
    ...stopped.map(
      ([name, replicas]) =>
        `oc scale deployment/${name} -n ${controlPlaneNamespace(ref.namespace, ref.name)} --replicas=${String(replicas)}`,
    ),
    `oc patch hostedcluster/${ref.name} -n ${ref.namespace} --type=merge -p '${JSON.stringify(patch).replaceAll("'", "'\\''")}'`,
  ];
}

/** For the end of a hint: the commands that put everything back, each on a line of its own. */
export function typeToPutBack(ref: ObjectRef, original: Journal["original"]): string {
  return manualCommands(ref, original)
    .map((command) => `\n  ${command}`)
    .join("");
}

/** True for a run that may have API servers stopped. */
export function mayBeDown({ phase, original }: Held): boolean {
  return phase !== "transfer" && writerEntries(original.replicas).length > 0;
}

/** The way in which a run failed to put back; `isRaised`: its API servers were scaled up all the same. */
interface FailedRelease {
  readonly reason: ActionError;
  readonly isRaised: boolean;
}

/** A run could not put back what it held: what may be down, until when, and what to type. */
export function putBackFailed(ref: ObjectRef, held: Held, { reason, isRaised }: FailedRelease): ActionError {
  const first = reason.hint === undefined || reason.code === "cancelled" ? "" : `${reason.hint}; `;
  return new ActionError(
    "release-failed",
    `${describeHeld(ref, held, isRaised)}: putting back failed with ${reason.code}: ${reason.message}`,
    {
      hint: `${describeEnd(held, isRaised)} at ${held.deadline} at the latest; ${first}to put everything back now:${typeToPutBack(ref, held.original)}`,
      cause: reason,
    },
  );
}

/** The state in which a failed release leaves a hosted cluster. */
export function describeHeld({ namespace, name }: ObjectRef, held: Held, isRaised: boolean): string {
  const cluster = `${namespace}/${name}`;
  if (!mayBeDown(held)) return `the lock of this run may still be on ${cluster}`;
  return isRaised
    ? `the API servers of ${cluster} were scaled up again, but it is still held and paused until ${held.deadline}`
    : `the API servers of ${cluster} may be down`;
}

/** The thing that happens without anybody's doing; completes "… at <time>". */
export function describeEnd(held: Held, isRaised: boolean): string {
  if (!mayBeDown(held)) return "it ends by itself";
  return isRaised ? "HyperShift reconciles again by itself" : "HyperShift puts them back by itself";
}
