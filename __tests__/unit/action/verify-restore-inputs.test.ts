import { expect, test } from "vitest";
import { listVerifyRestoreOptOuts } from "../../../src/action/inputs/verify-restore.ts";
import { parseVerifyRestore, refusal, type GivenInputs } from "./input-builder.ts";

test("the cluster that is looked at is a pin of the snapshot, too", () => {
  const key = Buffer.alloc(32, 7);
  const { kubeconfig, ...inputs } = parseVerifyRestore({
    "encryption-key": key.toString("base64"),
    "hosted-cluster-namespace": "fleet",
    "s3-prefix": "/prod/",
  });
  expect(kubeconfig.server).toMatch(/^https:/);
  const hostedCluster = { namespace: "fleet", name: "example" };
  expect(inputs).toStrictEqual({
    store: { bucket: "backups", region: "eu-central-1", forcePathStyle: false, checksums: "auto" },
    request: {
      hostedCluster,
      snapshot: { bucket: "backups", key: "clusters/example/20261124T120000Z-0123abcd.db" },
      encryptionKeys: [key],
      identities: [],
      pins: { prefix: "prod", hostedCluster },
      allowUnrecorded: false,
    },
  });
});

test("latest is that of the cluster that is looked at", () => {
  const { request } = parseVerifyRestore({ "snapshot-uri": "latest", "s3-bucket": "backups", "s3-prefix": "prod" });
  expect(request.snapshot).toStrictEqual({ latestOf: { prefix: "prod", namespace: "clusters", name: "example" } });
});

test.each<[GivenInputs, string, string]>([
  [{ kubeconfig: "" }, "input-missing", "kubeconfig"],
  [{ "hosted-cluster": "" }, "input-missing", "hosted-cluster"],
  [{ "snapshot-uri": "" }, "input-missing", "snapshot-uri"],
  [{ "snapshot-uri": "backups/a.db" }, "input-invalid", "snapshot-uri"],
  [{ "snapshot-uri": "latest" }, "inputs-invalid", "s3-prefix"],
  [{ "s3-bucket": "others" }, "input-invalid", "s3-bucket"],
  [{ "s3-region": "" }, "input-missing", "s3-region"],
  [{ "dry-run": "true" }, "input-invalid", "dry-run"],
  [{ "encryption-key": "secret" }, "input-invalid", "encryption-key"],
])("%j: %s", (given, code, name) => {
  const error = refusal(() => parseVerifyRestore(given));
  expect(error.code).toBe(code);
  expect(error.message).toContain(name);
  expect(error.hint ?? error.message).toMatch(/\w+ \w+/);
});

test("each opt-out in use is listed", () => {
  expect(listVerifyRestoreOptOuts(parseVerifyRestore())).toStrictEqual([]);
  const inputs = parseVerifyRestore({
    "allow-insecure-endpoint": "true",
    "s3-endpoint": "http://127.0.0.1:9000",
    "allow-unrecorded": "true",
  });
  expect(listVerifyRestoreOptOuts(inputs).map((text) => text.replace(/:.*/, ""))).toStrictEqual([
    "allow-insecure-endpoint",
    "allow-unrecorded",
  ]);
});
