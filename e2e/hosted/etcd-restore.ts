import type { JsonObject } from "../../__tests__/world/management-cluster/json.ts";

/**
 * HyperShift's init script: `single` makes each member a cluster of its own; `joining` is that of
 * https://github.com/openshift/hypershift/pull/9048, which gives all of them one, and raises the revision.
 */
export type RestoreScript = "single" | "joining";

export interface Restore {
  readonly script: RestoreScript;
  /** `spec.etcd.managed.storage.restoreSnapshotURL[0]`. */
  readonly url: string;
  /** Mounted over the image's bundle of public authorities: the object store of a test is signed by none of them. */
  readonly authorities: { readonly configMap: string; readonly key: string };
  readonly volumes: readonly JsonObject[];
}

export function createRestore(
  url: string,
  { configMap, key, script }: { readonly configMap: string; readonly key: string; readonly script: RestoreScript },
): Restore {
  const volumes = [{ name: "authorities", configMap: { name: configMap } }];
  return { script, url, authorities: { configMap, key }, volumes };
}

/**
 * What HyperShift's init container does with the URL: curl without any option that would help, a look for an XML error,
 * and a restore by etcdutl where the image has it.
 */
const renderScript = (options: string): string => `
set -e
mkdir -p /var/lib/data
if [ -n "$(ls -A /var/lib/data)" ]; then
  echo "/var/lib/data is not empty, nothing is restored"
  exit 0
fi
curl -o /tmp/snapshot "$RESTORE_URL_ETCD"
case "$(head -c 5 /tmp/snapshot | tr -d '\\0')" in
  '<?xml') cat /tmp/snapshot; exit 1 ;;
esac
tool=etcdctl
[ ! -x /usr/bin/etcdutl ] || tool=etcdutl
"$tool" snapshot status /tmp/snapshot -w table
"$tool" snapshot restore /tmp/snapshot --data-dir=/var/lib/restore ${options}
rm -rf /var/lib/data
mv /var/lib/restore /var/lib/data
`;

const joiningOptions = [
  ...['--name="$HOSTNAME"', '--initial-cluster="$ETCD_INITIAL_CLUSTER"', '--initial-cluster-token="$HCP_NAMESPACE"'],
  '--initial-advertise-peer-urls="https://$HOSTNAME.etcd-discovery.$HCP_NAMESPACE.svc:2380"',
  "--bump-revision=1000000000 --mark-compacted",
].join(" ");

export function renderEtcdRestore(
  image: string,
  { script, url, authorities }: Restore,
  initialCluster: string,
): JsonObject {
  const fromPod = (name: string, fieldPath: string): JsonObject => ({ name, valueFrom: { fieldRef: { fieldPath } } });
  const joining = [
    fromPod("HOSTNAME", "metadata.name"),
    fromPod("HCP_NAMESPACE", "metadata.namespace"),
    { name: "ETCD_INITIAL_CLUSTER", value: initialCluster },
  ];
  return {
    name: "etcd-init",
    image,
    command: ["/bin/sh", "-ce", renderScript(script === "joining" ? joiningOptions : "")],
    env: [{ name: "RESTORE_URL_ETCD", value: url }, ...(script === "joining" ? joining : [])],
    volumeMounts: [
      { name: "data", mountPath: "/var/lib" },
      { name: "authorities", mountPath: "/etc/ssl/certs/ca-certificates.crt", subPath: authorities.key },
    ],
  };
}
