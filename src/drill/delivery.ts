import { generateKeyPairSync, randomBytes } from "node:crypto";
import { encryptionKeyName } from "../encryption/key.ts";
import { certificateFolder, sharedFiles, sharedFolder } from "./paths.ts";

/** The files that go into the pod's memory, by the standard input of a command: they are in no object, argument or environment. */
export interface Delivery {
  readonly files: Readonly<Record<string, string>>;
  /** What must not be printed. */
  readonly secrets: readonly string[];
}

interface DeliveryTerms {
  readonly url: string;
  /** The active one first. */
  readonly keys: readonly Buffer[];
  /** The encrypted resources of kube-apiserver, such as `secrets`. */
  readonly resources: readonly string[];
}

/** What the API server of the drill needs beside its arguments, all of it made for this drill alone, and the signed URL. */
export function createDelivery({ url, keys, resources }: DeliveryTerms): Delivery {
  const token = randomBytes(32).toString("hex");
  const { privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const aescbc = { keys: keys.map((key) => ({ name: encryptionKeyName(key), secret: key.toString("base64") })) };
  const providers = [...(keys.length === 0 ? [] : [{ aescbc }]), { identity: {} }];
  const encryption = {
    apiVersion: "apiserver.config.k8s.io/v1",
    kind: "EncryptionConfiguration",
    resources: [{ resources: [...new Set(["secrets", ...resources])], providers }],
  };
  const clientLines = [
    `header = "Authorization: Bearer ${token}"`,
    `header = "Accept: application/json"`,
    `cacert = "${certificateFolder}/apiserver.crt"`,
  ];
  return {
    files: {
      [sharedFiles.url]: `url = "${url.replaceAll(/["\\]/g, encodeURIComponent)}"\n`,
      [sharedFiles.client]: `${clientLines.join("\n")}\n`,
      [sharedFiles.tokens]: `${token},drill,drill\n`,
      [sharedFiles.signingKey]: privateKey.export({ type: "sec1", format: "pem" }).toString(),
      [sharedFiles.encryption]: JSON.stringify(encryption),
      [sharedFiles.egress]: JSON.stringify(renderEgress()),
    },
    secrets: [token],
  };
}

/**
 * Everything that kube-apiserver calls by an address from etcd (webhooks, aggregated APIs, kubelets) goes to a socket that nobody
 * listens on: the snapshot names addresses of the living cluster, and those of others.
 */
function renderEgress(): unknown {
  const connection = {
    proxyProtocol: "HTTPConnect",
    transport: { uds: { udsName: `${sharedFolder}/nobody.sock` } },
  };
  return {
    apiVersion: "apiserver.k8s.io/v1beta1",
    kind: "EgressSelectorConfiguration",
    egressSelections: ["cluster", "controlplane"].map((name) => ({ name, connection })),
  };
}

// Each file is a line of its own, and the last line says that it is the last: the end of standard input cannot always be told.
const receiving = `set -eu
umask 077
while read -r name content; do
  if [ "$name" = . ]; then
    : >"$1/${sharedFiles.delivered}"
    exit 0
  fi
  echo "$content" | base64 -d >"$1/$name"
done
exit 1
`;

/** argv that writes what `renderInput` gave it. It may run twice. */
export function deliverCommand(): readonly string[] {
  return ["sh", "-c", receiving, "deliver", sharedFolder];
}

export function renderInput({ files }: Delivery): Buffer {
  const lines = Object.entries(files).map(([name, content]) => `${name} ${Buffer.from(content).toString("base64")}\n`);
  return Buffer.from(`${lines.join("")}. .\n`);
}
