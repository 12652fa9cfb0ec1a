import { expect, test } from "vitest";
import { decodeBase64 } from "../../../src/kubeconfig/text.ts";

test("a private key whose body has neither plus nor slash is not taken for base64", () => {
  const pem = `-----BEGIN PRIVATE KEY-----\n${"MIGHAgEAMBMG".repeat(15)}\n-----END PRIVATE KEY-----\n`;
  expect(decodeBase64(pem)).toBeUndefined();
  expect(decodeBase64(Buffer.from(pem).toString("base64"))?.toString()).toBe(pem);
});
