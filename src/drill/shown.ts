import { ActionError } from "../errors.ts";
import type { EncryptedValues } from "../etcd/encryption-check.ts";
import type { Snapshot } from "../etcd/snapshot.ts";
import type { RestoreScript } from "../hypershift/restore-script.ts";
import type { ObjectRef } from "../ports.ts";
import type { DrillRecord } from "../snapshots/drill-record.ts";
import { limits } from "../time-limits.ts";
import {
  namespacesCommand,
  parseNamespaces,
  parseReads,
  readCommand,
  renderArguments,
  renderReads,
  serveCommand,
} from "./api-server.ts";
import { runInPod, type CourseWorld } from "./course.ts";
import { askCommand, parseAnswers, refuseLongList, refuseOtherAnswers, refuseOtherKeys } from "./etcd-answers.ts";
import { KeyspaceReader, listCommand, pieceCommand, type Keyspace } from "./keyspace.ts";
import { apiServerContainer } from "./pod-manifest.ts";
import { refuseLost } from "./pod.ts";

/** 8 MiB: some 80,000 keys. */
const pieceBytes = 8 * 1024 * 1024;

interface Restored {
  readonly snapshot: Snapshot;
  readonly script: RestoreScript;
  readonly controlPlane: string;
}

/**
 * Holds a restored etcd that nobody has written to yet against the stored bytes: revision, HashKV, ids, and its keys by resource.
 * Returns its version and keys. Throws `drill-differs`.
 */
export async function compareEtcd(
  world: CourseWorld,
  ref: ObjectRef,
  { snapshot, script, controlPlane }: Restored,
): Promise<{ readonly version: string; readonly keyspace: Keyspace }> {
  const { revision } = snapshot.prediction[script];
  const hashSeconds = Math.ceil(limits.hashBaseMs / 1000 + snapshot.sizeBytes / limits.hashBytesPerSecond);
  const asked = askCommand(revision, hashSeconds);
  // Three questions, one after the other.
  const timeoutMs = 3 * hashSeconds * 1000;
  const answers = parseAnswers((await runInPod(world, ref, { argv: asked, timeoutMs })).toString("utf8"));
  const version = refuseOtherAnswers(answers, snapshot, { script, controlPlane });
  const listed = await runInPod(world, ref, { argv: listCommand(revision), timeoutMs: limits.partTimeoutMs });
  const sizeBytes = Number(listed.toString("utf8").trim());
  refuseLongList(script, sizeBytes, snapshot);
  const wanted = ["secrets", ...readableResources(snapshot.encrypted)];
  const reader = new KeyspaceReader(wanted, Number.parseInt(snapshot.trailer.slice(0, 8), 16));
  for (let offset = 0; offset < sizeBytes; offset += pieceBytes) {
    const expectedBytes = Math.min(pieceBytes, sizeBytes - offset);
    const argv = pieceCommand(offset, expectedBytes);
    reader.add(await runInPod(world, ref, { argv, timeoutMs: limits.partTimeoutMs, expectedBytes }));
  }
  const keyspace = reader.end();
  refuseOtherKeys(script, keyspace.counts, snapshot);
  return { version, keyspace };
}

/** The resources of kube-apiserver itself with values that an AES key encrypts. */
export function readableResources({ groups }: EncryptedValues): readonly string[] {
  const names = groups.flatMap(({ resource, provider }) =>
    provider === "aescbc" && /^[a-z]+$/.test(resource) ? [resource] : [],
  );
  return [...new Set(names)];
}

/** Why an API server could not read what is encrypted, in words; undefined: it can. */
export function findUnreadable({ groups }: EncryptedValues, keys: number): string | undefined {
  const other = groups.find(({ provider }) => provider !== "aescbc");
  if (other !== undefined)
    return `values of ${other.resource} are encrypted by ${other.provider}, whose key a drill does not have`;
  return groups.length > 0 && keys === 0 ? "no key was given" : undefined;
}

/**
 * Starts an API server on the restored etcd, and has it list the namespaces and read the sample. An API server that does not
 * start is told as not shown. Throws `drill-secrets-unreadable`, and `drill-differs` where it lists fewer namespaces.
 */
export async function readThroughApiServer(
  world: CourseWorld,
  ref: ObjectRef,
  { keyspace, serviceNetworks }: { readonly keyspace: Keyspace; readonly serviceNetworks: readonly string[] },
): Promise<DrillRecord["secrets"]> {
  const { prefix, sample, counts } = keyspace;
  if (prefix === undefined) return { shown: false, reason: "the snapshot has no namespace, so it is of no API server" };
  const timeoutMs = limits.execTimeoutMs;
  await runInPod(world, ref, { argv: serveCommand(renderArguments(prefix, serviceNetworks)), timeoutMs });
  const namespaces = await waitForNamespaces(world, ref);
  if (typeof namespaces === "string") return { shown: false, reason: namespaces };
  const expected = counts["namespaces"] ?? 0;
  if (namespaces < expected)
    throw new ActionError(
      "drill-differs",
      `the API server lists ${String(namespaces)} namespaces, and etcd has ${String(expected)}`,
      { hint: "do not count on this snapshot; keep it, and report it with the version of the API server" },
    );
  const input = [renderReads(sample)];
  const output = await runInPod(world, ref, { argv: readCommand(), timeoutMs: limits.partTimeoutMs, input });
  const statuses = parseReads(output.toString("utf8"));
  const bad = sample.filter((_, index) => statuses[index] !== 200);
  if (bad.length > 0) {
    const [first] = bad;
    const seen = [...new Set(statuses.filter((status) => status !== 200))].join(", ") || "nothing";
    throw new ActionError(
      "drill-secrets-unreadable",
      `the API server does not give ${String(bad.length)} of ${String(sample.length)} objects that were drawn, the first a ${first?.resource ?? ""} of namespace ${first?.namespace ?? ""}; it answered ${seen}`,
      {
        hint: "500 means that a value could not be decrypted: look whether the key is the one that the API servers used then",
      },
    );
  }
  const resources = [...new Set(sample.map(({ resource }) => resource))];
  return { shown: true, read: sample.length, resources, namespaces };
}

/** How many namespaces the API server lists, or why it does not. */
async function waitForNamespaces(world: CourseWorld, ref: ObjectRef): Promise<number | string> {
  const { clock, signal, cluster } = world;
  const beganMs = clock.nowMs();
  for (;;) {
    const asking = { argv: namespacesCommand(), timeoutMs: limits.execTimeoutMs + 5_000 };
    const answered = await runInPod(world, ref, asking);
    const namespaces = parseNamespaces(answered.toString("utf8"));
    if (namespaces !== undefined) return namespaces;
    const pod = refuseLost(ref, await cluster.findPod(ref));
    const container = pod.containers.find(({ name }) => name === apiServerContainer);
    if (container?.exitCode !== undefined) {
      // Not info, whose last line of a group stands in the summary.
      world.log.debug(`its last words: ${container.message.trim().split("\n").at(-1) ?? ""}`.slice(0, 500));
      return `the API server ended with ${String(container.exitCode)}: its image cannot start so`;
    }
    if (container?.running !== true) return `the API server's container does not run: ${container?.waitsFor ?? ""}`;
    if (clock.nowMs() - beganMs >= limits.drillApiServerMs)
      return `the API server did not answer within ${String(limits.drillApiServerMs / 1000)} s`;
    await clock.sleep(limits.drillPollMs, signal);
  }
}
