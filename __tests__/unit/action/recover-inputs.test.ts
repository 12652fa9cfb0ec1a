import { describe, expect, test } from "vitest";
import { listOptOuts } from "../../../src/action/inputs.ts";
import { parseRecover, type GivenInputs } from "./input-builder.ts";

test("a recovery needs the cluster, and no store", () => {
  expect(parseRecover()).toStrictEqual({
    mode: "recover",
    kubeconfig: "apiVersion: v1\nkind: Config",
    hostedCluster: "example",
    hostedClusterNamespace: "clusters",
    prefix: "",
  });
});

test("the defaults of the store's inputs are no store", () => {
  const defaults = { "s3-checksums": "auto", "allow-insecure-endpoint": "false" } as const;
  const ambient = { AWS_REGION: "eu-central-1", AWS_ACCESS_KEY_ID: "AKIDEXAMPLE", AWS_SECRET_ACCESS_KEY: "s" };
  expect(parseRecover(defaults, ambient)).not.toHaveProperty("store");
});

test("a prefix alone names what may be left", () => {
  expect(parseRecover({ "s3-prefix": "/etcd/prod/" })).toMatchObject({ prefix: "etcd/prod" });
  expect(parseRecover({ "s3-prefix": "/etcd/prod/" })).not.toHaveProperty("store");
});

test("store and token are read as for a backup", () => {
  const inputs = parseRecover({
    "github-token": " ghs_token ",
    "s3-bucket": "backups",
    "s3-endpoint": "http://127.0.0.1:9000",
    "allow-insecure-endpoint": "true",
  });
  expect(inputs).toMatchObject({ githubToken: "ghs_token", store: { bucket: "backups", region: "us-east-1" } });
  expect(listOptOuts(inputs)).toHaveLength(1);
  expect(listOptOuts(parseRecover())).toEqual([]);
});

describe("what is refused", () => {
  const odd: readonly (readonly [GivenInputs, string, string])[] = [
    [{ kubeconfig: "" }, "input-missing", "kubeconfig"],
    [{ "hosted-cluster": "" }, "input-missing", "hosted-cluster"],
    [{ "hosted-cluster": "../other" }, "input-invalid", "hosted-cluster"],
    [{ "s3-region": "eu-central-1" }, "input-missing", "s3-bucket"],
    [{ "s3-secret-access-key": "s", "s3-access-key-id": "AKIDEXAMPLE" }, "input-missing", "s3-bucket"],
    [{ "s3-bucket": "backups" }, "input-missing", "s3-region"],
    [{ "s3-prefix": "../x" }, "input-invalid", "s3-prefix"],
    [{ "dry-run": "true" }, "input-invalid", "dry-run"],
    [{ "github-token": "ghs_a\nb" }, "input-invalid", "github-token"],
  ];
  test.each(odd)("%j: %s of %s", (given, code, name) => {
    const message = expect.stringContaining(`input ${name} `) as string;
    expect(() => parseRecover(given)).toThrow(expect.objectContaining({ code, message }));
  });
});
