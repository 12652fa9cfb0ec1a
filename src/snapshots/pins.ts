import { ActionError } from "../errors.ts";
import type { ObjectRef } from "../ports.ts";
import { quote } from "../shown-text.ts";
import { clusterFolder, type SnapshotUri } from "./location.ts";

/**
 * The limits that the workflow sets to an address and a manifest that somebody else may have written, such as the author of a
 * pull request. The bucket is held against the address where the inputs are read.
 */
export interface Pins {
  /** Without slashes at its ends. */
  readonly prefix?: string;
  readonly hostedCluster?: ObjectRef;
}

/** Throws `pin-differs` for a snapshot outside of the folder that `pins` name; the store is asked for nothing. */
export function refuseOtherFolder({ prefix, hostedCluster: pinned }: Pins, snapshot: SnapshotUri): void {
  const folder = snapshot.key.slice(0, snapshot.key.lastIndexOf("/") + 1);
  const own = pinned === undefined ? "" : clusterFolder({ prefix: "", ...pinned });
  const isInside =
    prefix === undefined
      ? `/${folder}`.endsWith(`/${own}`)
      : pinned === undefined
        ? prefix === "" || folder.startsWith(`${prefix}/`)
        : folder === clusterFolder({ prefix, ...pinned });
  if (isInside) return;
  const [shown, wanted] = [
    folder,
    pinned === undefined ? `${prefix ?? ""}/` : clusterFolder({ prefix: prefix ?? "…", ...pinned }),
  ].map(quote);
  throw new ActionError(
    "pin-differs",
    `the snapshot lies in the folder ${shown ?? ""}, outside of ${wanted ?? ""}, which s3-prefix and hosted-cluster name`,
    { hint: "name a snapshot of that folder, or change the inputs of the workflow" },
  );
}

/** Throws `pin-differs` for a manifest or record of another hosted cluster than the pinned one. */
export function refuseOtherCluster(
  { hostedCluster: pinned }: Pins,
  kind: "manifest" | "record",
  found: ObjectRef,
): void {
  if (pinned === undefined || (pinned.namespace === found.namespace && pinned.name === found.name)) return;
  throw new ActionError(
    "pin-differs",
    `the ${kind} is of another hosted cluster than ${pinned.namespace}/${pinned.name}, which the inputs name`,
    {
      hint: "set hosted-cluster and hosted-cluster-namespace to the cluster that is meant, or leave hosted-cluster out",
    },
  );
}
