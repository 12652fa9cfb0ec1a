import { chown, mkdir, open } from "node:fs/promises";
import { join } from "node:path";
import type { JsonObject } from "../../__tests__/world/management-cluster/json.ts";
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

/**
 * Changes a value in the database of a running member, where etcd does not see it: the file is what the member has in its
 * memory. Both texts have the same length. Returns in how many places it stood.
 */
export async function corruptDatabase(
  volume: string,
  { from, to }: { readonly from: string; readonly to: string },
): Promise<number> {
  const file = await open(join(volume, "data/member/snap/db"), "r+");
  try {
    const bytes = await file.readFile();
    let places = 0;
    for (let at = bytes.indexOf(from); at >= 0; at = bytes.indexOf(from, at + 1), places += 1)
      await file.write(Buffer.from(to), 0, to.length, at);
    return places;
  } finally {
    await file.close();
  }
}

export async function removeEtcdVolumes(
  layout: Layout,
  admin: KubeClient,
  namespace: string,
  { members, keepFiles }: { readonly members: number; readonly keepFiles: boolean },
): Promise<void> {
  for (let index = 0; index < members; index += 1) {
    await admin.remove("PersistentVolume", "", `${namespace}-${claimName(index)}`);
    if (!keepFiles) await runCommand("umount", ["--lazy", etcdVolume(layout, namespace, index)]);
  }
}

/** A volume for each member, of the size that HyperShift asks for, or the one that was kept; memory is taken as it is filled. */
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
      const isKept = await runCommand("mountpoint", ["-q", path]).then(
        () => true,
        () => false,
      );
      if (!isKept) await runCommand("mount", ["-t", "tmpfs", "-o", "size=8g", "tmpfs", path]);
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
