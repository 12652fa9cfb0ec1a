/**
 * `node verify.mjs snapshot.db [record.json] [--json]`: reads a snapshot from its first to its last byte, without a
 * cluster, a store or a package, and prints what is in it. Exit code 0: it is whole, and is what the record says; else 1.
 */
import { open, readFile } from "node:fs/promises";
import { parseArgs } from "node:util";
import { ActionError, describeError } from "../errors.ts";
import { figuresOf, renderEncryption, type SnapshotFigures } from "../etcd/figures.ts";
import { Pace } from "../etcd/pace.ts";
import { readSnapshot, type Snapshot } from "../etcd/snapshot.ts";
import { readTrailer } from "../etcd/trailer.ts";
import { escapeHidden, renderLine } from "../shown-text.ts";
import {
  compareFigures,
  figuresInRecord,
  findHashKvPoint,
  isFields,
  type Difference,
  type Fields,
} from "../snapshots/comparison.ts";
import { createFileSource } from "../snapshots/file.ts";

const usage = "node verify.mjs snapshot.db [record.json] [--json]";

process.exitCode = await verify(process.argv.slice(2));

async function verify(args: readonly string[]): Promise<number> {
  const asJson = args.includes("--json");
  try {
    const [snapshotPath, recordPath] = parseArguments(args);
    const { snapshot, entry } = await readFiles(snapshotPath, recordPath);
    const figures = figuresOf(snapshot);
    const differences = entry && compareFigures(snapshot, entry);
    print(
      asJson
        ? renderJson(listFacts(snapshot, figures, differences))
        : renderTable(snapshot, figures, differences).map(renderLine),
    );
    return differences === undefined || differences.length === 0 ? 0 : 1;
  } catch (error) {
    const { code, message, hint } = describeError(error);
    if (asJson) print(renderJson({ error: { code, message, hint } }));
    else print([`${code}: ${message}`, ...(hint === undefined ? [] : [hint])].map(renderLine), process.stderr);
    return 1;
  }
}

function parseArguments(args: readonly string[]): readonly [snapshot: string, record: string | undefined] {
  try {
    const { positionals } = parseArgs({
      args: [...args],
      options: { json: { type: "boolean" } },
      allowPositionals: true,
    });
    const [snapshot, record, ...others] = positionals;
    if (snapshot !== undefined && others.length === 0) return [snapshot, record];
  } catch {
    // An option that does not exist is told as a missing file is.
  }
  throw new ActionError("input-invalid", "these are not the arguments of verify.mjs", { hint: usage });
}

/** The snapshot, and the entry of the record that is of it. */
async function readFiles(
  path: string,
  recordPath: string | undefined,
): Promise<{ snapshot: Snapshot; entry?: Fields }> {
  const file = await open(path).catch((cause: unknown) => {
    throw new ActionError("input-invalid", `the file ${path} cannot be opened`, { hint: usage, cause });
  });
  try {
    const source = await createFileSource(file);
    if (recordPath === undefined) return { snapshot: await readSnapshot(source) };
    const digests = await readTrailer(source, new Pace());
    const entry = await readEntry(recordPath, digests.sha256);
    const hashKvAt = findHashKvPoint(entry);
    return { entry, snapshot: await readSnapshot(source, { digests, ...(hashKvAt ? { hashKvAt } : {}) }) };
  } finally {
    await file.close();
  }
}

/** The entry of a record that has this SHA-256; with a single entry, that one. One without it would agree with any file. */
async function readEntry(path: string, fileSha256: string): Promise<Fields> {
  const invalid = new ActionError("record-invalid", `${path} is not the record of this snapshot`, { hint: usage });
  let record: unknown;
  try {
    record = JSON.parse(await readFile(path, "utf8"));
  } catch {
    throw invalid;
  }
  if (!isFields(record) || !Array.isArray(record["snapshots"])) throw invalid;
  const snapshots = record["snapshots"].filter(isFields).filter(({ sha256 }) => typeof sha256 === "string");
  const [first, ...others] = snapshots;
  const entry = others.length === 0 ? first : snapshots.find(({ sha256 }) => sha256 === fileSha256);
  if (!entry) throw invalid;
  return figuresInRecord(record, entry, snapshots);
}

/** Its lines; what a terminal would obey is escaped in them. */
function renderJson(value: object): readonly string[] {
  return JSON.stringify(value, null, 2).split("\n").map(escapeHidden);
}

function listFacts(
  snapshot: Snapshot,
  figures: SnapshotFigures,
  differences: readonly Difference[] | undefined,
): object {
  const { encrypted, alarms, leases, bumpedTo, clusterVersion } = snapshot;
  return { ...figures, clusterVersion, bumpedTo, alarms, leases, encrypted, differences };
}

function renderTable(
  snapshot: Snapshot,
  figures: SnapshotFigures,
  differences: readonly Difference[] | undefined,
): readonly string[] {
  const { prediction, liveSet } = figures;
  const answer = ({ revision, hashKV }: Snapshot["prediction"]["plain"]): string =>
    `revision ${String(revision)}, HashKV ${String(hashKV)}`;
  const rows: readonly (readonly [string, string])[] = [
    ["file", `${String(figures.sizeBytes)} bytes, SHA-256 ${figures.sha256}`],
    [
      "revision",
      `${String(figures.revision)}, ${snapshot.compactRevision < 0 ? "never compacted" : `compacted up to ${String(snapshot.compactRevision)}`}`,
    ],
    ["hash", `${figures.hash} (${String(figures.entries)} entries, ${String(figures.liveKeys)} live keys)`],
    ["HashKV", `${String(figures.hashKV.hash)} at revision ${String(figures.hashKV.revision)}`],
    ["live set", `${String(liveSet.keys)} keys, ${String(liveSet.valueBytes)} bytes, SHA-256 ${liveSet.sha256}`],
    ["storage version", figures.storageVersion ?? "not in the file, as before etcd 3.6"],
    ["after a plain restore", answer(prediction.plain)],
    ["after a bumped one", answer(prediction.bumped)],
    ...snapshot.alarms.map(({ alarm }) => ["alarm", `${alarm}: a restored etcd has it, too`] as const),
    ...snapshot.encrypted.groups.map(
      (group) => ["encrypted", `${renderEncryption(group)}: ${String(group.values)} values`] as const,
    ),
    ...Object.entries(figures.contents).map(([name, keys]) => [`  ${name}`, `${String(keys)} keys`] as const),
    ...(differences ?? []).map(
      ({ field, record, file }) =>
        ["DIFFERS", `${field}: record ${JSON.stringify(record)}, file ${JSON.stringify(file)}`] as const,
    ),
    [
      "result",
      differences === undefined
        ? "whole"
        : differences.length > 0
          ? "not what the record says"
          : "whole, and what the record says",
    ],
  ];
  const width = Math.max(...rows.map(([name]) => name.length));
  return rows.map(([name, value]) => `${name.padEnd(width)}  ${value}`);
}

function print(lines: readonly string[], stream: NodeJS.WritableStream = process.stdout): void {
  stream.write(`${lines.join("\n")}\n`);
}
