import { describe, expect, test } from "vitest";
import { hasCode, type ErrorCode } from "../../../src/errors.ts";
import { parseRecover, type GivenInputs } from "./input-builder.ts";

test("a recovery needs the cluster, and no store", () => {
  const { cluster, ...others } = parseRecover();
  expect(cluster.hostedCluster).toStrictEqual({ namespace: "clusters", name: "example" });
  expect(others).toStrictEqual({ request: { hostedCluster: cluster.hostedCluster, prefix: "" } });
});

test("the defaults of the store's inputs are no store", () => {
  const defaults = { "s3-checksums": "auto", "allow-insecure-endpoint": "false" } as const;
  const ambient = { AWS_REGION: "eu-central-1", AWS_ACCESS_KEY_ID: "AKIDEXAMPLE", AWS_SECRET_ACCESS_KEY: "s" };
  expect(parseRecover(defaults, ambient)).not.toHaveProperty("store");
});

test("a prefix alone names what may be left", () => {
  expect(parseRecover({ "s3-prefix": "/etcd/prod/" })).toMatchObject({ request: { prefix: "etcd/prod" } });
  expect(parseRecover({ "s3-prefix": "/etcd/prod/" })).not.toHaveProperty("store");
});

test("store and token are read as for a backup", () => {
  const inputs = parseRecover({
    "github-token": " ghs_token ",
    "s3-bucket": "backups",
    "s3-endpoint": "http://127.0.0.1:9000",
    "allow-insecure-endpoint": "true",
  });
  expect(inputs).toMatchObject({
    cluster: { githubToken: "ghs_token" },
    store: { bucket: "backups", region: "us-east-1" },
  });
});

describe("what is refused", () => {
  const odd: readonly (readonly [GivenInputs, string, string])[] = [
    [{ kubeconfig: "" }, "input-missing", "kubeconfig"],
    [{ "hosted-cluster": "" }, "input-missing", "hosted-cluster"],
    [{ "hosted-cluster": "../other" }, "input-invalid", "hosted-cluster"],
    [{ "dry-run": "true" }, "input-invalid", "dry-run"],
    [{ "github-token": "ghs_a\nb" }, "input-invalid", "github-token"],
  ];
  test.each(odd)("%j: %s of %s", (given, code, name) => {
    const message = expect.stringContaining(`input ${name} `) as string;
    expect(() => parseRecover(given)).toThrow(expect.objectContaining({ code, message }));
  });
});

test.each<readonly [GivenInputs, ErrorCode]>([
  [{ "s3-region": "eu-central-1" }, "input-missing"],
  [{ "s3-secret-access-key": "s", "s3-access-key-id": "AKIDEXAMPLE" }, "inputs-invalid"],
  [{ "s3-bucket": "backups" }, "input-missing"],
  [{ "s3-prefix": "../x" }, "input-invalid"],
])("a wrong input of the store is told afterwards, and keeps nothing from being put back: %j", (given, code) => {
  const inputs = parseRecover(given);
  expect(hasCode(inputs.wrong, code)).toBe(true);
  expect(inputs).not.toHaveProperty("store");
});
