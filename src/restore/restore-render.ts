import { hasCode } from "../errors.ts";
import { takeKeys } from "../encryption/given-keys.ts";
import { encryptionKeyName } from "../encryption/key.ts";
import { resolveSnapshot } from "../snapshots/latest.ts";
import { describeDrill, findNewestDrill } from "../snapshots/drill-record.ts";
import { formatSnapshotUri } from "../snapshots/location.ts";
import { refuseOtherCluster, refuseOtherFolder } from "../snapshots/pins.ts";
import { listFilledIds } from "./cluster-identity.ts";
import { acceptFindings, findRefusal, logFindings, refusalOf, type Finding } from "./findings.ts";
import { checkAlarms } from "./etcd-guards.ts";
import { checkManifest, compareWithSnapshot } from "./guards.ts";
import { readManifestFile } from "./manifest-file.ts";
import { parseManifest } from "./manifest.ts";
import { findOutputPath, writeOutput } from "./output-file.ts";
import { proveKnown } from "../snapshots/recorded-proof.ts";
import { readKnownSnapshot } from "../snapshots/recorded-snapshot.ts";
import { findStoredKeys } from "../snapshots/sealed-key.ts";
import { checkValues } from "./proof-guards.ts";
import { checkEtcdVersion } from "./release-guards.ts";
import { renderRestoredManifest } from "./restored-manifest.ts";
import { signRestoreUrl } from "./snapshot-url.ts";
import { readTargetCluster } from "./target-cluster.ts";
import type { RestoreReport, RestoreRequest, RestoreResult, RestoreWorld } from "./world.ts";

/**
 * Writes the manifest of a new hosted cluster whose etcd starts from a stored snapshot: with a URL that was just signed and
 * tried, and with the keys that decrypt it. Nothing is applied; without success nothing is written. Cluster, age and findings
 * stand in `report` from the moment they are known, also where they stop the restore.
 */
