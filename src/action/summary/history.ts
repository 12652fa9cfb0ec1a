import type { BackupReport } from "../../backup/world.ts";
import { renderBytes } from "../../bytes.ts";
import { renderBlocks, type History, type PastBackup } from "../../snapshots/history.ts";
import { formatTime } from "../../time.ts";
import { escapeHtml, renderLines, type Row } from "./cells.ts";
import type { Table } from "./summary.ts";

/** What of the earlier backups and of the retention stands among the facts of a backup. */
export function pastRows({ history, previousAgeSeconds, retention }: BackupReport): readonly Row[] {
  return [
    ...(history?.warnings ?? []).map((warning): Row => ["Unusual", `<strong>${escapeHtml(warning)}</strong>`]),
    ...courseRows(history, previousAgeSeconds),
    ...(retention === undefined ? [] : [["Retention", renderLines(retention)] as const]),
  ];
}

/** The last backups of the cluster as a table of their own; none where they could not be read. */
export function historyTables({ history }: BackupReport): readonly Table[] {
  if (history === undefined || history.backups.length === 0) return [];
  const { backups, more } = history;
  return [
    {
      heading: "Backups of this cluster",
      head: ["Made at", "Age", "Size", "Revision", "Live keys", "Proven", "API downtime", "Drilled"],
      rows: backups.map((backup) => [
        formatTime(backup.createdAt),
        renderSpan(backup.ageMs),
        renderBytes(backup.sizeBytes),
        String(backup.revision),
        backup.liveKeys === undefined ? "not known" : String(backup.liveKeys),
        renderProofs(backup),
        renderDowntime(backup),
        backup.drilledAt === undefined ? "" : formatTime(backup.drilledAt),
      ]),
      notes: more > 0 ? [`${String(more)} older ones are not shown.`] : [],
    },
  ];
}

/** The age of the backup before this one, and size and keys over time, a block a backup, the oldest first. */
function courseRows(history: History | undefined, previousAgeSeconds: number | undefined): readonly Row[] {
  const oldestFirst = (history?.backups ?? []).toReversed();
  const sizes = oldestFirst.map(({ sizeBytes }) => sizeBytes);
  const keys = oldestFirst.flatMap(({ liveKeys }) => liveKeys ?? []);
  const lines = [
    ...(previousAgeSeconds === undefined
      ? []
      : [`the one before this is ${renderSpan(previousAgeSeconds * 1000)} old`]),
    ...renderCourse("size", sizes, renderBytes),
    ...renderCourse("live keys", keys, String),
  ];
  return lines.length === 0 ? [] : [["Last backups", lines.join("<br>")]];
}

/** One value has no course. */
function renderCourse(what: string, values: readonly number[], render: (value: number) => string): readonly string[] {
  const [first, ...others] = values;
  const last = others.at(-1);
  if (first === undefined || last === undefined) return [];
  return [`${what} <code>${renderBlocks(values)}</code> from ${render(first)} to ${render(last)}`];
}

function renderProofs({ unknown }: PastBackup): string {
  const parts = { keysProven: "keys", membersAgree: "members" } as const;
  const known = Object.entries(parts).flatMap(([proof, part]) => (unknown.includes(proof) ? [] : part));
  const open = Object.entries(parts).flatMap(([proof, part]) => (unknown.includes(proof) ? part : []));
  return ["bytes", ...known].join(", ") + (open.length === 0 ? "" : `; not known: ${open.join(", ")}`);
}

function renderDowntime({ quiesced, downtimeSeconds }: PastBackup): string {
  if (!quiesced) return "none (online)";
  return downtimeSeconds === undefined ? "not known" : `${downtimeSeconds.toFixed(1)} s`;
}

/** `14 min`, `26.3 h`, `12.0 d`. */
function renderSpan(ms: number): string {
  const hours = ms / 3_600_000;
  if (hours < 1) return `${(ms / 60_000).toFixed(0)} min`;
  return hours < 48 ? `${hours.toFixed(1)} h` : `${(hours / 24).toFixed(1)} d`;
}
