import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { parse } from "yaml";
import { describeStoreError } from "../../src/adapters/s3/errors.ts";
import { at, listAt, stringAt } from "../../src/json-path.ts";

function readActions(name: string): readonly string[] {
  const policy: unknown = JSON.parse(readFileSync(new URL(`../../docs/${name}`, import.meta.url), "utf8"));
  return listAt(policy, "Statement").flatMap((statement) => listAt(statement, "Action").map(String));
}

test("docs/iam-policy-kms.json grants what a refused upload is told to grant, and nothing of the store", () => {
  const refusal = Object.assign(new Error("denied"), { name: "AccessDenied", $metadata: { httpStatusCode: 403 } });
  const { hint = "" } = describeStoreError(refusal, {
    operation: "CreateMultipartUpload",
    bucket: "backups",
    key: "a.db",
    host: "S3",
    region: "eu-central-1",
    credentialsGiven: true,
    inForce: { checksums: true, pathStyle: false, encryption: "aws:kms", extraAuthorities: false },
  });
  const named = hint.match(/kms:\w+/g) ?? [];
  expect(named.toSorted()).toEqual(readActions("iam-policy-kms.json").toSorted());
});

test("docs/iam-policy.json needs no key of KMS, and deletes no version", () => {
  const actions = readActions("iam-policy.json");
  expect(actions.filter((action) => !/^s3:\w+$/.test(action))).toEqual([]);
  expect(actions).not.toContain("s3:DeleteObjectVersion");
});

test("the statement for KMS names a key, never all of them", () => {
  const policy: unknown = JSON.parse(readFileSync(new URL("../../docs/iam-policy-kms.json", import.meta.url), "utf8"));
  for (const statement of listAt(policy, "Statement")) expect(at(statement, "Resource")).toMatch(/:key\/KEY$/);
});

describe("docs/cloudformation.yaml", () => {
  const text = readFileSync(new URL("../../docs/cloudformation.yaml", import.meta.url), "utf8");
  // Functions of CloudFormation are tags: their arguments stand in their place, under the names that the policies have.
  const template: unknown = parse(
    text
      .replaceAll("${AWS::Partition}", "aws")
      .replaceAll("${BucketName}", "BUCKET")
      .replaceAll("${Prefix}", "PREFIX")
      .replaceAll("!Ref KmsKeyArn", '"arn:aws:kms:REGION:ACCOUNT:key/KEY"'),
    { logLevel: "error" },
  );

  /** The statements of a resource; one behind a condition is `[condition, statement, nothing]`. */
  function readStatements(resource: string): readonly unknown[] {
    const policies = listAt(template, "Resources", resource, "Properties", "Policies");
    return policies
      .flatMap((policy) => listAt(policy, "PolicyDocument", "Statement"))
      .map((statement) => (Array.isArray(statement) ? at(statement, 1) : statement));
  }

  function readPolicy(name: string): readonly unknown[] {
    return listAt(JSON.parse(readFileSync(new URL(`../../docs/${name}`, import.meta.url), "utf8")), "Statement");
  }

  test("gives the role of backups what iam-policy.json and iam-policy-kms.json say", () => {
    expect(readStatements("BackupRole")).toEqual([
      ...readPolicy("iam-policy.json"),
      ...readPolicy("iam-policy-kms.json"),
    ]);
  });

  test.each([
    ["RestoreRole", ["s3:GetObject", "s3:GetObjectVersion", "s3:ListBucket", "kms:Decrypt"]],
    ["SnapshotSigner", ["s3:GetObject", "s3:GetObjectVersion", "kms:Decrypt"]],
  ])("lets %s read, and nothing else", (resource, actions) => {
    const statements = readStatements(resource);
    expect(statements.flatMap((statement) => at(statement, "Action"))).toEqual(actions);
    const ofBackups = readStatements("BackupRole");
    for (const statement of statements)
      expect(ofBackups).toContainEqual(
        expect.objectContaining({ Effect: "Allow", Sid: at(statement, "Sid"), Resource: at(statement, "Resource") }),
      );
  });

  test("gives a role to one subject each, and to nobody by a pattern", () => {
    for (const [role, subject] of [
      ["BackupRole", "BackupSubject"],
      ["RestoreRole", "RestoreSubject"],
    ] as const) {
      const trust = listAt(template, "Resources", role, "Properties", "AssumeRolePolicyDocument", "Statement");
      expect(trust.map((statement) => at(statement, "Condition"))).toEqual([
        {
          StringEquals: {
            "token.actions.githubusercontent.com:aud": "sts.amazonaws.com",
            "token.actions.githubusercontent.com:sub": subject,
          },
        },
      ]);
      const pattern = new RegExp(stringAt(template, "Parameters", subject, "AllowedPattern") ?? "x");
      expect("repo:example/clusters:ref:refs/heads/main").toMatch(pattern);
      expect("repo:example@123456/clusters@456789:environment:production").toMatch(pattern);
      for (const odd of ["repo:example/*", "repo:*/clusters:ref:refs/heads/main", "repo:example/clusters", "*"])
        expect(odd).not.toMatch(pattern);
    }
  });
});
