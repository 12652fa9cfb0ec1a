import { chown, mkdir } from "node:fs/promises";
import { join } from "node:path";
import type { JsonObject } from "../../__tests__/fakes/management-cluster/json.ts";
import type { KubeClient } from "../cluster/kube-client.ts";
import type { Layout } from "../cluster/layout.ts";
import { runCommand } from "../command.ts";
import { userId } from "./etcd.ts";

/** Folder that is the volume of a member, /var/lib in its containers. */
export function etcdVolume(layout: Layout, namespace: string, index: number): string {
  return join(layout.volumes, `${namespace}-${claimName(index)}`);
}

function claimName(index: number): string {
  return `data-etcd-${String(index)}`;
}

export async function removeEtcdVolumes(
  layout: Layout,
  admin: KubeClient,
  namespace: string,
  members: number,
): Promise<void> {
  for (let index = 0; index < members; index += 1) {
    await admin.remove("PersistentVolume", "", `${namespace}-${claimName(index)}`);
    await runCommand("umount", ["--lazy", etcdVolume(layout, namespace, index)]);
  }
}

/** A volume for each member, of the size that HyperShift asks for; memory is taken as it is filled. */
export async function createEtcdVolumes(
  layout: Layout,
  namespace: string,
  members: number,
): Promise<readonly JsonObject[]> {
  return Promise.all(
    Array.from({ length: members }, async (_, index) => {
      const claim = claimName(index);
      const path = etcdVolume(layout, namespace, index);
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
