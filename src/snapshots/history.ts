import type { Catalogue } from "./catalogue.ts";
import { findDrillTime } from "./drill-record.ts";
import { listUnknown, newestEntry, type RecordedRun } from "./counting.ts";

/** One backup of the past, as its record tells it. */
export interface PastBackup {
  readonly name: string;
  readonly createdAt: Date;
  readonly ageMs: number;
  readonly sizeBytes: number;
  readonly revision: number;
  /** Undefined where the record does not say, as is the downtime. */
  readonly liveKeys: number | undefined;
  readonly downtimeSeconds: number | undefined;
  readonly quiesced: boolean;
  /** Proofs that were not made. */
  readonly unknown: readonly string[];
  /** When it was drilled last; undefined where it never was. */
  readonly drilledAt: Date | undefined;
}

/** The proven backups of one cluster, the newest first. */
export interface History {
  readonly backups: readonly PastBackup[];
  /** How many more there are. */
  readonly more: number;
  /** What is odd about the own backup, in words. */
  readonly warnings: readonly string[];
}

/** What a table holds that is read in the morning. */
const shownBackups = 14;

/** With fewer earlier backups, none of them says what is usual. */
const leastEarlier = 3;
const mostEarlier = 10;

/**
 * A database with less than this share of its usual size or live keys lost something, or was defragmented; one with more is
 * filled by something. A cluster at work stays well within both from one night to the next.
 */
const usualShares = { least: 0.7, most: 1.5 } as const;

/** The backup that looks back: its run's name, and its cluster. */
interface OwnBackup {
  readonly runName: string;
  readonly clusterID: string | undefined;
}

/** The history of the cluster of the run's own backup: records of another one, or of none, are not in it. */
export function describeHistory(catalogue: Catalogue, own: OwnBackup): History {
  const backups = ofCluster(catalogue, own).flatMap((each) => describe(each, catalogue.readAt));
  const newest = backups.find(({ name }) => name === own.runName);
  const earlier = backups.filter(({ createdAt }) => newest !== undefined && createdAt < newest.createdAt);
  return {
    backups: backups.slice(0, shownBackups),
    more: Math.max(0, backups.length - shownBackups),
    warnings:
      newest === undefined ? [tellUncounted(catalogue, own)] : compareWithUsual(newest, earlier.slice(0, mostEarlier)),
  };
}

function tellUncounted({ passedOver }: Catalogue, { runName }: OwnBackup): string {
  const reason = passedOver.find(({ run }) => run.name === runName)?.reason ?? "its folder does not list it";
  return `this backup does not count, and latest does not take it: ${reason}`;
}

/** How old the newest proven backup before the run's own is; undefined where there is none. */
export function findPreviousAgeMs(catalogue: Catalogue, own: OwnBackup): number | undefined {
  const previous = ofCluster(catalogue, own).find(({ run }) => run.name !== own.runName);
  return previous && Math.max(0, catalogue.readAt.getTime() - previous.createdAt.getTime());
}

function ofCluster({ proven }: Catalogue, { clusterID }: OwnBackup): readonly RecordedRun[] {
  return proven.filter(({ record }) => record.hostedCluster.clusterID === clusterID);
}

const blocks = ["▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"] as const;

/** One block a value, the oldest first; the largest value has the full height, and nothing has none. */
export function renderBlocks(values: readonly number[]): string {
  const largest = Math.max(0, ...values);
  return values
    .map((value) => blocks[Math.min(blocks.length - 1, Math.floor((value / largest) * blocks.length))] ?? blocks[0])
    .join("");
}

function describe({ run, record, createdAt }: RecordedRun, now: Date): readonly PastBackup[] {
  const entry = newestEntry(record);
  if (entry === undefined) return [];
  return [
    {
      name: run.name,
      createdAt,
      ageMs: Math.max(0, now.getTime() - createdAt.getTime()),
      sizeBytes: entry.sizeBytes,
      revision: entry.revision,
      liveKeys: record.liveSet?.keys ?? entry.liveKeys,
      downtimeSeconds: record.apiDowntimeSeconds,
      quiesced: record.quiesced,
      unknown: listUnknown(record),
      drilledAt: run.companions
        .flatMap(({ key }) => findDrillTime(key) ?? [])
        .toSorted((a, b) => b.getTime() - a.getTime())[0],
    },
  ];
}

function compareWithUsual(newest: PastBackup, earlier: readonly PastBackup[]): readonly string[] {
  return [
    ...compareFigure(
      "size in bytes",
      newest.sizeBytes,
      earlier.map(({ sizeBytes }) => sizeBytes),
    ),
    ...compareFigure(
      "number of live keys",
      newest.liveKeys,
      earlier.flatMap(({ liveKeys }) => liveKeys ?? []),
    ),
  ];
}

function compareFigure(what: string, value: number | undefined, earlier: readonly number[]): readonly string[] {
  const usual = medianOf(earlier);
  if (value === undefined || usual === undefined || usual === 0 || earlier.length < leastEarlier) return [];
  if (value >= usual * usualShares.least && value <= usual * usualShares.most) return [];
  const change = value / usual - 1;
  const percent = `${String(Math.round(Math.abs(change) * 100))} %`;
  return [
    `the ${what} of this snapshot is ${String(value)}, ${percent} ${change < 0 ? "less" : "more"} than the median of the last ${String(earlier.length)}, ${String(usual)}: ` +
      (change < 0
        ? "look whether something was deleted in the cluster; after a defragmentation a smaller file is as it should be"
        : "look what writes so much into the cluster"),
  ];
}

function medianOf(values: readonly number[]): number | undefined {
  const sorted = values.toSorted((a, b) => a - b);
  const upper = sorted[Math.floor(sorted.length / 2)];
  const lower = sorted[Math.floor((sorted.length - 1) / 2)];
  return upper === undefined || lower === undefined ? undefined : (upper + lower) / 2;
}
