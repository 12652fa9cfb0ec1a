import { createHash } from "node:crypto";
import { journalAnnotation } from "../../src/hold/journal.ts";
import { isPausing } from "../../src/hypershift/pause.ts";
import { stringAt } from "../../src/json-path.ts";
import { findDrillTime, parseDrillRecord } from "../../src/snapshots/drill-record.ts";
import { recordKeyOf, sealedKeyOfRecord } from "../../src/snapshots/location.ts";
import { parseRecord } from "../../src/snapshots/record.ts";
import { drillNamespace, type DrillStep } from "../world/memory-world/drill-step.ts";
import { findSnapshotRevision } from "../world/memory-world/snapshot-file.ts";
import type { StageEnd, Step } from "../world/memory-world/step.ts";
import type { MemoryWorld } from "../world/memory-world/world.ts";
import { encodeSecret, type Needle } from "../world/runner/leaks.ts";

/** The world before a run: what it is held against afterwards. */
export interface Before {
  readonly replicas: Readonly<Record<string, number>>;
  readonly pausedUntil: string | undefined;
  readonly keys: readonly string[];
}

export function lookBefore(world: MemoryWorld): Before {
  return { replicas: world.replicas, pausedUntil: world.pausedUntil, keys: world.bucket.keys };
}

/** The API servers and reconciliation, whoever brought them back. */
export function findDown(world: MemoryWorld, before: Before): string[] {
  const wrong = Object.entries(before.replicas).flatMap(([writer, wanted]) => {
    const ready = world.readyReplicas[writer] ?? 0;
    if (world.replicas[writer] !== wanted) return [`cluster: ${writer} wants ${String(world.replicas[writer])}`];
    return ready >= wanted ? [] : [`cluster: ${writer} has ${String(ready)} of ${String(wanted)} pods ready`];
  });
  if (world.pausedUntil !== before.pausedUntil && isPausing(world.pausedUntil, world.clock.now()))
    wrong.push(`cluster: it is paused until ${String(world.pausedUntil)}`);
  return wrong;
}

/** What a run must not leave: the pause and the journal, files and saves in the pods, the pod of a drill, uploads, objects without a record. */
export function findLeft(world: MemoryWorld, before: Before): string[] {
  const left: string[] = [];
  if (world.pausedUntil !== before.pausedUntil) left.push(`cluster: pausedUntil is ${String(world.pausedUntil)}`);
  if (world.journal !== undefined) left.push(`cluster: ${journalAnnotation} is there: ${world.journal}`);
  for (const [name, pod] of world.pods) {
    for (const file of pod.leftFiles) left.push(`pod: ${file} is in ${name}`);
    if (pod.isSaving) left.push(`pod: a save runs in ${name}`);
  }
  for (const pod of world.objects.list("pods", drillNamespace))
    left.push(`drill: its pod is ${stringAt(pod, "status", "phase") ?? "new"}`);
  for (const { key } of world.bucket.openUploads) left.push(`store: an upload of ${key} is open`);
  const { keys } = world.bucket;
  for (const key of keys.filter((each) => /\.(?:db|key\.age)$/.test(each)))
    if (!keys.includes(recordKeyOf(key.replace(/\.key\.age$/, ".db")))) left.push(`store: ${key} has no record`);
    else if (key.endsWith(".db") && !isNamed(world, key)) left.push(`store: ${key} ${unnamed}`);
  return left;
}

/** A snapshot of a member that fell out, which a run could not take away: it goes with its run, and no reader takes it. */
const unnamed = "is not named by its record";

function isNamed({ bucket }: MemoryWorld, key: string): boolean {
  const record = recordKeyOf(key);
  if (bucket.find(record)?.metadata["nonce"] === "somebody else's") return true;
  return bucket.read(record).includes(`"s3://${bucket.name}/${key}"`);
}

/** True for what another run's recovery leaves until it is days old: nobody can say what it was to be. */
export function isUnrecorded(left: string): boolean {
  return left.startsWith("store: ") && (left.endsWith(" has no record") || isUnnamed(left));
}

export function isUnnamed(left: string): boolean {
  return left.endsWith(` ${unnamed}`);
}

/** What must never be, however a run ended: a record of what is not whole, a lost snapshot, a pause without end, a leak. */
export function findWrong(world: MemoryWorld, before: Before, said: readonly string[]): string[] {
  return [
    ...world.watch.problems.map((problem) => `hold: ${problem}`),
    ...before.keys.filter((key) => !world.bucket.keys.includes(key)).map((key) => `store: ${key} was deleted`),
    ...world.bucket.keys.filter((key) => key.endsWith(".json")).flatMap((key) => findRecordProblems(world, key)),
    ...findLeaks(world, said),
  ];
}

