import { formatSnapshotUri } from "../snapshot/location.ts";
import { checkIdentity } from "./cluster-identity.ts";
import { findEncryptionKey } from "./encryption-key.ts";
import { readManifestFile } from "./manifest-file.ts";
import { parseManifest } from "./manifest.ts";
import { findOutputPath, writeOutput } from "./output-file.ts";
import { readRecordedSnapshot } from "./recorded-snapshot.ts";
import { checkRelease } from "./release-guards.ts";
import { renderRestoredManifest } from "./restored-manifest.ts";
import { signRestoreUrl } from "./snapshot-url.ts";
import { readTargetCluster } from "./target-cluster.ts";
import type { RestoreRequest, RestoreResult, RestoreWorld } from "./world.ts";

/**
 * Writes the manifest of a new hosted cluster whose etcd starts from a recorded snapshot: with a URL that was just signed and
 * tried, and with the key that decrypts it. Nothing is applied; without success nothing is written.
 */
export async function renderRestore(request: RestoreRequest, world: RestoreWorld): Promise<RestoreResult> {
  const { log, store, environment } = world;
  const { documents, target, output } = await log.group("Manifest: read it, contact nothing", async () => {
    const file = await readManifestFile(request.manifest, environment);
    const free = await findOutputPath(request.output, file.path, environment);
    const parsed = parseManifest(file.content);
    const found = readTargetCluster(parsed);
    log.info(
      `read ${String(parsed.length)} documents for hosted cluster ${found.cluster.namespace}/${found.cluster.name}`,
    );
    return { documents: parsed, target: found, output: free };
  });
  const { cluster } = target;
  const snapshot = await log.group("Record: see what is known of the snapshot", async () => {
    const recorded = await readRecordedSnapshot(request.snapshot, store);
    const { hostedCluster, createdAt } = recorded.record;
    log.info(`the snapshot was made of ${hostedCluster.namespace}/${hostedCluster.name} at ${createdAt}, and proven`);
    return recorded;
  });
  const { record, entry } = snapshot;
  const encryption = await log.group("Compare: see that snapshot, key and manifest belong together", () => {
    checkIdentity(record, cluster, log);
    checkRelease(record.hostedCluster, cluster, { log, allowUnsafe: request.allowUnsafeRestore });
    const key = findEncryptionKey(record.encryption, documents, target, { given: request.encryptionKey, log });
    if (key !== undefined) world.onSecret(key.key);
    log.info(key === undefined ? "the snapshot needs no key" : "the key is the one that encrypts the snapshot");
    return Promise.resolve(key);
  });
  const signed = await log.group("URL: sign it and try it", async () => {
    const result = await signRestoreUrl(snapshot, request.presignExpiresInSeconds, world);
    log.info(`the URL is valid until ${result.expiresAt}; the store answers it`);
    return result;
  });
  await log.group("Output: write the manifest", async () => {
    await writeOutput(output, renderRestoredManifest(documents, target, signed.url, encryption));
    log.info(`wrote ${output}; apply it so that every member of etcd has started before ${signed.expiresAt}`);
  });
  return {
    hostedCluster: { namespace: cluster.namespace, name: cluster.name },
    snapshotUri: formatSnapshotUri(request.snapshot),
    recordUri: snapshot.recordUri,
    sizeBytes: entry.sizeBytes,
    sha256: entry.sha256,
    revision: entry.revision,
    etcdVersion: entry.etcdVersion,
    createdAt: record.createdAt,
    ...(encryption === undefined ? {} : { encryptionKeySecretName: encryption.secretName }),
    presignedUrl: signed.url,
    presignedUrlExpiresAt: signed.expiresAt,
    renderedManifest: output,
  };
}
