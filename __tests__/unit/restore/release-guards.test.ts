import { describe, expect, test } from "vitest";
import { parseHostedCluster } from "../../../src/hypershift/hosted-cluster.ts";
import { checkRelease } from "../../../src/restore/release-guards.ts";
import { acceptFindings, type Finding } from "../../../src/restore/findings.ts";
import { refusalsOf, warningsOf } from "./expectations.ts";

const digest = `sha256:${"d".repeat(64)}`;
const single = "SingleReplica";

function check(
  recorded: { image?: string; version?: string; etcd?: string },
  image: string,
  policy?: string,
  annotations: Readonly<Record<string, string>> = {},
): readonly Finding[] {
  const { image: releaseImage, version: releaseVersion, etcd: etcdVersion } = recorded;
  const written = {
    ...(releaseImage === undefined ? {} : { releaseImage }),
    ...(releaseVersion === undefined ? {} : { releaseVersion }),
    ...(etcdVersion === undefined ? {} : { etcdVersion }),
  };
  const spec = { release: { image }, ...(policy === undefined ? {} : { controllerAvailabilityPolicy: policy }) };
  return checkRelease(written, parseHostedCluster({ metadata: { annotations }, spec }));
}

/** The finding that compares the two releases. */
const compared = (findings: readonly Finding[]): Finding | undefined =>
  findings.find(({ guard }) => guard === "spec.release");

const tag = (version: string): string => `registry.example:5000/ocp-release:${version}`;

describe("with one member, the manifest's release", () => {
  test.each([
    ["the same tag", { image: tag("4.20.3-x86_64"), version: "4.20.3" }, tag("4.20.3-x86_64")],
    ["the same version for another machine", { version: "4.20.3" }, tag("4.20.3-multi")],
    ["the same digest elsewhere", { image: `a.example/r@${digest}`, version: "4.20.3" }, `mirror.example/r@${digest}`],
    ["the same digest, of an unknown version", { image: `a.example/r@${digest}` }, `a.example/r@${digest}`],
  ])("may be %s", (_, recorded, image) => {
    expect(compared(check(recorded, image, single))?.verdict).toBe("equal");
  });

  test.each([
    ["newer", { version: "4.20.3" }, tag("4.20.4-x86_64"), "newer"],
    ["a later minor", { version: "4.9.30" }, tag("4.20.0"), "newer"],
    ["a later major", { version: "4.23.30" }, tag("5.0.0"), "newer"],
    [
      "of an unknown digest",
      { version: "4.20.3", image: `a.example/r@sha256:${"e".repeat(64)}` },
      `a.example/r@${digest}`,
      "not known",
    ],
    ["without version", { version: "4.20.3" }, "fakeReleaseImage", "not known"],
    ["empty", { version: "4.20.3" }, "", "not known"],
  ])("is worth a warning when it is %s", (_, recorded, image, word) => {
    const finding = compared(check(recorded, image, single));
    expect(finding?.verdict).toBe(word === "newer" ? "differs" : "warning");
    expect(finding?.text).toContain(word);
  });

  test.each([
    ["patch", "4.20.3", "4.20.2-x86_64"],
    ["release candidate", "4.20.0", "4.20.0-rc.1-x86_64"],
    ["nightly build", "4.20.0", "4.20.0-0.nightly-2025-09-01-000000"],
    ["candidate of the same release", "4.22.0-rc.3", "4.22.0-rc.1-x86_64"],
    ["candidate with a number of one digit", "4.22.0-rc.10", "4.22.0-rc.9"],
    ["engineering candidate", "4.22.0-rc.0", "4.22.0-ec.5-multi"],
    ["night", "4.22.0-0.nightly-2026-03-02-000000", "4.22.0-0.nightly-2026-03-01-235959-x86_64"],
    ["night than a candidate", "4.22.0-ec.0", "4.22.0-0.nightly-2026-03-02-000000"],
    ["minor", "4.20.3", "4.19.30-x86_64"],
    ["minor of one digit", "4.20.3", "4.9.30"],
    ["major", "5.0.0", "4.23.9"],
  ])("is refused when it is an older %s", (_, version, older) => {
    expect(refusalsOf(check({ version }, tag(older), single))).toEqual(["release-older"]);
    expect(refusalsOf(check({ image: tag(version) }, tag(older), single))).toEqual(["release-older"]);
  });

  test.each([
    ["tagged", { version: "4.20.3" }, tag("4.21.7-x86_64")],
    ["of the record's digest", { version: "4.21.0", image: `a.example/r@${digest}` }, `b.example/r@${digest}`],
  ])("is refused when it is a 4.21, %s: it cannot restore", (_, recorded, image) => {
    const findings = check(recorded, image, single);
    expect(refusalsOf(findings)).toEqual(["release-cannot-restore"]);
    expect(refusalsOf(acceptFindings(findings, ["release-cannot-restore"]))).toEqual([]);
  });
});

