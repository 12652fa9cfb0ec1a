/**
 * One backup and one restore of a real etcd before your eyes, on this machine alone: the action runs as a workflow runs it,
 * against an embedded management cluster and object store; then its snapshot is restored as HyperShift does it, and both
 * etcds are compared. Ends with 0 only when they are equal, and leaves no process and no folder.
 */
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { constants, tmpdir } from "node:os";
import { basename, join, relative, resolve } from "node:path";
import { parseAllDocuments } from "yaml";
import { findEtcdBinaries } from "../__tests__/fakes/etcd/binaries.ts";
import { decryptSecret } from "../__tests__/fakes/etcd/fill.ts";
import { restoreFromUrl, type RestoredEtcd } from "../__tests__/fakes/etcd/restore.ts";
import type { LogLine } from "../__tests__/fakes/runner/step-log.ts";
import type { StepResult } from "../__tests__/fakes/runner/step.ts";
import { startWorld, type StepInputs, type World } from "../__tests__/fakes/world.ts";
import { at, stringAt } from "../src/hypershift/json-path.ts";

const repository = resolve(import.meta.dirname, "..");
/** Six times what it takes; a demo that hangs is worse than one that gives up. */
const limitMs = 55_000;

/** Ends the demo with one line instead of a stack trace. */
class DemoError extends Error {}

const entry = resolve(repository, process.env["ACTION_ENTRY"] ?? "dist/index.js");
const secretInputs = ["kubeconfig", "s3-secret-access-key", "encryption-key"];
const closers: (() => Promise<void>)[] = [];
let ending = false;
const stopped = Promise.withResolvers<number>();

async function showBackupAndRestore(): Promise<number> {
  const startedMs = performance.now();
  const { etcdctl, etcdutl } = await findEtcdBinaries();
  const limit = setTimeout(() => {
    stopped.reject(new DemoError(`not done after ${String(limitMs / 1000)} s; is this machine very busy?`));
  }, limitMs);

  heading("1. Start a hosted cluster and an object store, all on this machine");
  const world = await own(startWorld({ entry }));
  const { cluster, store } = world;
  const [source] = cluster.etcd;
  const { version } = await source.client.status();
  const keys = await source.client.count("/");
  say(
    `etcd ${version} with ${String(keys)} keys, among them ${String(cluster.filled.secrets.size)} encrypted Secrets;`,
  );
  say("three API servers write to it all the time.");
  say(`management cluster: ${cluster.url} with hosted cluster clusters/example`);
  say(`object store: ${store.endpoint} with bucket ${world.bucket}`);

  heading("2. Back up: the action with `mode: backup`, as a workflow runs it");
  // On one line: the runner masks each line of a secret, and a kubeconfig's are words of every log.
  const kubeconfig = Buffer.from(await cluster.kubeconfig()).toString("base64");
  const backup = await runStep(world, world.backupInputs({ kubeconfig }));

  heading("3. Prepare a restore: the action with `mode: restore-render`");
  const render = await runStep(world, world.restoreInputs(backup.outputs["snapshot-uri"] ?? ""));
  const manifest = await readManifest(render.outputs["rendered-manifest"] ?? "");

  heading("4. Restore as HyperShift does when the new cluster is created");
  say(`curl -o snapshot "$RESTORE_URL"    # the signed URL of the manifest, ${String(manifest.url.length)} characters`);
  say(`${basename(etcdutl ?? etcdctl)} snapshot restore snapshot --data-dir=data`);
  say("etcd --data-dir=data …");
  const restored = await own(restoreFromUrl(manifest.url, world.env["NODE_EXTRA_CA_CERTS"] ?? ""));

  heading("5. Compare the old etcd with the restored one");
  const equal = await compare(world, restored, manifest.key);
  clearTimeout(limit);
  const seconds = ((performance.now() - startedMs) / 1000).toFixed(1);
  say("");
  say(
    equal
      ? `All equal. The API servers were away for ${backup.outputs["api-downtime-seconds"] ?? "?"} s; everything together took ${seconds} s.`
      : "NOT equal: the snapshot is no backup. Please report this.",
  );
  return equal ? 0 : 1;
}

/** Runs main and post of the action and prints the log that a user would see. Throws when the step failed. */
async function runStep(world: World, inputs: StepInputs): Promise<StepResult> {
  const secrets = secretInputs.flatMap((name) => inputs[name] ?? []);
  say("- uses: ./");
  say("  with:");
  for (const [name, value] of Object.entries(inputs))
    say(`    ${name}: ${secretInputs.includes(name) ? secretExpression(name) : value}`);
  say("");
  const result = await world.run(inputs, { secrets, onLine: printLine });
  if (result.outcome === "success" && result.post?.outcome === "success") return result;
  throw new DemoError("the action failed; its log above says why");
}

