import { at, stringAt, textsAt } from "../json-path.ts";
import { quote } from "../shown-text.ts";
import { refuse, type Finding } from "./findings.ts";
import { listMissingObjects } from "./needed-objects.ts";
import type { ReadManifest } from "./target-cluster.ts";

/** The API server or a controller sets them; `creationTimestamp: null` is what every renderer in Go prints. */
const liveFields = [
  "uid",
  "resourceVersion",
  "generation",
  "creationTimestamp",
  "deletionTimestamp",
  "ownerReferences",
  "finalizers",
  "managedFields",
];

const journalAnnotation = "hypershift-etcd-backup-action/journal";
const restoredAnnotation = "hypershift.openshift.io/restored-from-backup";

/** Findings of what keeps a new cluster from starting: `manifest-unsuitable` for a pause and for an export of a live object. */
export function checkStart(manifest: ReadManifest): readonly Finding[] {
  const { documents, target } = manifest;
  return [
    ...documents.flatMap(({ value }) => [...checkPause(value), ...checkExport(value)]),
    ...checkAnnotations(documents[target.index]?.value),
    ...listMissingObjects(manifest),
  ];
}

/** HyperShift makes nothing of a paused HostedCluster, and the signed URL ends meanwhile. */
function checkPause(value: unknown): readonly Finding[] {
  const pausedUntil = at(value, "spec", "pausedUntil");
  if (pausedUntil === undefined || pausedUntil === null || pausedUntil === "") return [];
  const kind = stringAt(value, "kind");
  const guard = `spec.pausedUntil of ${kind ?? "an object"}`;
  if (kind === "NodePool")
    return [{ guard, verdict: "warning", text: "the NodePool is paused: the new cluster gets no nodes from it" }];
  if (kind !== "HostedCluster") return [];
  return [
    refuse(
      guard,
      "manifest-unsuitable",
      `the manifest pauses the hosted cluster (spec.pausedUntil ${quote(renderScalar(pausedUntil))}): it would not start`,
      "remove spec.pausedUntil",
    ),
  ];
}

function checkExport(value: unknown): readonly Finding[] {
  const found = [
    ...liveFields.filter((field) => {
      const given = at(value, "metadata", field);
      return given !== undefined && given !== null;
    }),
    ...(textsAt(value, "metadata", "annotations")[journalAnnotation] === undefined ? [] : [journalAnnotation]),
  ];
  if (found.length === 0) return [];
  const object = `${stringAt(value, "kind") ?? "object"} ${stringAt(value, "metadata", "name") ?? ""}`.trim();
  return [
    refuse(
      `metadata of ${quote(object)}`,
      "manifest-unsuitable",
      `the manifest's ${quote(object)} is an export of a live object (${found.join(", ")})`,
      "remove these fields of metadata, or render the manifest with hypershift create cluster --render",
    ),
  ];
}

/** Source of the effect: control-plane-operator/hostedclusterconfigoperator/controllers/resources/recovery in HyperShift. */
function checkAnnotations(hostedCluster: unknown): readonly Finding[] {
  if (textsAt(hostedCluster, "metadata", "annotations")[restoredAnnotation] === undefined) return [];
  return [
    {
      guard: restoredAnnotation,
      verdict: "warning",
      text: "where Prometheus of the new cluster is not wholly available, HyperShift deletes the volumes of openshift-monitoring once",
    },
  ];
}

function renderScalar(value: unknown): string {
  return typeof value === "string" || typeof value === "boolean" || typeof value === "number" ? String(value) : "…";
}
