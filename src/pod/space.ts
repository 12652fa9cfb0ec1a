import { renderBytes } from "../bytes.ts";
import { ActionError } from "../errors.ts";
import type { MemberReport } from "./member.ts";

type Space = Pick<MemberReport, "pod" | "dbSizeBytes" | "volume">;

const gibibyte = 1024 ** 3;

/** The database, and room for what etcd writes while it is saved. */
export function neededBytes(member: Space): number {
  return member.dbSizeBytes + reservedBytes(member);
}

/** Space that must stay free beside the snapshot. */
export function reservedBytes({ volume }: Space): number {
  return Math.max(gibibyte, Math.ceil(volume.sizeBytes / 10));
}

export function spaceMissing(member: Space, freeBytes: number): ActionError {
  return new ActionError(
    "space-missing",
    `the volume of ${member.pod} has ${renderBytes(freeBytes)} free; a snapshot of ${renderBytes(member.dbSizeBytes)} needs ${renderBytes(neededBytes(member))}`,
    { hint: "a full volume takes etcd down: defragment etcd, or give it a larger volume" },
  );
}
