import { createHash } from "node:crypto";
import { readdir, readFile } from "node:fs/promises";
import { join, relative, sep } from "node:path";
import { at, numberAt } from "../../src/json-path.ts";
import { recordKeyOf, sealedKeyOfRecord } from "../../src/snapshots/location.ts";
import { findLeaks } from "./runner/leaks.ts";
import { eventFolder, fileCommandsFolder } from "./runner/step-environment.ts";
import type { StageResult, StepResult } from "./runner/step.ts";
import { listSignatures } from "./step-secrets.ts";
import type { HostedState, World } from "./world.ts";

/** What the hosted cluster is to be like; default: as when the world had started. */
export interface Expected extends Partial<Pick<HostedState, "replicas" | "pausedUntil">> {
  /** How long the cluster may take until it is so; default 20 s. */
  readonly settleMs?: number;
  /** What the step wrote elsewhere by calls of its own, such as comments; default: nothing. */
  readonly written?: readonly string[];
}

/**
 * What is not as it must be after a step, however it ended; empty when all is well. Waits until the cluster has settled.
 * Each entry starts with what it is about: `cluster:`, `pod:`, `store:`, `pause:`, `step:`, `runner:`, `leak:`.
 */
export async function findUnsettled(
  world: World,
  result: StepResult,
  expected: Expected = {},
): Promise<readonly string[]> {
  const lasting = (): readonly string[] => [
    ...findClusterProblems(world, { ...world.initial, ...expected }),
    ...findPodProblems(world),
    ...world.store.openUploads(world.bucket).map(({ key }) => `store: the upload of ${key} is open`),
  ];
  const giveUpMs = performance.now() + (expected.settleMs ?? 20_000);
  // Every look reads all processes of this machine: not more often than it tells something.
  while (lasting().length > 0 && performance.now() < giveUpMs) await new Promise((resolve) => setTimeout(resolve, 200));
  return [
    ...lasting(),
    ...(await findObjectProblems(world)),
    ...findPauseProblems(world),
    ...(await findStepProblems(world, result, expected.written)),
  ];
}

/** What is not as it must be in what a step said and left on the runner; empty when all is well. */
export async function findStepProblems(
  world: Pick<World, "secrets">,
  result: StepResult,
  written: readonly string[] = [],
): Promise<readonly string[]> {
  return [
    ...findStageProblems(result),
    ...(result.post === undefined ? [] : findStageProblems(result.post)),
    ...(await findLeftFiles(result)).map((file) => `runner: ${file} was left in RUNNER_TEMP`),
    ...(await findStepLeaks(world, result, written)),
  ];
}

function findClusterProblems(world: World, expected: Pick<HostedState, "replicas" | "pausedUntil">): string[] {
  const { replicas, pausedUntil, journal } = world.hosted();
  const wrong = Object.entries(expected.replicas).flatMap(([writer, wanted]) => {
    const ready = numberAt(world.cluster.deployment(writer), "status", "readyReplicas") ?? 0;
    if (replicas[writer] !== wanted) return [`cluster: ${writer} wants ${String(replicas[writer])} replicas`];
    return ready >= wanted ? [] : [`cluster: ${writer} has ${String(ready)} pods ready`];
  });
  if (pausedUntil !== expected.pausedUntil) wrong.push(`cluster: pausedUntil is ${String(pausedUntil)}`);
  if (journal !== undefined) wrong.push(`cluster: the journal is there: ${journal}`);
  return wrong;
}

function findPodProblems(world: World): string[] {
  const processes = world.cluster.etcd.flatMap(({ name }) => world.cluster.container(name).findProcesses());
  return [
    ...world.podFiles().map((file) => `pod: ${file} was left`),
    ...processes.map((pid) => `pod: process ${String(pid)} still runs`),
  ];
}