/** As GitHub shows it, what is in a group below its title; the runner's own list of inputs is left out. */
function printLine({ kind, origin, shown }: LogLine): void {
  if (shown === undefined || origin === "details" || (origin === "runner" && kind === "group")) return;
  const indent = kind === "group" || origin === "runner" ? "" : "  ";
  for (const line of shown.split("\n")) say(`│ ${indent}${line}`);
}

function secretExpression(input: string): string {
  return `\${{ secrets.${input.replaceAll("-", "_").toUpperCase()} }}`;
}

interface Manifest {
  /** What HyperShift hands to curl. */
  readonly url: string;
  /** What the new cluster decrypts its Secrets with. */
  readonly key: Buffer;
}

async function readManifest(path: string): Promise<Manifest> {
  const documents = parseAllDocuments(await readFile(path, "utf8")).map((document) => {
    const value: unknown = document.toJS();
    return value;
  });
  const find = (kind: string): unknown => documents.find((document) => at(document, "kind") === kind);
  const storage = at(find("HostedCluster"), "spec", "etcd", "managed", "storage");
  return {
    url: stringAt(storage, "restoreSnapshotURL", 0) ?? "",
    key: Buffer.from(stringAt(find("Secret"), "data", "key") ?? "", "base64"),
  };
}

/** Prints a table; true when each of its rows is equal. */
async function compare(world: World, restored: RestoredEtcd, key: Buffer): Promise<boolean> {
  const [source] = world.cluster.etcd;
  // The API servers have written on since; the last write before they were stopped is what must be in.
  const revision = Math.max(...Object.values(world.cluster.lastWrites).map(([last]) => last?.revision ?? 0));
  const [name, plain] = [...world.cluster.filled.secrets][0] ?? ["", Buffer.alloc(0)];
  const stored = await restored.client.get(name);
  const keysAt = async ({ client }: Pick<RestoredEtcd, "client">): Promise<number> => client.count("/", { revision });
  const hashAt = async ({ client }: Pick<RestoredEtcd, "client">): Promise<number> =>
    (await client.hashKv(revision)).hash;
  const rows: readonly (readonly [label: string, old: string | number, restored: string | number])[] = [
    ["last revision", revision, await restored.client.revision()],
    ["keys", await keysAt(source), await keysAt(restored)],
    [`HashKV at revision ${String(revision)}`, await hashAt(source), await hashAt(restored)],
    [basename(name), renderSecret(plain), stored ? renderSecret(decryptSecret(stored.value, key)) : "missing"],
  ];
  say(renderRow("", "old", "restored", ""));
  for (const [label, old, now] of rows) say(renderRow(label, old, now, old === now ? "equal" : "DIFFERENT"));
  say(`(${basename(name)} was decrypted with the key in the rendered manifest)`);
  return rows.every(([, old, now]) => old === now);
}

function renderRow(label: string, old: string | number, restored: string | number, verdict: string): string {
  return `${label.padEnd(26)} ${String(old).padEnd(24)} ${String(restored).padEnd(24)} ${verdict}`.trimEnd();
}

/** The readable start of a Secret, and what differs when a single byte of it does. */
function renderSecret(plain: Buffer): string {
  const text = /[ -~]{4,}/.exec(plain.toString("latin1"))?.[0] ?? "";
  return `"${text}…" ${createHash("sha256").update(plain).digest("hex").slice(0, 8)}`;
}

/** Closes what is being started here when the demo ends, also when it ends before the start is over. */
function own<T extends { close(): Promise<void> }>(starting: Promise<T>): Promise<T> {
  closers.push(() =>
    starting.then(
      (started) => started.close(),
      () => undefined,
    ),
  );
  return starting;
}

/** Begins a part; throws when the demo is ending, so that nothing is started any more. */
function heading(text: string): void {
  if (ending) throw new DemoError("stopped");
  console.log(`\n${text}`);
}

function say(text: string): void {
  console.log(`   ${text}`.trimEnd());
}

async function checkNeeds(): Promise<void> {
  if (!existsSync(entry)) throw new DemoError(`${relative(repository, entry)} is missing: run npm run build`);
  await findEtcdBinaries();
  try {
    execFileSync("curl", ["--version"], { stdio: "ignore" });
  } catch {
    throw new DemoError("curl is missing: install it and run again");
  }
}

for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const)
  process.on(signal, () => {
    stopped.resolve(128 + constants.signals[signal]);
  });
process.stdout.on("error", () => {
  stopped.resolve(1);
});

// Everything that is started makes its folders below this one.
const folder = mkdtempSync(join(tmpdir(), "demo-"));
process.env["TMPDIR"] = folder;
let code = 1;
try {
  await checkNeeds();
  code = await Promise.race([showBackupAndRestore(), stopped.promise]);
} catch (error) {
  // What etcd's absence is told with is one line, too.
  console.error(`\n${error instanceof Error ? error.message : String(error)}`);
} finally {
  ending = true;
  await Promise.allSettled(closers.reverse().map((close) => close()));
  rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
}
process.exit(code);
