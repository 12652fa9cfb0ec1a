import { expect, test } from "vitest";
import type { EncryptedGroup } from "../../../src/etcd/encryption-check.ts";
import type { Snapshot } from "../../../src/etcd/snapshot.ts";
import { refuseOtherKey } from "../../../src/verify-restore/keys.ts";
import { codeOf } from "../restore/expectations.ts";

const group: EncryptedGroup = {
  resource: "secrets",
  provider: "aescbc",
  version: "v1",
  keyName: "key-1",
  values: 2,
  malformed: 0,
  checked: 2,
  opened: 2,
  openedByOthers: {},
};

function judge(change: Partial<EncryptedGroup>, type: "aescbc" | "kms" = "aescbc") {
  const groups = [{ ...group, ...change }];
  const living = { encrypted: { values: 2, checked: 0, groups } } as Pick<Snapshot, "encrypted"> as Snapshot;
  return codeOf(() => {
    refuseOtherKey(living, { type, keys: [] });
  });
}

test.each<[string, Partial<EncryptedGroup>]>([
  ["that no key opens", { opened: 0 }],
  ["of another provider", { provider: "kms", checked: 0, opened: 0 }],
  ["of no form", { malformed: 1 }],
  ["of a version that nothing was tried on", { version: "v2", checked: 0, opened: 0 }],
])("values %s are refused, whoever wrote them", (_, change) => {
  expect(judge(change)).toBe("encryption-key-mismatch");
});

test("values that were opened, or whose key KMS has, are taken", () => {
  expect(judge({})).toBeUndefined();
  expect(judge({ provider: "kms", version: "v2", checked: 0, opened: 0 }, "kms")).toBeUndefined();
});
