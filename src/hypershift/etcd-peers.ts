/** The token of an etcd that is given none: embed.NewConfig in etcd, and --initial-cluster-token of its restore. */
const defaultToken = "etcd-cluster";

type Peers = ReturnType<typeof restoredPeers>;

/** As an etcd of HyperShift has them that started without a snapshot. */
export function freshPeers(controlPlane: string, replicas: number): Peers {
  return { ...restoredPeers(controlPlane, replicas), token: defaultToken };
}

/** As each member has them that was restored by the init script before that change: it is told of no other. */
export const singlePeers: Peers = { members: [{ peerUrls: ["http://localhost:2380"] }], token: defaultToken };

/**
 * The peer URL of each member that a restore of HyperShift makes, and the token of their cluster: the arguments of its init
 * script since https://github.com/openshift/hypershift/pull/9048, of which the ids of cluster and members follow.
 */
export function restoredPeers(
  controlPlane: string,
  replicas: number,
): { readonly members: readonly { readonly peerUrls: readonly string[] }[]; readonly token: string } {
  const peer = (index: number): string => `https://etcd-${String(index)}.etcd-discovery.${controlPlane}.svc:2380`;
  return {
    members: Array.from({ length: replicas }, (_, index) => ({ peerUrls: [peer(index)] })),
    token: controlPlane,
  };
}
