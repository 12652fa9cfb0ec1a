import { chown, mkdir } from "node:fs/promises";
import { join } from "node:path";
import type { JsonObject } from "../../__tests__/fakes/management-cluster/json.ts";
import type { Layout } from "../cluster/layout.ts";
import { runCommand } from "../command.ts";
import { userId } from "./etcd.ts";

/** A volume for each member, of the size that HyperShift asks for; memory is taken as it is filled. */
export async function createEtcdVolumes(
  layout: Layout,
  namespace: string,
  members: number,
): Promise<readonly JsonObject[]> {
  return Promise.all(
    Array.from({ length: members }, async (_, index) => {
      const claim = `data-etcd-${String(index)}`;
      const path = join(layout.volumes, `${namespace}-${claim}`);
      await mkdir(path, { recursive: true });
      await runCommand("mount", ["-t", "tmpfs", "-o", "size=8g", "tmpfs", path]);
      await chown(path, userId, userId);
      return {
        apiVersion: "v1",
        kind: "PersistentVolume",
        metadata: { name: `${namespace}-${claim}` },
        spec: {
          accessModes: ["ReadWriteOnce"],
          capacity: { storage: "8Gi" },
          persistentVolumeReclaimPolicy: "Retain",
          storageClassName: "",
          claimRef: { apiVersion: "v1", kind: "PersistentVolumeClaim", namespace, name: claim },
          hostPath: { path },
        },
      };
    }),
  );
}
