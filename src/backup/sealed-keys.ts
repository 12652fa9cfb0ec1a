import { createHash } from "node:crypto";
import { renderKeyFile } from "../encryption/key-file.ts";
import { seal } from "../encryption/seal.ts";
import { ActionError, describeError } from "../errors.ts";
import type { HostedCluster } from "../hypershift/hosted-cluster.ts";
import type { Clock, Log, SnapshotStore } from "../ports.ts";
import { formatSnapshotUri, runNameOf, sealedKeyKey, type SnapshotRun } from "../snapshots/location.ts";
import type { KeyFacts } from "./key-notice.ts";
import { putAndRead } from "./small-object.ts";

/** The sealed file of keys, as it was read back from the store. */
export interface SealedKeys {
  readonly uri: string;
  readonly recipients: readonly string[];
  /** SHA-256 of the sealed bytes, lower-case hex. */
  readonly sha256: string;
}

/** Both are absent where nothing was to be sealed. */
export interface Sealing {
  readonly sealed?: SealedKeys;
  /** Why the keys are not sealed. The snapshot is whole all the same, and is recorded; the run is red. */
  readonly failure?: ActionError;
}

interface SealWorld {
  readonly store: SnapshotStore;
  readonly clock: Clock;
  readonly log: Log;
}

interface SealedFacts extends KeyFacts {
  readonly run: SnapshotRun;
  readonly hostedCluster: HostedCluster;
}

/**
 * Stores the keys beside the snapshots, sealed to `recipients` and create-only, and compares what is read back. From then on this
 * run, too, can read them in its own memory alone. Throws nothing: a failure is told in the result. An object that holds other
 * bytes than were sent is removed; one that could not be read back stays, and nothing names it.
 */
export async function sealKeys(world: SealWorld, facts: SealedFacts, recipients: readonly string[]): Promise<Sealing> {
  if (recipients.length === 0) return {};
  return world.log.group("Key: seal the keys beside the snapshot", () => sealInto(world, facts, recipients));
}

async function sealInto(world: SealWorld, facts: SealedFacts, recipients: readonly string[]): Promise<Sealing> {
  const key = sealedKeyKey(facts.run);
  const uri = formatSnapshotUri({ bucket: world.store.bucket, key });
  try {
    const body = await seal(render(facts), recipients);
    const object = { name: "the sealed key", key, body, contentType: "application/octet-stream" };
    const { store, stored } = await putAndRead(world, object, facts.run.nonce);
    if (!stored.equals(body)) {
      await store.deleteObject(key).catch((error: unknown) => {
        world.log.warning(`the sealed key ${uri}, which is damaged, stayed (${describeError(error).code}); remove it`);
      });
      throw new ActionError("proof-failed", `the sealed key ${uri}, read back, is not what was written`, {
        hint: "do not trust this store before its operator has found out why; save the key as the summary says",
      });
    }
    const count = `${String(facts.encryption.keys.length)} encryption keys`;
    world.log.info(`sealed ${count} to ${String(recipients.length)} recipients, ${tellSigningKey(facts)}: ${uri}`);
    return { sealed: { uri, recipients, sha256: createHash("sha256").update(body).digest("hex") } };
  } catch (error) {
    const failure = describeError(error);
    world.log.warning(`the keys are not sealed (${failure.code}: ${failure.message})`);
    return { failure };
  }
}

function render({ run, hostedCluster, encryption, signingKey }: SealedFacts): Buffer {
  const { namespace, name, clusterID } = hostedCluster;
  const about = {
    run: { name: runNameOf(run), nonce: run.nonce },
    hostedCluster: { namespace, name, ...(clusterID === undefined ? {} : { clusterID }) },
  };
  return renderKeyFile(about, encryption, signingKey);
}

function tellSigningKey({ signingKey }: SealedFacts): string {
  if (signingKey.origin === "hypershift") return "no signing key, which HyperShift made itself";
  const { secret, read } = signingKey;
  return "unread" in read ? `not the signing key of Secret ${secret.name}` : `the signing key of Secret ${secret.name}`;
}