/** A snapshot is whole and has a record that describes it; there is nothing else. */
export async function findObjectProblems(
  world: Pick<World, "objectKeys" | "store" | "bucket" | "readRecord">,
): Promise<string[]> {
  const keys = world.objectKeys();
  const records = keys.filter((key) => key.endsWith(".db")).map(recordKeyOf);
  const beside = new Set(records.flatMap((key) => [key, sealedKeyOfRecord(key)]));
  const problems = keys
    .filter((key) => !key.endsWith(".db") && !beside.has(key.replace(/\.drill-\d{8}T\d{6}Z\.json$/, ".json")))
    .map((key) => `store: ${key} belongs to no snapshot`);
  for (const key of keys.filter((name) => name.endsWith(".db"))) {
    if (!keys.includes(recordKeyOf(key))) {
      problems.push(`store: ${key} has no record`);
      continue;
    }
    const bytes = await world.store.readObject(world.bucket, key);
    const { snapshots, encryption } = await world.readRecord(`s3://${world.bucket}/${recordKeyOf(key)}`);
    const sealedKey = sealedKeyOfRecord(recordKeyOf(key));
    const sealed = keys.includes(sealedKey) ? await world.store.readObject(world.bucket, sealedKey) : undefined;
    if (encryption.sealedKeySha256 !== (sealed && sha256(sealed).toString("hex")))
      problems.push(`store: ${sealedKey} is not what the record says`);
    const entry = snapshots.find(({ uri }) => uri === `s3://${world.bucket}/${key}`);
    if (entry?.sizeBytes !== bytes.length || entry.sha256 !== sha256(bytes).toString("hex"))
      problems.push(`store: ${key} is not what its record says`);
    if (!sha256(bytes.subarray(0, -32)).equals(bytes.subarray(-32)))
      problems.push(`store: ${key} is no whole snapshot`);
  }
  return problems;
}

/** A pause without an end is never written, not even in a trial. */
function findPauseProblems(world: World): string[] {
  return world.cluster.requests.flatMap(({ resource, body }) => {
    const value = resource === "hostedclusters" ? at(body, "spec", "pausedUntil") : undefined;
    const harmless = value === undefined || value === null || value === world.initial.pausedUntil;
    if (harmless || (typeof value === "string" && /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/.test(value))) return [];
    return [`pause: ${JSON.stringify(value)} was written`];
  });
}

/** Exit code, annotations and words of one process. A killed one has said nothing that could be held against it. */
function findStageProblems(stage: StageResult): string[] {
  const problems = stage.problems.map((problem) => `step: ${problem}`);
  const say = (problem: string): void => {
    problems.push(`step: ${stage.stage} ${problem}`);
  };
  // The runner's own annotations have no title.
  const errors = stage.annotations.filter(({ level, title }) => level === "error" && title !== "");
  const wanted = stage.exitCode === 0 ? 0 : 1;
  if (![0, 1, null].includes(stage.exitCode)) say(`ended with ${String(stage.exitCode)}`);
  if (stage.exitCode !== null && errors.length !== wanted)
    say(`ended with ${String(stage.exitCode)} and ${String(errors.length)} errors`);
  if (stage.exitCode === 0 && stage.stage === "main" && !stage.summary.includes("<table>")) say("wrote no summary");
  const lines = stage.lines.filter(({ kind, origin }) => kind !== "debug" && /^std/.test(origin));
  for (const { shown = "" } of lines)
    if (/^\s+at .+:\d+|\bundefined\b|\bNaN\b|\[object /.test(shown)) say(`printed ${shown}`);
  return problems;
}

async function findLeftFiles(result: StepResult): Promise<readonly string[]> {
  const { temp } = result.directories;
  const names = await readdir(temp, { recursive: true, withFileTypes: true });
  return names
    .filter((entry) => !entry.isDirectory())
    .map((entry) => relative(temp, join(entry.parentPath, entry.name)))
    .filter((name) => ![fileCommandsFolder, eventFolder].includes(name.split(sep)[0] ?? ""))
    .filter((name) => join(temp, name) !== result.outputs["rendered-manifest"]);
}

async function findStepLeaks(
  world: Pick<World, "secrets">,
  result: StepResult,
  written: readonly string[],
): Promise<string[]> {
  const { temp, workspace } = result.directories;
  const rendered = result.outputs["rendered-manifest"];
  const manifest = rendered === undefined ? "" : await readFile(rendered, "utf8");
  const secrets = {
    ...world.secrets(),
    ...listSignatures(`${result.outputs["presigned-url"] ?? ""} ${manifest}`),
  };
  const allowedFiles = rendered === undefined ? [] : [temp, workspace].map((root) => relative(root, rendered));
  const leaks = await findLeaks(result, secrets, { allowedOutputs: ["presigned-url"], allowedFiles, written });
  return leaks.map(({ secret, encoding, place }) => `leak: ${secret} (${encoding}) is in ${place}`);
}

function sha256(bytes: Buffer): Buffer {
  return createHash("sha256").update(bytes).digest();
}
