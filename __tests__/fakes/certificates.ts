import { webcrypto } from "node:crypto";
import "reflect-metadata";
import * as x509 from "@peculiar/x509";

/** A certificate and its private key, both PEM. */
export interface KeyPair {
  readonly certificate: string;
  readonly privateKey: string;
}

/** A certificate authority of one test world; nothing outside that world trusts it. */
export interface CertificateAuthority {
  /** PEM of the authority's own certificate. */
  readonly certificate: string;
  issue(subject: { commonName: string; organization?: string }, options?: IssueOptions): Promise<KeyPair>;
}

export interface IssueOptions {
  /** DNS names and IP addresses of a server certificate; with none it is a client certificate only. */
  readonly names?: readonly string[];
  readonly notAfter?: Date;
}

const algorithm = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" } as const;
const hourMs = 3_600_000;

export async function createCertificateAuthority(name: string): Promise<CertificateAuthority> {
  const keys = await webcrypto.subtle.generateKey(algorithm, true, ["sign", "verify"]);
  const root = await x509.X509CertificateGenerator.createSelfSigned({
    name: [{ CN: [name] }],
    notBefore: new Date(Date.now() - hourMs),
    notAfter: new Date(Date.now() + 24 * hourMs),
    keys,
    signingAlgorithm: algorithm,
    extensions: [
      new x509.BasicConstraintsExtension(true, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  return {
    certificate: root.toString("pem"),
    issue: async (subject, options = {}) => {
      const leafKeys = await webcrypto.subtle.generateKey(algorithm, true, ["sign", "verify"]);
      const leaf = await x509.X509CertificateGenerator.create({
        subject: [{ CN: [subject.commonName] }, ...(subject.organization ? [{ O: [subject.organization] }] : [])],
        issuer: root.subjectName,
        notBefore: new Date(Date.now() - hourMs),
        notAfter: options.notAfter ?? new Date(Date.now() + 24 * hourMs),
        signingKey: keys.privateKey,
        publicKey: leafKeys.publicKey,
        signingAlgorithm: algorithm,
        extensions: [
          new x509.BasicConstraintsExtension(false, undefined, true),
          new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
          new x509.ExtendedKeyUsageExtension([
            x509.ExtendedKeyUsage.clientAuth,
            ...(options.names ? [x509.ExtendedKeyUsage.serverAuth] : []),
          ]),
          ...(options.names
            ? [
                new x509.SubjectAlternativeNameExtension(
                  options.names.map((value) => ({ type: /^[\d.]+$/.test(value) ? "ip" : "dns", value })),
                ),
              ]
            : []),
          await x509.AuthorityKeyIdentifierExtension.create(root),
        ],
      });
      const exported = await webcrypto.subtle.exportKey("pkcs8", leafKeys.privateKey);
      return {
        certificate: leaf.toString("pem"),
        privateKey: x509.PemConverter.encode(exported, "PRIVATE KEY"),
      };
    },
  };
}
