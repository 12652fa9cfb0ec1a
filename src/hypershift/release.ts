/** A release of OpenShift, as far as its name says it. */
export interface Release {
  readonly major: number;
  readonly minor: number;
  readonly patch: number;
  /** Identifiers of a version before the release of the same number: `rc`, `1`; empty for the release itself. */
  readonly early: readonly string[];
}

/** Release images carry their version as tag: `ocp-release:4.20.0-x86_64`. */
export function findImageRelease(image: string): Release | undefined {
  return findRelease(/:([^:/@]+)(?:@[^@]*)?$/.exec(image)?.[1]);
}

/** undefined for what is not `<major>.<minor>.<patch>`, with `-rc.1` or the stamp of a nightly build behind it, or a machine. */
export function findRelease(version: string | undefined): Release | undefined {
  const bare = (version ?? "").replace(/-(?:x86_64|amd64|aarch64|arm64|ppc64le|s390x|multi)(?:-.*)?$/, "");
  const parts = /^(\d{1,4})\.(\d{1,4})\.(\d{1,4})(?![\d.])(?:-((?:[a-z]+\.\d+|0)(?:\.[\dA-Za-z-]+)*)(?=[-+]|$))?/.exec(
    bare,
  );
  if (parts === null) return undefined;
  const [, major, minor, patch, early] = parts;
  return {
    major: Number(major),
    minor: Number(minor),
    patch: Number(patch),
    early: early === undefined ? [] : early.split("."),
  };
}

/** Below zero where `one` comes first, by the rules of semantic versions (semver.org 2.0.0, item 11). */
export function compareReleases(one: Release, other: Release): number {
  return (
    one.major - other.major ||
    one.minor - other.minor ||
    one.patch - other.patch ||
    Number(other.early.length > 0) - Number(one.early.length > 0) ||
    compareIdentifiers(one.early, other.early)
  );
}

export function renderRelease({ major, minor, patch, early }: Release): string {
  return `${major}.${minor}.${patch}${early.length === 0 ? "" : `-${early.join(".")}`}`;
}

function compareIdentifiers([one, ...more]: readonly string[], [other, ...others]: readonly string[]): number {
  if (one === undefined || other === undefined) return Number(one !== undefined) - Number(other !== undefined);
  const isNumber = (text: string): boolean => /^\d+$/.test(text);
  const order =
    isNumber(one) && isNumber(other)
      ? Number(one) - Number(other)
      : Number(isNumber(other)) - Number(isNumber(one)) || Number(one > other) - Number(one < other);
  return order || compareIdentifiers(more, others);
}
