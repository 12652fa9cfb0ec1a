import path from "node:path";
import { openAllowedFile, type Environment } from "../allowed-path.ts";
import { ActionError, hasCode } from "../errors.ts";
import { readSnapshot, type Snapshot } from "../etcd/snapshot.ts";
import { errnoOf } from "../file-error.ts";
import { quote } from "../shown-text.ts";
import { findHashKvPoint } from "../snapshots/comparison.ts";
import { createFileSource } from "../snapshots/file.ts";
import { recordKeyOf } from "../snapshots/location.ts";
import { parseRecord } from "../snapshots/record.ts";
import { refuseOtherFigures } from "../snapshots/recorded-proof.ts";
import { expectKeys, refuseLargeSealed, sealedKeyOf } from "../snapshots/sealed-key.ts";
import { recordMaxBytes, type RecordedSnapshot } from "../snapshots/recorded-snapshot.ts";
import type { Subject } from "../snapshots/whole-proof.ts";
import type { VerifyRequest, VerifyWorld } from "./world.ts";

/**
 * Finds a snapshot below the workspace, and the record beside it. Throws `input-invalid`, `record-missing`, `record-invalid`.
 */
export async function findFile(
  given: string,
  { allowUnrecorded }: VerifyRequest,
  { environment, signal, clock }: VerifyWorld,
): Promise<Subject> {
  const { file } = await openAllowedFile(given, environment, refuseFile);
  await file.close();
  const recorded = await readRecordBeside(given, environment).catch((error: unknown) => {
    if (allowUnrecorded && hasCode(error, "record-missing")) return undefined;
    throw error;
  });
  return {
    name: given,
    now: () => new Date(clock.wallMs()),
    ...(recorded === undefined ? {} : { recorded }),
    sealed: {
      name: sealedKeyOf(given),
      read: () => readSealedBeside(given, environment),
      expected: expectKeys(given, recorded?.record),
    },
    prove: async (keys) => {
      const { file: opened } = await openAllowedFile(given, environment, refuseFile);
      try {
        const hashKvAt = recorded && findHashKvPoint(recorded.entry);
        const source = await createFileSource(opened);
        const snapshot = await readSnapshot(source, { keys, signal, ...(hashKvAt === undefined ? {} : { hashKvAt }) });
        if (recorded !== undefined) {
          refuseOtherBytes(given, snapshot, recorded);
          refuseOtherFigures(snapshot, recorded);
        }
        return snapshot;
      } finally {
        await opened.close();
      }
    },
  };
}

/** Undefined where there is none. */
async function readSealedBeside(given: string, environment: Environment): Promise<Buffer | undefined> {
  const name = sealedKeyOf(given);
  try {
    const { file } = await openAllowedFile(name, environment, refuseSealed);
    try {
      refuseLargeSealed((await file.stat()).size, name);
      return await file.readFile();
    } finally {
      await file.close();
    }
  } catch (error) {
    if (hasCode(error, "sealed-key-missing")) return undefined;
    throw error;
  }
}

/** The record that lies beside a file, with the entry of the file's name, or its only one. */
async function readRecordBeside(given: string, environment: Environment): Promise<RecordedSnapshot> {
  const recordPath = recordKeyOf(given);
  const { file } = await openAllowedFile(recordPath, environment, refuseRecord);
  let text: string;
  try {
    const { size } = await file.stat();
    if (size > recordMaxBytes)
      throw refuseRecord(recordPath, `has ${String(size)} bytes`, "no record is that large; find out what wrote it");
    text = await file.readFile("utf8");
  } finally {
    await file.close();
  }
  const record = parseRecord(text, recordPath);
  const [first, ...others] = record.snapshots;
  const entry =
    others.length === 0 ? first : record.snapshots.find(({ uri }) => uri.endsWith(`/${path.basename(given)}`));
  if (entry === undefined)
    throw refuseRecord(
      recordPath,
      `is not about ${quote(path.basename(given))}`,
      "keep the name that the snapshot had",
    );
  return { record, recordUri: recordPath, entry };
}

function refuseOtherBytes(given: string, found: Snapshot, { entry }: RecordedSnapshot): void {
  if (found.sizeBytes === entry.sizeBytes && found.sha256 === entry.sha256) return;
  throw new ActionError(
    "snapshot-changed",
    `the file ${quote(given)} does not have the bytes that its record describes`,
    {
      hint: "fetch the snapshot and its record again, both from one place",
    },
  );
}

function refuseFile(given: string, problem: string, hint: string, cause?: unknown): ActionError {
  return new ActionError("input-invalid", `the snapshot ${quote(given)} ${problem}`, { hint, cause });
}

function refuseRecord(given: string, problem: string, hint: string, cause?: unknown): ActionError {
  const isMissing = errnoOf(cause) === "ENOENT";
  return new ActionError(isMissing ? "record-missing" : "record-invalid", `the record ${quote(given)} ${problem}`, {
    hint: isMissing ? "put the record beside the snapshot, or set allow-unrecorded: true" : hint,
    cause,
  });
}

function refuseSealed(given: string, problem: string, hint: string, cause?: unknown): ActionError {
  const isMissing = errnoOf(cause) === "ENOENT";
  return new ActionError(
    isMissing ? "sealed-key-missing" : "sealed-key-invalid",
    `the sealed key ${quote(given)} ${problem}`,
    { hint, cause },
  );
}
