import { generateKeyPairSync } from "node:crypto";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { createCertificateAuthority, type KeyPair } from "../../__tests__/world/certificates.ts";
import { addresses, apiServerUrl, nodeName, type Layout } from "./layout.ts";

/** Who speaks to the API server with a certificate, and its groups. */
const clients = {
  admin: { commonName: "admin", organization: "system:masters" },
  "controller-manager": { commonName: "system:kube-controller-manager" },
  scheduler: { commonName: "system:kube-scheduler" },
  kubelet: { commonName: `system:node:${nodeName}`, organization: "system:nodes" },
  "kubelet-client": { commonName: "kube-apiserver-kubelet-client", organization: "system:masters" },
} as const;

/** Writes the cluster's authority, certificates, kubeconfigs and the key that signs service account tokens. */
export async function writePki(layout: Layout): Promise<void> {
  const authority = await createCertificateAuthority("management-cluster");
  await writeFile(join(layout.pki, "ca.crt"), authority.certificate);
  const names = [addresses.node, addresses.kubernetesService, "127.0.0.1", "localhost", "kubernetes.default.svc"];
  await writePair(layout, "apiserver", await authority.issue({ commonName: "kube-apiserver" }, { names }));
  const node = { commonName: nodeName };
  await writePair(layout, "kubelet-server", await authority.issue(node, { names: [nodeName, addresses.node] }));
  for (const [name, subject] of Object.entries(clients)) {
    const pair = await authority.issue(subject);
    await writePair(layout, name, pair);
    await writeFile(join(layout.pki, `${name}.kubeconfig`), renderKubeconfig(authority.certificate, pair));
  }
  const { privateKey, publicKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
  await writeFile(join(layout.pki, "service-account.key"), privateKey.export({ type: "pkcs1", format: "pem" }));
  await writeFile(join(layout.pki, "service-account.pub"), publicKey.export({ type: "spki", format: "pem" }));
}

/** A kubeconfig of the cluster for whoever holds a certificate or a token. */
export function renderKubeconfig(authority: string, user: KeyPair | { readonly token: string }): string {
  const base64 = (text: string): string => Buffer.from(text).toString("base64");
  return JSON.stringify({
    apiVersion: "v1",
    kind: "Config",
    clusters: [{ name: "e2e", cluster: { server: apiServerUrl, "certificate-authority-data": base64(authority) } }],
    users: [
      {
        name: "e2e",
        user:
          "token" in user
            ? { token: user.token }
            : {
                "client-certificate-data": base64(user.certificate),
                "client-key-data": base64(user.privateKey),
              },
      },
    ],
    contexts: [{ name: "e2e", context: { cluster: "e2e", user: "e2e" } }],
    "current-context": "e2e",
  });
}

async function writePair(layout: Layout, name: string, pair: KeyPair): Promise<void> {
  await writeFile(join(layout.pki, `${name}.crt`), pair.certificate);
  await writeFile(join(layout.pki, `${name}.key`), pair.privateKey, { mode: 0o600 });
}
