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
  /** An authority that this one vouches for, and that is not a root. */
  issueAuthority(name: string): Promise<CertificateAuthority>;
}

export interface IssueOptions {
  /** DNS names and IP addresses of a server certificate; with none it is a client certificate only. */
  readonly names?: readonly string[];
  readonly notAfter?: Date;
}

const algorithm = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" } as const;
const hourMs = 3_600_000;

/** `issuer`: who vouches for it; absent: itself. */
export async function createCertificateAuthority(
  name: string,
  issuer?: { readonly certificate: x509.X509Certificate; readonly privateKey: webcrypto.CryptoKey },
): Promise<CertificateAuthority> {
  const keys = await webcrypto.subtle.generateKey(algorithm, true, ["sign", "verify"]);
  const root = await x509.X509CertificateGenerator.create({
    subject: [{ CN: [name] }],
    issuer: issuer?.certificate.subjectName ?? [{ CN: [name] }],
    notBefore: new Date(Date.now() - hourMs),
    notAfter: new Date(Date.now() + 24 * hourMs),
    publicKey: keys.publicKey,
    signingKey: issuer?.privateKey ?? keys.privateKey,
    signingAlgorithm: algorithm,
    extensions: [
      new x509.BasicConstraintsExtension(true, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
      ...(issuer === undefined ? [] : [await x509.AuthorityKeyIdentifierExtension.create(issuer.certificate)]),
    ],
  });
  return authorityOf(root, keys.privateKey);
}

/** An authority that is kept: for those who trust it before the test begins, as the images of e2e do. */
export async function createKeptAuthority(name: string): Promise<KeyPair> {
  const keys = await webcrypto.subtle.generateKey(algorithm, true, ["sign", "verify"]);
  const root = await x509.X509CertificateGenerator.createSelfSigned({
    name: [{ CN: [name] }],
    notBefore: new Date(Date.now() - hourMs),
    notAfter: new Date(Date.now() + 10 * 365 * 24 * hourMs),
    keys,
    signingAlgorithm: algorithm,
    extensions: [
      new x509.BasicConstraintsExtension(true, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  const exported = await webcrypto.subtle.exportKey("pkcs8", keys.privateKey);
  return { certificate: root.toString("pem"), privateKey: x509.PemConverter.encode(exported, "PRIVATE KEY") };
}

export async function loadAuthority({ certificate, privateKey }: KeyPair): Promise<CertificateAuthority> {
  const [encoded] = x509.PemConverter.decode(privateKey);
  const key = await webcrypto.subtle.importKey("pkcs8", encoded ?? new ArrayBuffer(0), algorithm, true, ["sign"]);
  return authorityOf(new x509.X509Certificate(certificate), key);
}

function authorityOf(root: x509.X509Certificate, privateKey: webcrypto.CryptoKey): CertificateAuthority {
  return {
    certificate: root.toString("pem"),
    issueAuthority: (below) => createCertificateAuthority(below, { certificate: root, privateKey }),
    issue: async (subject, options = {}) => {
      const leafKeys = await webcrypto.subtle.generateKey(algorithm, true, ["sign", "verify"]);
      const leaf = await x509.X509CertificateGenerator.create({
        subject: [{ CN: [subject.commonName] }, ...(subject.organization ? [{ O: [subject.organization] }] : [])],
        issuer: root.subjectName,
        notBefore: new Date(Date.now() - hourMs),
        notAfter: options.notAfter ?? new Date(Date.now() + 24 * hourMs),
        signingKey: privateKey,
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
