import { ActionError } from "../errors.ts";
import type { Encryption } from "../encryption/secret.ts";
import { revisionBump } from "../etcd/history.ts";
import type { Snapshot } from "../etcd/snapshot.ts";
import type { Survivors } from "../etcd/survivors.ts";
import type { RestoreScript } from "../hypershift/restore-script.ts";

const mostShown = 5;

/**
 * Holds what a restored etcd has now against the snapshot that it started from: the mark that a bumped restore leaves, and each
 * key that nobody has changed since. Throws `restore-differs`.
 */
export function compareKeys(
  stored: Snapshot,
  living: Snapshot,
  script: RestoreScript,
): { readonly survivors: Survivors; readonly share: string } {
  const expected = script === "bumped" ? stored.revision + revisionBump : stored.bumpedTo;
  if (living.bumpedTo !== expected)
    throw differs(
      living.bumpedTo === undefined
        ? `no restore has raised its revision, and one of this snapshot raises it to ${String(expected)}`
        : `its revision was raised to ${String(living.bumpedTo)}, as by the restore of a snapshot of revision ${String(living.bumpedTo - revisionBump)}; this one has revision ${String(stored.revision)}`,
    );
  const { survivors } = living;
  if (survivors === undefined) throw new ActionError("internal", "the living etcd was read without an index");
  if (survivors.foreign > 0)
    throw differs(
      `${String(survivors.foreign)} of its keys were last changed at or before revision ${String(stored.revision)}, and are not in the snapshot as they are there: ${renderForeign(survivors)}`,
    );
  const { keys } = stored.liveSet;
  if (keys > 0 && survivors.untouched === 0)
    throw differs(`none of the ${String(keys)} keys of the snapshot is in it as it was`);
  const percent = keys === 0 ? 100 : (survivors.untouched / keys) * 100;
  // Ten thousand keys of which one was changed are not all of them.
  const rounded = survivors.untouched === keys ? "100" : Math.min(99.9, percent).toFixed(1);
  return { survivors, share: `${String(survivors.untouched)} of ${String(keys)} keys (${rounded} %)` };
}

function differs(problem: string): ActionError {
  return new ActionError("restore-differs", `the etcd holds something else than the snapshot: ${problem}`, {
    hint: "compare snapshot-uri with the one that was rendered; where it is the same, do not use this cluster: delete it with its volume claims data-etcd-*, and restore again",
  });
}

function renderForeign({ resources }: Survivors): string {
  const found = Object.entries(resources)
    .filter(([, { foreign }]) => foreign > 0)
    .toSorted(([, one], [, other]) => other.foreign - one.foreign)
    .map(([name, { foreign }]) => `${name} ${String(foreign)}`);
  return [...found.slice(0, mostShown), ...(found.length > mostShown ? ["and others"] : [])].join(", ");
}

/**
 * Throws `encryption-key-mismatch` where the living etcd has values that kube-apiserver cannot read with the keys that its hosted
 * cluster names, whoever wrote them.
 */
export function refuseOtherKey(living: Snapshot, { type, keys }: Pick<Encryption, "type" | "keys">): void {
  const closed = living.encrypted.groups.filter(
    ({ provider, version, malformed, checked, opened }) =>
      provider !== type || malformed > 0 || opened < checked || (provider === "aescbc" && version !== "v1"),
  );
  const [first] = closed;
  if (first === undefined) return;
  const values = closed.reduce((sum, group) => sum + group.values, 0);
  const named = [...new Set(closed.map(({ provider, keyName }) => `${provider} ${keyName}`))].join(", ");
  const had = type === "aescbc" ? keys.map(({ name }) => name).join(" and ") : `encryption of type ${type}`;
  throw new ActionError(
    "encryption-key-mismatch",
    `the restored cluster has another key: ${String(values)} values in its etcd (${first.resource} first) are encrypted with ${named}, and the hosted cluster has ${had}`,
    {
      hint: "its API server cannot read them: delete the hosted cluster, and create it with the key that the snapshot's record names; restore-render writes it into the manifest",
    },
  );
}
