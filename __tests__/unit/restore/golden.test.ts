import { existsSync, readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { describe, expect, test } from "vitest";
import { checkManifest, compareWithSnapshot } from "../../../src/restore/guards.ts";
import { listFilledIds } from "../../../src/restore/cluster-identity.ts";
import { parseManifest } from "../../../src/restore/manifest.ts";
import { findImageRelease, renderRelease } from "../../../src/hypershift/release.ts";
import { renderRestoredManifest } from "../../../src/restore/restored-manifest.ts";
import { readTargetCluster } from "../../../src/restore/target-cluster.ts";
import { recordKeyOf } from "../../../src/snapshots/location.ts";
import type { SnapshotRecord } from "../../../src/snapshots/record.ts";
import { diffLines } from "./line-diff.ts";
import { oldKey } from "./manifest-builder.ts";
import { buildRecord, oldEncryption, snapshot } from "./record-builder.ts";
import { shapes } from "./shapes.ts";

const signer = Buffer.from("the old signing key");
const url = "https://store.example/backups/a.db?X-Amz-Signature=5f";

/** The record of the cluster that a manifest describes, with the ids that it had. */
function recordOf(manifest: ReturnType<typeof read>): SnapshotRecord {
  const { cluster } = manifest.target;
  const known = (field: string, value: string | undefined): object => (value === undefined ? {} : { [field]: value });
  const tagged = findImageRelease(cluster.releaseImage ?? "");
  const record = buildRecord({
    hostedCluster: {
      namespace: cluster.namespace,
      name: cluster.name,
      infraID: cluster.infraID ?? `${cluster.name}-old42`,
      clusterID: cluster.clusterID ?? "6b1c2f0e-0000-4000-8000-000000000042",
      services: cluster.services,
      releaseImage: cluster.releaseImage ?? "",
      releaseVersion: tagged === undefined ? "4.20.3" : renderRelease(tagged),
      ...known("baseDomain", cluster.baseDomain),
      ...known("platform", cluster.platform),
      ...known("availabilityPolicy", cluster.availabilityPolicy),
    },
    networking: cluster.networking,
    ...known("issuerURL", cluster.issuerURL),
  });
  const { secretEncryption } = cluster;
  return {
    ...record,
    encryption:
      secretEncryption.type === "kms"
        ? { type: "kms", kms: secretEncryption.ids }
        : secretEncryption.type === "aescbc"
          ? oldEncryption
          : { type: "none" },
  };
}

function read(text: string) {
  const documents = parseManifest(Buffer.from(text));
  return { documents, target: readTargetCluster(documents) };
}

/** The table of findings, and the lines that a restore changes in the manifest. */
function restore(text: string): { readonly golden: string; readonly rendered: string } {
  const manifest = read(text);
  const record = recordOf(manifest);
  const { cluster } = manifest.target;
  const [entry] = record.snapshots;
  if (entry === undefined) throw new Error("the record has no snapshot");
  const known = {
    snapshot,
    sizeBytes: entry.sizeBytes,
    recorded: { record, recordUri: recordKeyOf(entry.uri), entry },
  };
  const taken = {
    encryptionKeys: cluster.secretEncryption.type === "aescbc" ? [oldKey] : [],
    ...(cluster.serviceAccountSigningKey === undefined
      ? {}
      : { signingKey: { secretName: cluster.serviceAccountSigningKey, bytes: signer } }),
  };
  const compared = compareWithSnapshot(manifest, known, taken, {
    presignExpiresInSeconds: 3_600,
    nowMs: Date.parse("2026-11-25T08:00:00Z"),
  });
  const findings = [...checkManifest(manifest), ...compared.findings];
  const rendered = renderRestoredManifest(manifest.documents, manifest.target, {
    url,
    keys: [...compared.encryptionKeys, ...compared.signingKeys],
    filled: listFilledIds(record, findings),
  });
  const table = findings.map(
    ({ guard, verdict, code, text: words }) =>
      `${verdict.padEnd(7)} ${guard}${code === undefined ? "" : ` (${code})`}: ${words}`,
  );
  const show = (line: string): string => line.replace("\r", "␍");
  return { golden: [...table, "", ...diffLines(text, rendered).map(show), ""].join("\n"), rendered };
}

/** As a render without --render-sensitive prints it. */
function withoutSecrets(text: string): string {
  return text
    .split(/^(?=---)/m)
    .filter((document) => !/^kind: Secret/m.test(document))
    .join("");
}

async function expectGolden(name: string, text: string): Promise<void> {
  const { golden, rendered } = restore(text);
  await expect(golden).toMatchFileSnapshot(`golden/${name}.diff`);
  // Rendered again, nothing is left to be changed.
  expect(restore(rendered).rendered).toBe(rendered);
}

describe("a restore changes these lines, and finds these things, in the manifest of the old cluster", () => {
  test.each(Object.entries(shapes))("%s", async (name, text) => {
    await expectGolden(name, text);
  });
});

const upstream = path.join(import.meta.dirname, "../../../../shared/hypershift/rendered");
describe.runIf(existsSync(upstream))("and in what HyperShift's own command prints", () => {
  const files = existsSync(upstream) ? readdirSync(upstream) : [];
  test.each(files)("%s", async (file) => {
    const text = readFileSync(path.join(upstream, file), "utf8");
    const name = path.basename(file, ".yaml");
    await expectGolden(`rendered-${name}`, text);
    const plain = withoutSecrets(text);
    if (plain !== text) await expectGolden(`rendered-${name}-without-secrets`, plain);
  });
});
