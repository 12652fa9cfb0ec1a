import { expect, test } from "vitest";
import { Findings } from "../../../src/preflight/findings.ts";
import { chooseMembers } from "../../../src/preflight/members.ts";
import type { MemberReport } from "../../../src/pod/member.ts";

const silent = {
  info: () => undefined,
  warning: () => undefined,
  debug: () => undefined,
  group: <T>(_: string, run: () => Promise<T>): Promise<T> => run(),
};

function member(pod: string, changes: Partial<MemberReport> = {}): MemberReport {
  return {
    pod,
    id: `id of ${pod}`,
    clusterId: "c",
    version: "3.5.21",
    revision: 7,
    dbSizeBytes: 20_480,
    leader: false,
    alarms: [],
    memberCount: 3,
    volume: { sizeBytes: 8 * 1024 ** 3, freeBytes: 7 * 1024 ** 3 },
    tools: { authority: "ca.crt", statusTool: "etcdutl" },
    ...changes,
  };
}

const alarms = [{ memberId: "id of etcd-0", name: "CORRUPT" }];
const full = { sizeBytes: 8 * 1024 ** 3, freeBytes: 1024 };

test.each([
  ["a follower", [member("etcd-0", { leader: true }), member("etcd-1"), member("etcd-2")], "etcd-1"],
  [
    "the leader where no follower has room",
    [member("etcd-0", { volume: full }), member("etcd-1", { leader: true })],
    "etcd-1",
  ],
  [
    "the leader before a follower with an alarm",
    [member("etcd-0", { alarms }), member("etcd-1", { leader: true, alarms })],
    "etcd-1",
  ],
  ["none without room", [member("etcd-0", { volume: full })], undefined],
])("what is captured is %s", (_, members, chosen) => {
  const [found] = chooseMembers(members, "one", new Findings(silent, { allowUnhealthy: true, quiesce: true }));
  expect(found?.pod).toBe(chosen);
});

test("of all members those with an alarm are left out", () => {
  const findings = new Findings(silent, { allowUnhealthy: true, quiesce: true });
  const members = [member("etcd-0", { alarms }), member("etcd-1", { leader: true, alarms }), member("etcd-2")];
  expect(chooseMembers(members, "all", findings).map(({ pod }) => pod)).toEqual(["etcd-1", "etcd-2"]);
  expect(findings.none).toBe(true);
});

test("a member without room keeps all from being captured", () => {
  const findings = new Findings(silent, { allowUnhealthy: true, quiesce: true });
  chooseMembers([member("etcd-0"), member("etcd-1", { volume: full })], "all", findings);
  expect(findings.error()).toMatchObject({ code: "space-missing" });
});

test("where every member has an alarm, one of them is captured", () => {
  const findings = new Findings(silent, { allowUnhealthy: true, quiesce: true });
  expect(chooseMembers([member("etcd-0", { alarms })], "all", findings).map(({ pod }) => pod)).toEqual(["etcd-0"]);
});
