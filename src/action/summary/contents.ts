import { renderBytes } from "../../bytes.ts";
import { renderEncryption } from "../../etcd/figures.ts";
import type { Snapshot } from "../../etcd/snapshot.ts";
import { escapeHtml, renderLines, type Row } from "./cells.ts";

/** A cluster has some hundred resources; those with the most bytes say what is in it. */
const mostResources = 20;

/** What somebody should know of the contents of a snapshot, as they were read from its bytes. */
export function contentsRows({ encrypted, alarms, liveKeys, liveSet }: Snapshot): readonly Row[] {
  const values = encrypted.groups.map(
    (group) =>
      `${renderEncryption(group)}: ${String(group.values)} values, ${renderOpened(group.checked, group.opened)}`,
  );
  return [
    ...(alarms.length === 0 ? [] : [["Alarms", escapeHtml(alarms.map(({ alarm }) => alarm).join(", "))] as const]),
    ["Encrypted values", values.length === 0 ? "none" : renderLines(values)],
    ["Live keys", escapeHtml(`${String(liveKeys)}, ${renderBytes(liveSet.valueBytes)} of values`)],
  ];
}

/** Its contents by resource, without names of objects, and the answers of every member of an etcd restored from it. */
export function contentsDetails({ resources, prediction }: Snapshot): readonly Row[] {
  const counts = Object.entries(resources)
    .toSorted(([, one], [, other]) => other.valueBytes - one.valueBytes)
    .map(([name, { keys, valueBytes }]) => `${name}: ${String(keys)} keys, ${renderBytes(valueBytes)}`);
  const shown = counts.slice(0, mostResources);
  if (counts.length > shown.length) shown.push(`and ${String(counts.length - shown.length)} more`);
  const answer = ({ revision, hashKV }: Snapshot["prediction"]["plain"]): string =>
    escapeHtml(`revision ${String(revision)}, HashKV ${String(hashKV)}`);
  return [
    ["Contents", renderLines(shown)],
    ["After a plain restore", answer(prediction.plain)],
    ["After one that raises the revision", answer(prediction.bumped)],
  ];
}

function renderOpened(checked: number, opened: number): string {
  return checked === 0 ? "not decrypted" : `${String(opened)} of ${String(checked)} opened with the key`;
}
