import type { JsonObject } from "../../__tests__/fakes/management-cluster/json.ts";

export interface Restore {
  /** `spec.etcd.managed.storage.restoreSnapshotURL[0]`. */
  readonly url: string;
  /** Mounted over the image's bundle of public authorities: the object store of a test is signed by none of them. */
  readonly authorities: { readonly configMap: string; readonly key: string };
  readonly volumes: readonly JsonObject[];
}

export function createRestore(url: string, configMap: string, key: string): Restore {
  return { url, authorities: { configMap, key }, volumes: [{ name: "authorities", configMap: { name: configMap } }] };
}

/**
 * What HyperShift's init container does with the URL: curl without any option that would help, a look for an XML error,
 * and a restore without the member's name, by etcdutl where the image has it.
 */
const script = `
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
"$tool" snapshot restore /tmp/snapshot --data-dir=/var/lib/restore
rm -rf /var/lib/data
mv /var/lib/restore /var/lib/data
`;

export function renderEtcdRestore(image: string, { url, authorities }: Restore): JsonObject {
  return {
    name: "etcd-init",
    image,
    command: ["/bin/sh", "-ce", script],
    env: [{ name: "RESTORE_URL_ETCD", value: url }],
    volumeMounts: [
      { name: "data", mountPath: "/var/lib" },
      { name: "authorities", mountPath: "/etc/ssl/certs/ca-certificates.crt", subPath: authorities.key },
    ],
  };
}
