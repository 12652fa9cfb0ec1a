import { createPrivateKey, X509Certificate } from "node:crypto";
import { ActionError } from "../errors.ts";
import { decodeBase64 } from "./text.ts";

/** PEM of the certificates in a field of base64. Throws `kubeconfig-invalid`. */
export function parseCertificates(base64: string, field: string): string {
  const pem = decodeField(base64, field);
  const blocks = pem.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? [];
  if (blocks.length === 0) throw unreadable(field, "holds no certificate in PEM");
  for (const block of blocks) readCertificate(block, field);
  return blocks.join("\n");
}

/** Undefined without both fields. Throws `kubeconfig-invalid` for one alone, or a key that belongs to another certificate. */
export function parseClientCertificate(
  certificateData: string | undefined,
  keyData: string | undefined,
): { readonly certificate: string; readonly key: string; readonly notAfter: Date } | undefined {
  if (certificateData === undefined && keyData === undefined) return undefined;
  if (certificateData === undefined) throw unreadable("client-certificate-data", "is missing beside client-key-data");
  if (keyData === undefined) throw unreadable("client-key-data", "is missing beside client-certificate-data");
  const certificate = parseCertificates(certificateData, "client-certificate-data");
  const key = decodeField(keyData, "client-key-data");
  const leaf = readCertificate(certificate, "client-certificate-data");
  if (!isKeyOf(leaf, key)) throw unreadable("client-key-data", "is no private key of client-certificate-data");
  return { certificate, key, notAfter: leaf.validToDate };
}

/** The `exp` of a token that is a JWT; its signature is the API server's matter. Undefined for any other token or time. */
export function parseTokenExpiry(token: string): Date | undefined {
  const [, payload, signature] = token.split(".");
  if (payload === undefined || signature === undefined) return undefined;
  try {
    const claims: unknown = JSON.parse(Buffer.from(payload, "base64url").toString());
    const seconds =
      typeof claims === "object" && claims !== null && "exp" in claims && typeof claims.exp === "number"
        ? claims.exp
        : undefined;
    const expiry = new Date((seconds ?? Number.NaN) * 1000);
    return Number.isNaN(expiry.getTime()) ? undefined : expiry;
  } catch {
    return undefined;
  }
}

function decodeField(base64: string, field: string): string {
  const digits = base64.replaceAll(/\s/g, "");
  if (/DATA\+OMITTED|REDACTED/.test(digits)) throw unreadable(field, "was left out by kubectl config view");
  if (base64.includes("-----BEGIN")) throw unreadable(field, "holds PEM as it is, not base64 of it");
  if (!/^[A-Za-z0-9+/]+={0,2}$/.test(digits)) throw unreadable(field, "is no base64");
  const text = Buffer.from(digits, "base64").toString("utf8");
  if (decodeBase64(text) !== undefined) throw unreadable(field, "is base64 of base64");
  return text;
}

function readCertificate(pem: string, field: string): X509Certificate {
  try {
    return new X509Certificate(pem);
  } catch {
    throw unreadable(field, "holds a certificate that cannot be read");
  }
}

function isKeyOf(certificate: X509Certificate, pem: string): boolean {
  try {
    return certificate.checkPrivateKey(createPrivateKey(pem));
  } catch {
    return false;
  }
}

function unreadable(field: string, problem: string): ActionError {
  return new ActionError("kubeconfig-invalid", `the field ${field} of the input kubeconfig ${problem}`, {
    hint: "make it anew with kubectl config view --minify --flatten --raw",
  });
}
