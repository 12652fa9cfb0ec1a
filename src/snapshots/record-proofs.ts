import { ActionError } from "../errors.ts";
import type { SnapshotRecord } from "./record.ts";

type Proofs = Pick<SnapshotRecord, "proofs">;

/** Throws `record-invalid` where the record itself says that the snapshot's bytes are not proven. */
export function refuseUnprovenBytes({ proofs }: Proofs): void {
  const unproven = (["trailer", "readBack", "structure"] as const).filter((proof) => proofs[proof] === false);
  if (unproven.length > 0)
    throw new ActionError(
      "record-invalid",
      `the record says that the snapshot's bytes are not proven (${unproven.join(", ")})`,
      { hint: "take another snapshot" },
    );
}

/** Throws `members-diverged` where the members were compared, and differed. */
export function refuseDivergedMembers({ proofs }: Proofs): void {
  if (proofs.membersAgree === false)
    throw new ActionError(
      "members-diverged",
      "the etcd members of the old cluster had diverged: the snapshot may lack what another member had",
      { hint: "take another snapshot; a restore may accept members-diverged in allow-unsafe-restore" },
    );
}

/** Throws `keys-unproven` where values of the snapshot are encrypted with keys that were not kept. */
export function refuseLostKeys({ proofs }: Proofs): void {
  if (proofs.keysProven === false)
    throw new ActionError(
      "keys-unproven",
      "values of the snapshot are encrypted with a key that was not kept: they cannot be read",
      { hint: "take another snapshot; a restore may accept keys-unproven in allow-unsafe-restore" },
    );
}
