import { expect, test } from "vitest";
import { parseKmsIds } from "../../../src/hypershift/kms.ts";

const arn = "arn:aws:kms:eu-west-1:123456789012:key/0b1c";

// The examples of HyperShift's API documentation, with every field.
test.each([
  [
    "AWS",
    {
      provider: "AWS",
      aws: {
        region: "eu-west-1",
        activeKey: { arn },
        backupKey: { arn: `${arn}-old` },
        auth: { awsKms: "arn:aws:iam::123456789012:role/kms" },
      },
    },
    { provider: "AWS", "aws.region": "eu-west-1", "aws.activeKey.arn": arn, "aws.backupKey.arn": `${arn}-old` },
  ],
  [
    "Azure",
    {
      provider: "Azure",
      azure: {
        activeKey: { keyVaultName: "vault", keyName: "etcd", keyVersion: "7a" },
        kms: { credentialsSecretName: "kms-credentials" },
      },
    },
    {
      provider: "Azure",
      "azure.activeKey.keyVaultName": "vault",
      "azure.activeKey.keyName": "etcd",
      "azure.activeKey.keyVersion": "7a",
    },
  ],
  [
    "IBM Cloud",
    {
      provider: "IBMCloud",
      ibmcloud: {
        region: "eu-de",
        auth: { type: "Unmanaged", unmanaged: { credentials: { name: "kms-credentials" } } },
        keyList: [{ crkID: "c", instanceID: "i", correlationID: "o", url: "https://kms.example", keyVersion: 2 }],
      },
    },
    {
      provider: "IBMCloud",
      "ibmcloud.region": "eu-de",
      "ibmcloud.keyList.0.crkID": "c",
      "ibmcloud.keyList.0.instanceID": "i",
      "ibmcloud.keyList.0.correlationID": "o",
      "ibmcloud.keyList.0.url": "https://kms.example",
      "ibmcloud.keyList.0.keyVersion": "2",
    },
  ],
])("of KMS at %s the ids of the keys are kept, and nothing of how to log in there", (_, spec, ids) => {
  expect(parseKmsIds(spec)).toEqual(ids);
});

test.each([undefined, null, "AWS", 7, []])("a spec of another form, %o, has no ids", (spec) => {
  expect(parseKmsIds(spec)).toEqual({});
});

test("a spec without end is cut off", () => {
  const keyList = Array.from({ length: 1000 }, (_, index) => ({ crkID: String(index) }));
  expect(Object.keys(parseKmsIds({ ibmcloud: { keyList } }))).toHaveLength(100);
});
