import { renderBytes } from "../bytes.ts";
import { describeAlarm, type SnapshotAlarm } from "../etcd/cluster-state.ts";
import type { HostedCluster } from "../hypershift/hosted-cluster.ts";
import { at } from "../json-path.ts";
import { quote } from "../shown-text.ts";
import { refuse, type Finding } from "./findings.ts";
import { storagePath } from "./target-cluster.ts";

/** The API's default where a manifest names no size (api/hypershift/v1beta1/hostedcluster_types.go). */
const defaultVolume = "8Gi";

/** `etcd-unmanaged` for an etcd that HyperShift does not restore, `manifest-unsuitable` for one without a place for the URL. */
export function checkEtcd({ etcd }: HostedCluster, value: unknown): readonly Finding[] {
  if (etcd.managementType !== "Managed")
    return [
      refuse(
        "spec.etcd.managementType",
        "etcd-unmanaged",
        `the manifest's spec.etcd.managementType is ${quote(etcd.managementType)}, not "Managed"`,
        "HyperShift restores only an etcd that it runs itself; restore this one with the means of whoever runs it",
      ),
    ];
  const storage = at(value, ...storagePath);
  if (!etcd.sharded)
    return typeof storage === "object" && storage !== null && !Array.isArray(storage)
      ? []
      : [
          refuse(
            "spec.etcd",
            "manifest-unsuitable",
            `the manifest has no ${storagePath.join(".")}`,
            "give the output of hypershift create cluster --render",
          ),
        ];
  return [
    refuse(
      "spec.etcd.managed.shards",
      "etcd-unmanaged",
      "the manifest splits etcd into shards",
      "one snapshot cannot fill several; remove spec.etcd.managed.shards",
    ),
  ];
}

/** With NOSPACE the new etcd takes no write until somebody disarms it. */
export function checkAlarms(alarms: readonly SnapshotAlarm[]): readonly Finding[] {
  return alarms.map((alarm) => ({
    guard: "etcd alarms",
    verdict: "warning",
    text: `${describeAlarm(alarm)}, until "etcdctl alarm disarm"`,
  }));
}

/** What HyperShift lets an etcd grow to, of every release since 4.13 (ETCD_QUOTA_BACKEND_BYTES of its StatefulSet). */
const quotaBytes = 8 * 1024 ** 3;

/** `etcd-over-quota` where the restored etcd would refuse every write from its first moment on. */
export function checkQuota(sizeBytes: number): readonly Finding[] {
  const guard = "etcd quota";
  const text = `the snapshot has ${renderBytes(sizeBytes)}, and HyperShift's etcd takes ${renderBytes(quotaBytes)}`;
  if (sizeBytes < quotaBytes) return [{ guard, verdict: "equal", text }];
  return [
    refuse(
      guard,
      "etcd-over-quota",
      `${text}: it would start read-only, with the alarm NOSPACE`,
      "restore a snapshot that was made after the old etcd was defragmented; or accept etcd-over-quota in allow-unsafe-restore, and compact, defragment and disarm the alarm in the new one",
    ),
  ];
}

/** `volume-too-small` where the restored file does not fit on the volume beside etcd's own files; each member has its own. */
export function checkVolume(hostedCluster: unknown, sizeBytes: number): readonly Finding[] {
  const guard = "etcd volume";
  // A quantity may be a number as well; kubectl sends it as one.
  const given = at(hostedCluster, ...storagePath, "persistentVolume", "size") ?? defaultVolume;
  const size = typeof given === "string" ? given : JSON.stringify(given);
  const volumeBytes = parseQuantity(size);
  if (volumeBytes === undefined)
    return [{ guard, verdict: "warning", text: `its size ${quote(size)} is not understood, and was not compared` }];
  const text = `the snapshot has ${renderBytes(sizeBytes)}, the volume ${renderBytes(volumeBytes)}`;
  // A new etcd writes 64 MiB of log before its first snapshot.
  if (sizeBytes + 64 * 1024 * 1024 > volumeBytes)
    return [refuse(guard, "volume-too-small", text, `enlarge ${storagePath.join(".")}.persistentVolume.size`)];
  return sizeBytes * 2 > volumeBytes
    ? [{ guard, verdict: "warning", text: `${text}: little is left for etcd to grow` }]
    : [{ guard, verdict: "equal", text }];
}

/** Bytes of a quantity of Kubernetes; undefined for another form. */
function parseQuantity(text: string): number | undefined {
  const [, digits, unit = ""] = /^(\d{1,15}(?:\.\d{1,9})?)(Ki|Mi|Gi|Ti|Pi|k|M|G|T|P)?$/.exec(text) ?? [];
  if (digits === undefined) return undefined;
  const power = ["", "k", "M", "G", "T", "P"].indexOf(unit.charAt(0) === "K" ? "k" : unit.charAt(0));
  return Number(digits) * (unit.endsWith("i") ? 1024 : 1000) ** power;
}
