import { expect, test } from "vitest";
import { findHashKv, hashKvCommand } from "../../../src/pod/hash-kv.ts";

test("a member's answer is its hash, and up to where it has compacted", () => {
  const header = { cluster_id: 77, member_id: 9, revision: 1200, raft_term: 3 };
  const answer = [{ Endpoint: "https://localhost:2379", HashKV: { header, hash: 4201234567, compact_revision: -1 } }];
  expect(findHashKv(`${JSON.stringify(answer)}\n`, 1000)).toEqual({
    revision: 1000,
    compactRevision: -1,
    hash: 4201234567,
  });
});

test.each(["", "{}", "[]", "Error: etcdserver: mvcc: required revision has been compacted"])(
  "%j is no answer",
  (output) => {
    expect(findHashKv(output, 1000)).toBeUndefined();
  },
);

test("the member is asked at the revision, within the time that it is given", () => {
  const tools = { authority: "/etc/etcd/tls/etcd-ca/ca.crt", statusTool: "etcdutl" } as const;
  const argv = hashKvCommand(1000, { tools, limitSeconds: 40 });
  expect(argv.slice(3, 6)).toEqual(["hash", "1000", "40"]);
  expect(argv[6]).toBe("etcdctl");
});