export async function renderRestore(
  request: RestoreRequest,
  world: RestoreWorld,
  report: RestoreReport,
): Promise<RestoreResult> {
  const { log, store, environment, openSpool, signal } = world;
  const { pins } = request;
  const decide = (findings: readonly Finding[]): void => {
    const judged = acceptFindings(findings, request.allowUnsafeRestore);
    report.findings = [...report.findings, ...judged];
    logFindings(judged, log);
    const refusal = findRefusal(judged);
    if (refusal !== undefined) throw refusal;
  };
  const { manifest, output, own } = await log.group("Manifest: read it, contact nothing", async () => {
    const file = await readManifestFile(request.manifest, environment);
    const free = await findOutputPath(request.output, file.path, environment);
    const documents = parseManifest(file.content);
    const target = readTargetCluster(documents);
    const { namespace, name } = target.cluster;
    report.hostedCluster = { namespace, name };
    log.info(`read ${String(documents.length)} documents for hosted cluster ${namespace}/${name}`);
    const read = { documents, target };
    const found = checkManifest(read);
    // Nothing of a snapshot that the workflow does not allow is read, or told.
    const pinned = [
      ...refusalOf("snapshot-uri", () => {
        // The cluster of latest is the pinned one.
        if (!("latestOf" in request.snapshot)) refuseOtherFolder(pins, request.snapshot);
      }),
      ...refusalOf("manifest", () => {
        refuseOtherCluster(pins, "manifest", { namespace, name });
      }),
    ];
    if (pinned.length > 0) decide([...pinned, ...found]);
    return { manifest: read, output: free, own: found };
  });
  const known = await log.group("Record: see what is known of the snapshot", async () => {
    // How old it may be is judged with the other guards: its finding can be accepted.
    const snapshot = await resolveSnapshot(request.snapshot, store, { log });
    report.snapshot = snapshot;
    const found = await readKnownSnapshot(snapshot, store, request);
    const record = found.recorded?.record;
    const pinned = refusalOf("record", () => {
      if (record !== undefined) refuseOtherCluster(pins, "record", record.hostedCluster);
    });
    if (pinned.length > 0) decide([...pinned, ...own]);
    if (record !== undefined) report.record = record;
    const drill = await findNewestDrill(store, snapshot);
    if (drill !== undefined) {
      report.drill = drill;
      log.info(`the snapshot was drilled ${describeDrill(drill)}`);
    }
    log.info(
      record === undefined
        ? "the snapshot has no record"
        : `the snapshot was made of ${record.hostedCluster.namespace}/${record.hostedCluster.name} at ${record.createdAt}`,
    );
    return found;
  });
  const record = known.recorded?.record;
  const { taken, refused } = await log.group(
    "Key: take the one that is given, that is sealed, or that lives",
    async () => {
      const { cluster } = world;
      const living = cluster && { cluster, hostedCluster: manifest.target.cluster };
      const given = living === undefined ? request : { ...request, living };
      try {
        return { taken: await takeKeys(given, findStoredKeys(store, known.snapshot, record), world), refused: [] };
      } catch (error) {
        if (hasCode(error, "cancelled")) throw error;
        const refused = refusalOf("key", () => {
          throw error;
        });
        return { taken: undefined, refused };
      }
    },
  );
  const keys = await log.group("Compare: see that snapshot, key and manifest belong together", () => {
    const { findings, ...compared } = compareWithSnapshot(manifest, known, taken, {
      ...request,
      nowMs: store.now().getTime(),
    });
    for (const { key } of [...compared.encryptionKeys, ...compared.signingKeys]) world.onSecret(key);
    decide([...own, ...refused, ...findings]);
    return Promise.resolve(compared);
  });
  const proven = await log.group("Proof: read the stored snapshot whole, every page and value of it", async () => {
    const named = keys.encryptionKeys.map(({ key }) => ({ name: encryptionKeyName(key), bytes: key }));
    const found = await proveKnown(store, known, { keys: named, openSpool, signal });
    log.info(
      `read ${String(found.sizeBytes)} bytes; SHA-256 ${found.sha256}; a whole etcd of revision ${String(found.revision)}`,
    );
    report.contents = found;
    const { cluster } = manifest.target;
    const configured = record?.encryption.type ?? cluster.secretEncryption.type;
    // Without a record the bytes alone say of which etcd they are.
    const version = record === undefined ? checkEtcdVersion(cluster, found.clusterVersion) : [];
    decide([...checkValues(found.encrypted, named, configured), ...version, ...checkAlarms(found.alarms)]);
    return found;
  });
  const signed = await log.group("URL: sign it and try it", async () => {
    const result = await signRestoreUrl(known, request.presignExpiresInSeconds, world);
    log.info(`the URL is valid until ${result.expiresAt}; the store answers it`);
    return result;
  });
  await log.group("Output: write the manifest", async () => {
    const filled = listFilledIds(record, report.findings);
    const rendered = [...keys.encryptionKeys, ...keys.signingKeys];
    const text = renderRestoredManifest(manifest.documents, manifest.target, {
      url: signed.url,
      keys: rendered,
      filled,
    });
    await writeOutput(output, text, world);
    log.info(`wrote ${output}; apply it so that every member of etcd has started before ${signed.expiresAt}`);
  });
  const active = keys.encryptionKeys.find(({ role }) => role === "active");
  return {
    snapshotUri: formatSnapshotUri(known.snapshot),
    sizeBytes: known.sizeBytes,
    sha256: proven.sha256,
    revision: proven.revision,
    ...(known.recorded === undefined
      ? {}
      : {
          recordUri: known.recorded.recordUri,
          etcdVersion: known.recorded.entry.etcdVersion,
        }),
    ...(active === undefined ? {} : { encryptionKeySecretName: active.secretName }),
    presignedUrl: signed.url,
    presignedUrlExpiresAt: signed.expiresAt,
    renderedManifest: output,
  };
}
