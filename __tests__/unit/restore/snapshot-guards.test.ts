import { expect, test } from "vitest";
import { checkQuota, checkVolume } from "../../../src/restore/etcd-guards.ts";
import { checkAge, checkProofs } from "../../../src/restore/proof-guards.ts";
import { refusalsOf, warningsOf } from "./expectations.ts";
import { buildRecord } from "./record-builder.ts";

const gib = 1024 ** 3;
const withVolume = (size?: unknown): unknown => ({
  spec: { etcd: { managed: { storage: size === undefined ? {} : { persistentVolume: { size } } } } },
});

test.each<[string | number | undefined, number]>([
  ["8Gi", 8 * gib],
  ["4Gi", 4.1 * gib],
  ["500Mi", 450 * 1024 ** 2],
  ["1000000", 1_000_000],
  ["1G", 1.05e9],
  // Was taken for the default of 8Gi.
  [1_000_000, 1_000_000],
  [undefined, 8 * gib],
])("on a volume of %s a snapshot of %d bytes is refused", (size, bytes) => {
  expect(refusalsOf(checkVolume(withVolume(size), bytes))).toEqual(["volume-too-small"]);
});

test("a volume that is half full from the start, or of a size that is not understood, is told", () => {
  expect(warningsOf(checkVolume(withVolume("8Gi"), 5 * gib))).toEqual(["etcd volume"]);
  for (const size of ["8e9x", "", true, {}])
    expect(warningsOf(checkVolume(withVolume(size), 1))).toEqual(["etcd volume"]);
  expect(warningsOf(checkVolume(withVolume("1.5Ti"), gib))).toEqual([]);
});

test("a snapshot that fills HyperShift's quota of etcd is refused, on a volume of any size", () => {
  expect(refusalsOf(checkQuota(8 * gib))).toEqual(["etcd-over-quota"]);
  expect(checkQuota(8 * gib - 1)).toMatchObject([{ guard: "etcd quota", verdict: "equal" }]);
});

test("a snapshot that is older than max-age is refused, with its age", () => {
  const now = Date.parse("2026-11-25T12:00:00Z");
  const day = 86_400_000;
  expect(refusalsOf(checkAge("2026-11-24T11:59:59Z", now, day))).toEqual(["snapshot-too-old"]);
  expect(refusalsOf(checkAge("2026-11-24T12:00:00Z", now, day))).toEqual([]);
  expect(checkAge("2026-11-24T12:00:00Z", now, undefined)).toMatchObject([
    { verdict: "equal", text: expect.stringContaining("24.0 h") as string },
  ]);
});

test("a snapshot from the future is no young one: with max-age it is refused, without it told", () => {
  const now = Date.parse("2026-11-25T12:00:00Z");
  expect(refusalsOf(checkAge("2027-11-25T12:00:00Z", now, 86_400_000))).toEqual(["record-invalid"]);
  expect(refusalsOf(checkAge("2026-11-25T12:30:00Z", now, 86_400_000))).toEqual([]);
  expect(checkAge("2026-11-26T12:00:00Z", now, undefined)).toMatchObject([
    { verdict: "equal", text: "the snapshot was made at 2026-11-26T12:00:00Z, which is 24.0 h ahead" },
  ]);
});

test("proofs that were not made are told as not known, and failed ones refused", () => {
  const verdicts = (proofs: object): readonly string[] =>
    checkProofs(buildRecord({ proofs })).map(({ verdict }) => verdict);
  expect(verdicts({})).toEqual(["unknown", "unknown"]);
  expect(verdicts({ membersAgree: true, keysProven: true, structure: true })).toEqual(["equal", "equal"]);
  expect(refusalsOf(checkProofs(buildRecord({ proofs: { membersAgree: false } })))).toEqual(["members-diverged"]);
  expect(refusalsOf(checkProofs(buildRecord({ proofs: { keysProven: false } })))).toEqual(["keys-unproven"]);
});

test("a snapshot of a run that did not see the API servers come back is told", () => {
  const times = { pausedAt: "2026-11-24T12:00:10Z" };
  expect(checkProofs({ ...buildRecord(), ...times })).toContainEqual(
    expect.objectContaining({ verdict: "warning", code: "snapshot-rescued" }),
  );
  expect(warningsOf(checkProofs({ ...buildRecord(), ...times, resumedAt: "2026-11-24T12:00:20Z" }))).toEqual([]);
});

test("an online snapshot is told", () => {
  expect(checkProofs(buildRecord({ quiesced: false }))).toContainEqual(
    expect.objectContaining({ verdict: "warning", code: "snapshot-online" }),
  );
});
