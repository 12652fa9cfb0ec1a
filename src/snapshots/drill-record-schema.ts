import * as v from "valibot";
import { count, described, name, run, s3Uri, sha256, text, time, version } from "./schema-parts.ts";

/**
 * The result of a drill, said once: docs/drill.schema.json, the TypeScript type and the reader are made of it. Fields that it
 * does not name are kept by readers.
 */

const seconds = v.pipe(v.number(), v.minValue(0));
const script = v.picklist(["plain", "bumped"]);

const phase = v.object({
  name: v.picklist(["pod started", "fetched", "restored", "etcd answers", "prediction met", "Secret served"]),
  script: v.exactOptional(described(script, "Absent for what was done once.")),
  seconds,
});

export const drillRecordSchema = v.pipe(
  v.object({
    schemaVersion: v.literal(1),
    drilledAt: described(time, "By the API server's clock, when all was shown."),
    action: described(v.object({ version: text }), "The version of the action that drilled."),
    run: described(run, "The workflow run; texts are empty outside of one."),
    hostedCluster: described(v.object({ namespace: name, name }), "The living cluster whose images were used."),
    releaseVersion: v.exactOptional(described(text, "Of the living cluster.")),
    snapshot: described(
      v.object({ uri: s3Uri, versionId: v.exactOptional(text), sizeBytes: count, sha256, revision: count }),
      "The snapshot that was started.",
    ),
    etcd: described(v.object({ image: text, version }), "The etcd that it was started with."),
    scripts: described(
      v.pipe(v.array(script), v.minLength(1), v.maxLength(2)),
      "How it was restored; the last one as the release of the living cluster does it.",
    ),
    liveKeys: described(count, "Keys that the restored etcd gave, as many of each resource as the snapshot has."),
    secrets: described(
      v.variant("shown", [
        v.object({
          shown: v.literal(true),
          read: described(count, "Objects that an API server read and decrypted."),
          resources: v.pipe(v.array(text), v.maxLength(100)),
          namespaces: described(count, "Namespaces that it listed."),
        }),
        v.object({ shown: v.literal(false), reason: text }),
      ]),
      "What an API server of the living cluster's image said on the restored etcd.",
    ),
    phases: v.pipe(v.array(phase), v.maxLength(20)),
    rtoSeconds: described(
      seconds,
      "The sum of the phases of the last script: the time that a restore of the data takes, without nodes, operators and DNS.",
    ),
  }),
  v.title("Result of a restore drill"),
  v.description(
    "The JSON object beside a record that says that its snapshot was started, and how long that took. Readers keep fields that they do not know and refuse another schemaVersion. Times are RFC 3339 in UTC, sizes bytes, hashes lower-case hex.",
  ),
);
