import { at, listAt } from "../../src/json-path.ts";
import { restoreFilesFromUrl } from "./etcd/restore.ts";
import { isJsonObject } from "./management-cluster/json.ts";
import { startManagementCluster, type ManagementCluster } from "./management-cluster/management-cluster.ts";
import { findKind, type Rendered } from "./rendered.ts";

/**
 * A management cluster in which a rendered manifest was applied, as HyperShift leaves it: the hosted cluster has the manifest's
 * spec and key, its one member of etcd was restored from the URL as the init container does it, and the restore is over.
 * `caFile` holds the store's certificate authority.
 */
export async function startRestoredCluster(
  { documents, url, key }: Rendered,
  caFile: string,
): Promise<ManagementCluster> {
  const { dataDirectory, remove } = await restoreFilesFromUrl(url, caFile);
  const cluster = await startManagementCluster({
    etcdDataDirectory: dataDirectory,
    aesKey: key,
    hostedClusterPatch: { spec: at(findKind(documents, "HostedCluster"), "spec") },
  }).catch(async (error: unknown) => {
    await remove();
    throw error;
  });
  const known = listAt(cluster.hostedControlPlane(), "status", "conditions").filter(isJsonObject);
  const restored = { type: "EtcdSnapshotRestored", status: "True", reason: "AsExpected", message: "" };
  const status = { conditions: [...known, restored] };
  cluster.patch("hostedcontrolplanes", cluster.controlPlaneNamespace, "example", { status }, "status");
  const close = async (): Promise<void> => {
    await cluster.close();
    await remove();
  };
  return { ...cluster, close };
}
