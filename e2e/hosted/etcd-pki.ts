import {
  createCertificateAuthority,
  type CertificateAuthority,
  type KeyPair,
} from "../../__tests__/world/certificates.ts";
import type { JsonObject } from "../../__tests__/world/management-cluster/json.ts";

/** The certificates of one hosted cluster's etcd. */
export interface EtcdPki {
  readonly authority: CertificateAuthority;
  readonly client: KeyPair;
  readonly server: KeyPair;
  readonly peer: KeyPair;
}

export async function createEtcdPki(namespace: string): Promise<EtcdPki> {
  const authority = await createCertificateAuthority("etcd-signer");
  const discovery = [`*.etcd-discovery.${namespace}.svc`, `*.etcd-discovery.${namespace}.svc.cluster.local`];
  // No IP address among the names: https://127.0.0.1 fails in HyperShift, https://localhost works.
  const names = [
    "etcd-client",
    `etcd-client.${namespace}.svc`,
    `etcd-client.${namespace}.svc.cluster.local`,
    ...discovery,
    "localhost",
  ];
  return {
    authority,
    client: await authority.issue({ commonName: "etcd-client", organization: "kubernetes" }),
    server: await authority.issue({ commonName: "etcd-server" }, { names }),
    peer: await authority.issue({ commonName: "etcd-discovery" }, { names: discovery }),
  };
}

/** The Secrets and ConfigMaps that etcd and its clients mount. */
export function renderEtcdPki(namespace: string, { authority, client, server, peer }: EtcdPki): readonly JsonObject[] {
  const tls = (name: string, file: string, { certificate, privateKey }: KeyPair): JsonObject => ({
    apiVersion: "v1",
    kind: "Secret",
    metadata: { name, namespace },
    stringData: { [`${file}.crt`]: certificate, [`${file}.key`]: privateKey },
  });
  const bundle = (name: string): JsonObject => ({
    apiVersion: "v1",
    kind: "ConfigMap",
    metadata: { name, namespace },
    data: { "ca.crt": authority.certificate },
  });
  return [
    tls("etcd-client-tls", "etcd-client", client),
    tls("etcd-server-tls", "server", server),
    tls("etcd-peer-tls", "peer", peer),
    bundle("etcd-ca"),
    bundle("etcd-metrics-ca"),
  ];
}