test("a newer candidate, or the release itself, is not older", () => {
  for (const newer of ["4.22.0-rc.4", "4.22.0-rc.10", "4.22.0", "4.22.0-x86_64"])
    expect(compared(check({ version: "4.22.0-rc.3" }, tag(newer), single))?.verdict).toBe("differs");
});

test("releases up to 4.20, whose second try takes what the first one left for data, are told so", () => {
  const retry = check({ version: "4.20.3" }, tag("4.20.3"), single).filter(({ verdict }) => verdict === "warning");
  expect(retry).toMatchObject([{ guard: "init script", code: "restore-retry-unsafe" }]);
  expect(retry[0]?.text).toContain("PVC data-etcd-<n>");
  expect(warningsOf(check({ version: "4.22.0" }, tag("4.22.0"), single))).toEqual([]);
});

describe("a snapshot of etcd 3.6", () => {
  test("is refused for a release with etcd 3.5, also where no record names the old release", () => {
    expect(refusalsOf(check({ etcd: "3.6.5" }, tag("4.20.3"), single))).toEqual(["etcd-older"]);
  });

  test.each(["4.22.0", "4.22.0-rc.1", "5.0.0"])("is taken by %s", (version) => {
    expect(refusalsOf(check({ etcd: "3.6.5" }, tag(version), single))).toEqual([]);
  });
});

describe("three members that may become three clusters", () => {
  const annotation = { "hypershift.openshift.io/control-plane-operator-image": "registry.example/cpo:1" };

  test.each([
    ["before the fix", "4.20.3", "HighlyAvailable"],
    ["before the fix, by the API's default", "4.20.3", undefined],
    ["of a release that may have the fix or not", "5.0.4", "HighlyAvailable"],
    ["where the release is not known", "", "HighlyAvailable"],
  ])("are refused, or a warning where that is accepted: %s", (_, version, policy) => {
    const findings = check({ version }, version === "" ? "fakeReleaseImage" : tag(version), policy);
    expect(refusalsOf(findings)).toEqual(["etcd-would-split"]);
    expect(warningsOf(acceptFindings(findings, ["etcd-would-split"]))).toContain("etcd members");
    expect(refusalsOf(acceptFindings(findings, ["release-cannot-restore"]))).toEqual(["etcd-would-split"]);
  });

  test("are refused where an annotation replaces the script of a release with the fix", () => {
    expect(refusalsOf(check({}, tag("5.1.0"), "HighlyAvailable", annotation))).toEqual(["etcd-would-split"]);
    expect(refusalsOf(check({}, tag("5.1.0"), single, annotation))).toEqual([]);
  });

  test("are none with the fix", () => {
    expect(refusalsOf(check({ version: "5.1.0" }, tag("5.1.0"), "HighlyAvailable"))).toEqual([]);
  });
});

test("every reason is told at once", () => {
  expect(refusalsOf(check({ version: "4.22.0", etcd: "3.6.5" }, tag("4.20.0"), "HighlyAvailable"))).toEqual([
    "release-older",
    "etcd-older",
    "etcd-would-split",
  ]);
});
