import { generateKeyPairSync } from "node:crypto";
import { describe, expect, it } from "vitest";
import { parseKubeconfig } from "../../../src/kubeconfig/context.ts";
import { createCertificateAuthority } from "../../world/certificates.ts";
import { base64, kubeconfigText, refusal, serviceAccountToken, shown } from "./kubeconfig-text.ts";

const authority = await createCertificateAuthority("management-cluster");
const notAfter = new Date("2027-01-02T03:04:05Z");
const client = await authority.issue({ commonName: "etcd-backup" }, { notAfter });
const stranger = await authority.issue({ commonName: "stranger" });

const certificateFields = {
  "client-certificate-data": base64(client.certificate),
  "client-key-data": base64(client.privateKey),
};

function parse(user: object, cluster: object = {}) {
  return parseKubeconfig(kubeconfigText({ user, cluster }), { environment: {} });
}

describe("certificates", () => {
  it("of a client are taken with their key", () => {
    expect(parse(certificateFields)).toMatchObject({
      clientCertificate: { certificate: client.certificate.trim(), key: client.privateKey },
      credentialsExpireAt: notAfter,
    });
  });

  it("may be given in lines of base64, with text around the PEM and others behind the first", () => {
    const chain = `subject=CN = etcd-backup\n${client.certificate}\nissuer\n${authority.certificate}`;
    const parsed = parse({
      ...certificateFields,
      "client-certificate-data": base64(chain.replaceAll("\n", "\r\n")).replace(/(.{64})/g, "$1\n"),
    });
    expect(parsed.clientCertificate?.certificate.match(/BEGIN CERTIFICATE/g)).toHaveLength(2);
    expect(parsed.credentialsExpireAt).toStrictEqual(notAfter);
  });

  it("of an authority are all taken, and only they", () => {
    const bundle = `# the cluster's\n${authority.certificate}\n# and a second one\n${client.certificate}\n`;
    const parsed = parse({ token: "t" }, { "certificate-authority-data": base64(bundle) });
    expect(parsed.certificateAuthority).toBe(`${authority.certificate.trim()}\n${client.certificate.trim()}`);
  });

  const encrypted = generateKeyPairSync("ec", {
    namedCurve: "P-256",
    publicKeyEncoding: { type: "spki", format: "pem" },
    privateKeyEncoding: { type: "pkcs8", format: "pem", cipher: "aes-256-cbc", passphrase: "secret" },
  }).privateKey;
  const damaged = client.certificate.replace(/\n(.{20})/, `\n${"A".repeat(20)}`);

  it.each<[string, string, object]>([
    ["a certificate without its key", "client-key-data", { ...certificateFields, "client-key-data": "" }],
    ["a key without its certificate", "client-certificate-data", { "client-key-data": base64(client.privateKey) }],
    [
      "half a client certificate beside a token",
      "client-key-data",
      { token: "t", "client-certificate-data": base64(client.certificate) },
    ],
    [
      "the key of another certificate",
      "client-key-data",
      { ...certificateFields, "client-key-data": base64(stranger.privateKey) },
    ],
    ["a key with a passphrase", "client-key-data", { ...certificateFields, "client-key-data": base64(encrypted) }],
    ["no key in the key", "client-key-data", { ...certificateFields, "client-key-data": base64("nothing") }],
    ["PEM that is not base64", "client-key-data", { ...certificateFields, "client-key-data": client.privateKey }],
    [
      "a damaged certificate",
      "client-certificate-data",
      { ...certificateFields, "client-certificate-data": base64(damaged) },
    ],
    [
      "a key in place of the certificate",
      "client-certificate-data",
      { ...certificateFields, "client-certificate-data": base64(client.privateKey) },
    ],
    [
      "a certificate that is cut",
      "client-certificate-data",
      { ...certificateFields, "client-certificate-data": base64(client.certificate.slice(0, 200)) },
    ],
  ])("%s is refused", (_title, field, user) => {
    const refused = refusal(kubeconfigText({ user }));
    expect(refused.code).toBe("kubeconfig-invalid");
    expect(refused.message).toContain(`field ${field} `);
    expect(shown(refused)).not.toContain("PRIVATE KEY");
  });

  it.each([
    ["no base64", "<certificate>"],
    ["no certificate", base64("nothing")],
    ["a damaged certificate", base64(damaged)],
    ["a damaged certificate behind a good one", base64(client.certificate + damaged)],
  ])("an authority of %s is refused", (_title, data) => {
    const refused = refusal(kubeconfigText({ cluster: { "certificate-authority-data": data } }));
    expect(refused.code).toBe("kubeconfig-invalid");
    expect(refused.message).toContain("certificate-authority-data");
  });
});

describe("the end of the credentials", () => {
  const exp = Date.parse("2026-12-24T18:00:00Z") / 1000;
  it.each<[string, object, string | undefined]>([
    ["is a token's exp", { token: serviceAccountToken({ exp }) }, "2026-12-24T18:00:00.000Z"],
    ["is not known of an opaque token", { token: "sha256~abc.def" }, undefined],
    ["is not known of a token with three parts that are none", { token: "a.b.c" }, undefined],
    ["is not known of a token without exp", { token: serviceAccountToken({ sub: "x" }) }, undefined],
    ["is not known of a token of null", { token: `a.${Buffer.from("null").toString("base64url")}.c` }, undefined],
    ["is not known of an exp in words", { token: serviceAccountToken({ exp: "tomorrow" }) }, undefined],
    ["is a certificate's notAfter", certificateFields, notAfter.toISOString()],
    [
      "is the token's when it ends first",
      { ...certificateFields, token: serviceAccountToken({ exp }) },
      "2026-12-24T18:00:00.000Z",
    ],
    [
      "is the certificate's when it ends first",
      { ...certificateFields, token: serviceAccountToken({ exp: exp + 366 * 86_400 }) },
      notAfter.toISOString(),
    ],
    ["is long past with an exp of 0", { token: serviceAccountToken({ exp: 0 }) }, "1970-01-01T00:00:00.000Z"],
  ])("%s", (_title, user, end) => {
    expect(parse(user).credentialsExpireAt?.toISOString()).toBe(end);
  });

  it("is the certificate's when the token's exp is beyond all dates", () => {
    for (const odd of ["1e300", "1e999", "-1e300"]) {
      const token = `a.${Buffer.from(`{"exp":${odd}}`).toString("base64url")}.c`;
      expect(parse({ token }).credentialsExpireAt).toBeUndefined();
      expect(parse({ ...certificateFields, token }).credentialsExpireAt).toStrictEqual(notAfter);
    }
  });
});
