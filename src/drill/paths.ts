/** In memory, and in both containers: what is secret, and the files by which they are told to go on. */
export const sharedFolder = "/drill/shared";
/** On the node's disk, of etcd's container alone. */
export const workFolder = "/drill/work";

/** Names of files that the runner makes there. */
export const sharedFiles = {
  /** For curl, with the signed URL. */
  url: "url",
  /** For curl, with the token of the API server. */
  client: "client",
  tokens: "tokens.csv",
  signingKey: "signing-key.pem",
  encryption: "encryption.json",
  egress: "egress.json",
  /** All that is secret is there. */
  delivered: "delivered",
  /** The API server may start; its arguments are in it, a line each. */
  serve: "serve",
} as const;

/** Made by kube-apiserver itself. */
export const certificateFolder = `${sharedFolder}/certificates`;