function findRecordProblems(world: MemoryWorld, key: string): string[] {
  if (findDrillTime(key) !== undefined) return findDrillProblems(world, key);
  const record = parseRecord(world.bucket.read(key).toString(), key);
  const { sealedKeyUri, sealedKeySha256 } = record.encryption;
  const sealed = sealedKeyUri?.replace(`s3://${world.bucket.name}/`, "");
  if (sealed !== undefined && (sealed !== sealedKeyOfRecord(key) || hashOf(world, sealed) !== sealedKeySha256))
    return [`store: ${sealed} is not what the record says`];
  return record.snapshots.flatMap(({ uri, sizeBytes, sha256, revision }) => {
    const snapshot = uri.replace(`s3://${world.bucket.name}/`, "");
    if (recordKeyOf(snapshot) !== key || world.bucket.find(snapshot) === undefined)
      return [`store: ${key} belongs to no snapshot`];
    const bytes = world.bucket.read(snapshot);
    const problems: string[] = [];
    if (bytes.length !== sizeBytes || createHash("sha256").update(bytes).digest("hex") !== sha256)
      problems.push(`store: ${snapshot} is not what its record says`);
    const found = findSnapshotRevision(bytes);
    if (found === undefined) problems.push(`store: ${snapshot} is no whole snapshot`);
    else if (found !== revision) problems.push(`store: ${snapshot} has revision ${String(found)}`);
    const views = [...world.pods.values()].flatMap((pod) => pod.views).filter((view) => view.revision === found);
    if (record.quiesced && views.every(({ written }) => written))
      problems.push(`store: ${snapshot} is called quiesced, and API servers could write when it was taken`);
    return problems;
  });
}

function findDrillProblems(world: MemoryWorld, key: string): string[] {
  const { uri = "", sha256 } = parseDrillRecord(world.bucket.read(key).toString())?.snapshot ?? {};
  const isOf = sha256 !== undefined && sha256 === hashOf(world, uri.replace(`s3://${world.bucket.name}/`, ""));
  return isOf ? [] : [`store: ${key} is of another snapshot`];
}

function hashOf({ bucket }: MemoryWorld, key: string): string | undefined {
  return bucket.find(key) === undefined ? undefined : createHash("sha256").update(bucket.read(key)).digest("hex");
}

/** What a failure says, against what is true. */
export function findFalseWords(end: StageEnd, signal: AbortSignal): string[] {
  if (end.kind !== "red") return [];
  const { code, message, hint, cause } = end.failure;
  const problems: string[] = [];
  if (message === "" || /undefined|NaN|\[object/.test(`${message} ${hint ?? ""}`))
    problems.push(`step: says ${message}: ${hint ?? ""}`);
  if (code === "cancelled" && !signal.aborted) problems.push("step: says that it was cancelled, which nobody did");
  if (code === "internal") problems.push(`step: failed with internal: ${String(cause)}`);
  return problems;
}

/** The end of a backup against what is true at that moment. */
export function findUntruths(world: MemoryWorld, step: Step, end: StageEnd): string[] {
  const { report, request } = step;
  if (end.kind === "killed") return [];
  const problems = findFalseWords(end, step.machine.signal);
  const say = (problem: string): void => {
    problems.push(`step: ${problem}`);
  };
  const isDown = Object.values(world.readyReplicas).includes(0);
  if (report.apiServers === "back" && isDown) say("says that the API servers are back");
  if (report.apiServers === "never-stopped" && isDown) say("says that the API servers were never stopped");
  const { snapshotUri = "", recordUri = "", encryptionKeyUri = "", presignedUrl, sizeBytes, revision } = report;
  const keyOf = (uri: string): string => uri.replace(`s3://${world.bucket.name}/`, "");
  const sealedKey = keyOf(encryptionKeyUri);
  if (sealedKey !== "" && !world.bucket.keys.includes(sealedKey)) say(`names ${sealedKey}, which is not stored`);
  if (end.kind === "red") return problems;
  const key = keyOf(snapshotUri);
  const stored = world.bucket.find(key);
  if (stored === undefined || stored.sizeBytes !== sizeBytes) say(`is green, and ${key} is not stored`);
  else if (findSnapshotRevision(world.bucket.read(key)) !== revision) say(`is green with revision ${String(revision)}`);
  if (!recordUri.endsWith(recordKeyOf(key)) || !world.bucket.keys.includes(recordKeyOf(key)))
    say("is green without a record");
  if (request.recipients.length > 0 && sealedKey !== sealedKeyOfRecord(recordKeyOf(key)))
    say("is green without sealed keys");
  if (request.presign !== (presignedUrl !== undefined)) say("is green without a URL");
  if (report.apiServers !== (request.quiesce ? "back" : "never-stopped"))
    say(`is green, and the API servers are ${report.apiServers}`);
  return problems;
}

/** The end of a drill against what is true at that moment. */
export function findDrillUntruths(world: MemoryWorld, { machine, report }: DrillStep, end: StageEnd): string[] {
  if (end.kind === "killed") return [];
  const problems = findFalseWords(end, machine.signal);
  const isThere = world.objects.list("pods", drillNamespace).length > 0;
  if (report.podGone === true && isThere) problems.push("step: says that its pod is gone");
  if (end.kind === "red") return report.rtoSeconds === undefined ? problems : [...problems, "step: is red with an RTO"];
  const key = (report.drillUri ?? "").replace(`s3://${world.bucket.name}/`, "");
  if (!world.bucket.keys.includes(key)) problems.push("step: is green without a result");
  return problems;
}

let needles: readonly Needle[] | undefined;

function findLeaks(world: MemoryWorld, said: readonly string[]): string[] {
  needles ??= [...encodeSecret("the AES key", world.aesKey), ...encodeSecret("a signature", world.bucket.signature)];
  const places = [
    ...said,
    ...world.watch.seen,
    ...world.bucket.keys.flatMap((key) => [
      JSON.stringify(world.bucket.find(key)),
      /\.(?:json|age)$/.test(key) ? world.bucket.read(key).toString("latin1") : "",
    ]),
  ];
  const all = Buffer.from(places.join("\n"));
  return needles
    .filter(({ bytes }) => all.includes(bytes))
    .map(({ secret, encoding }) => `leak: ${secret} (${encoding})`);
}
