import { createHash } from "node:crypto";
import { basename } from "node:path";
import { generateX25519Identity, identityToRecipient } from "age-encryption";
import { findEtcdBinaries } from "../../__tests__/world/etcd/binaries.ts";
import type { RunningEtcd } from "../../__tests__/world/etcd/etcd.ts";
import { decryptSecret } from "../../__tests__/world/etcd/fill.ts";
import { readRendered } from "../../__tests__/world/rendered.ts";
import { startRestoredCluster } from "../../__tests__/world/restored-cluster.ts";
import type { StepResult } from "../../__tests__/world/runner/step.ts";
import { startWorld, type StepInputs, type World } from "../../__tests__/world/world.ts";
import { DemoError, isGreen, type Stage } from "./stage.ts";

/**
 * The whole way once: a backup, the end of the hosted cluster, a new one from the latest snapshot, and the proof that it is the
 * old one. Returns the exit code: 0 when it is.
 */
export async function showBackupAndRestore(stage: Stage, entry: string): Promise<number> {
  const startedMs = performance.now();
  const { etcdctl, etcdutl } = await findEtcdBinaries();
  const identity = await generateX25519Identity();

  stage.heading("1. Start a hosted cluster and an object store, all on this machine");
  const world = await stage.own(startWorld({ entry }));
  const { cluster, store } = world;
  const [source] = cluster.etcd;
  const { version } = await source.client.status();
  const keys = await source.client.count("/");
  stage.say(
    `etcd ${version} with ${String(keys)} keys, among them ${String(cluster.filled.secrets.size)} encrypted Secrets;`,
  );
  stage.say("three API servers write to it all the time.");
  stage.say(`management cluster: ${cluster.url} with hosted cluster clusters/example`);
  stage.say(`object store: ${store.endpoint} with bucket ${world.bucket}`);

  stage.heading("2. Back up: the action with `mode: backup`, as a workflow runs it");
  const backup = await runGreen(
    stage,
    world,
    world.backupInputs({
      kubeconfig: onOneLine(await cluster.kubeconfig()),
      "key-recipients": await identityToRecipient(identity),
    }),
  );
  // The API servers have written on since; the last write before they were stopped is what must be in.
  const revision = Math.max(...Object.values(cluster.lastWrites).map(([last]) => last?.revision ?? 0));
  const secret = [...cluster.filled.secrets.keys()][0] ?? "";
  const old = await describeEtcd(source, { revision, secret, key: cluster.aesKey });

  stage.heading("3. Lose the hosted cluster: its etcd, its encryption Secret and its management cluster");
  await cluster.close();
  stage.say("Left are the snapshot, the key that was sealed beside it, and the identity that opens it.");

  stage.heading("4. Prepare the new one: the action with `mode: restore-render`");
  const opened = { "encryption-key": "", "age-identity": identity };
  const rendered = await runGreen(stage, world, world.restoreInputs("latest", opened));
  const manifest = await readRendered(rendered);

  stage.heading("5. Apply the manifest. HyperShift is played here, and restores as its init container does:");
  stage.say(
    `curl -o snapshot "$RESTORE_URL"    # the signed URL of the manifest, ${String(manifest.url.length)} characters`,
  );
  stage.say(`${basename(etcdutl ?? etcdctl)} snapshot restore snapshot --data-dir=data`);
  stage.say("etcd --data-dir=data …");
  const restored = await stage.own(startRestoredCluster(manifest, world.env["NODE_EXTRA_CA_CERTS"] ?? ""));

  stage.heading("6. Prove that the new cluster is the old one: the action with `mode: verify-restore`");
  const user = "system:serviceaccount:clusters:etcd-verify-restore";
  await runGreen(
    stage,
    world,
    world.verifyRestoreInputs(rendered.outputs["snapshot-uri"] ?? "", {
      kubeconfig: onOneLine(await restored.kubeconfig({ user })),
      ...opened,
    }),
  );

  stage.heading("7. Compare by hand what the old etcd had with what the new one has");
  const now = await describeEtcd(restored.etcd[0], { revision, secret, key: manifest.key });
  const equal = compare(stage, old, now);
  stage.say(`(${basename(secret)} was decrypted with the key in the rendered manifest)`);
  const seconds = ((performance.now() - startedMs) / 1000).toFixed(1);
  stage.say("");
  stage.say(
    equal
      ? `All equal. The API servers were away for ${backup.outputs["api-downtime-seconds"] ?? "?"} s; everything together took ${seconds} s.`
      : "NOT equal: the snapshot is no backup. Please report this.",
  );
  if (equal) {
    stage.say(
      "etcd and the store's bytes are real. Played are Kubernetes, HyperShift's operators and the API servers, which end",
    );
    stage.say("at once (HyperShift's drain for 70 s first) and read no Secret: npm run e2e has real ones.");
  }
  return equal ? 0 : 1;
}

async function runGreen(stage: Stage, world: World, inputs: StepInputs): Promise<StepResult> {
  const result = await stage.runStep(world, inputs);
  if (isGreen(result)) return result;
  throw new DemoError("the action failed; its log above says why");
}

/** The runner masks each line of a secret, and a kubeconfig's are words of every log. */
function onOneLine(kubeconfig: string): string {
  return Buffer.from(kubeconfig).toString("base64");
}

/** The rows of the comparison, by their labels. */
type Description = ReadonlyMap<string, string | number>;

interface Asked {
  readonly revision: number;
  /** Name of an encrypted Secret, and the key that it is encrypted with. */
  readonly secret: string;
  readonly key: Buffer;
}

async function describeEtcd(
  { client }: Pick<RunningEtcd, "client">,
  { revision, secret, key }: Asked,
): Promise<Description> {
  const stored = await client.get(secret);
  return new Map<string, string | number>([
    [`keys at revision ${String(revision)}`, await client.count("/", { revision })],
    [`HashKV at revision ${String(revision)}`, (await client.hashKv(revision)).hash],
    [basename(secret), stored ? renderSecret(decryptSecret(stored.value, key)) : "missing"],
  ]);
}

/** Prints a table; true when each of its rows is equal. */
function compare(stage: Stage, old: Description, restored: Description): boolean {
  const rows = [...old].map(([label, value]) => [label, value, restored.get(label) ?? "missing"] as const);
  stage.say(renderRow("", "old", "restored", ""));
  for (const [label, before, now] of rows)
    stage.say(renderRow(label, before, now, before === now ? "equal" : "DIFFERENT"));
  return rows.every(([, before, now]) => before === now);
}

function renderRow(label: string, old: string | number, restored: string | number, verdict: string): string {
  return `${label.padEnd(26)} ${String(old).padEnd(24)} ${String(restored).padEnd(24)} ${verdict}`.trimEnd();
}

/** The readable start of a Secret, and what differs when a single byte of it does. */
function renderSecret(plain: Buffer): string {
  const text = /[ -~]{4,}/.exec(plain.toString("latin1"))?.[0] ?? "";
  return `"${text}…" ${createHash("sha256").update(plain).digest("hex").slice(0, 8)}`;
}
