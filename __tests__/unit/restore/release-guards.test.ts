import { describe, expect, test } from "vitest";
import { parseHostedCluster } from "../../../src/hypershift/hosted-cluster.ts";
import { checkRelease } from "../../../src/restore/release-guards.ts";
import { codeOf, createMemoryLog } from "./expectations.ts";

const digest = `sha256:${"d".repeat(64)}`;
const single = "SingleReplica";

function check(
  recorded: { image?: string; version?: string },
  image: string,
  policy?: string,
  allowUnsafe = false,
): readonly string[] {
  const log = createMemoryLog();
  const release = {
    ...(recorded.image === undefined ? {} : { releaseImage: recorded.image }),
    ...(recorded.version === undefined ? {} : { releaseVersion: recorded.version }),
  };
  const spec = { release: { image }, ...(policy === undefined ? {} : { controllerAvailabilityPolicy: policy }) };
  checkRelease(release, parseHostedCluster({ spec }), { log, allowUnsafe });
  return log.warnings;
}

const tag = (version: string): string => `registry.example:5000/ocp-release:${version}`;

describe("with one member, the manifest's release", () => {
  test.each([
    ["the same tag", { image: tag("4.20.3-x86_64"), version: "4.20.3" }, tag("4.20.3-x86_64")],
    ["the same version for another machine", { version: "4.20.3" }, tag("4.20.3-multi")],
    ["the same digest elsewhere", { image: `a.example/r@${digest}`, version: "4.20.3" }, `mirror.example/r@${digest}`],
    ["the same digest, of an unknown version", { image: `a.example/r@${digest}` }, `a.example/r@${digest}`],
  ])("may be %s", (_, recorded, image) => {
    const warnings = check(recorded, image, single);
    expect(warnings.filter((warning) => !warning.includes("not known"))).toEqual([]);
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
    expect(check(recorded, image, single)).toEqual([expect.stringContaining(word)]);
  });

  test.each([
    ["patch", "4.20.3", "4.20.2-x86_64"],
    ["release candidate", "4.20.0", "4.20.0-rc.1-x86_64"],
    ["nightly build", "4.20.0", "4.20.0-0.nightly-2025-09-01-000000"],
    ["minor", "4.20.3", "4.19.30-x86_64"],
    ["minor of one digit", "4.20.3", "4.9.30"],
    ["major", "5.0.0", "4.23.9"],
  ])("is refused when it is an older %s", (_, version, older) => {
    expect(codeOf(() => check({ version }, tag(older), single))).toBe("release-older");
    expect(codeOf(() => check({ image: tag(version) }, tag(older), single))).toBe("release-older");
  });

  test.each([
    ["tagged", { version: "4.20.3" }, tag("4.21.7-x86_64")],
    ["of the record's digest", { version: "4.21.0", image: `a.example/r@${digest}` }, `b.example/r@${digest}`],
  ])("is refused when it is a 4.21, %s: it cannot restore", (_, recorded, image) => {
    expect(codeOf(() => check(recorded, image, single))).toBe("release-cannot-restore");
  });
});

describe("three members that would become three clusters", () => {
  test.each([
    ["before the fix", "4.20.3", "HighlyAvailable"],
    ["before the fix, by the API's default", "4.20.3", undefined],
    ["of a release that may have the fix or not", "5.0.4", "HighlyAvailable"],
  ])("are refused, or worth a warning where that is allowed: %s", (_, version, policy) => {
    expect(codeOf(() => check({ version }, tag(version), policy))).toBe("etcd-would-split");
    const warnings = check({ version }, tag(version), policy, true);
    expect(warnings).toEqual([expect.stringContaining("etcdctl member list")]);
  });

  test("are refused where the release is not known", () => {
    expect(codeOf(() => check({}, "fakeReleaseImage", "HighlyAvailable"))).toBe("etcd-would-split");
    expect(check({}, "fakeReleaseImage", "HighlyAvailable", true)).toContainEqual(
      expect.stringContaining("etcdctl member list"),
    );
  });

  test("are none with the fix", () => {
    expect(check({ version: "5.1.0" }, tag("5.1.0"), "HighlyAvailable")).toEqual([]);
  });
});
