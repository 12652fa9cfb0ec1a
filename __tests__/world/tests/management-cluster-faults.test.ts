import { setTimeout as delay } from "node:timers/promises";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { at, stringAt } from "../../../src/json-path.ts";
import type { ExecFaultKind, RequestFault } from "../management-cluster/faults.ts";
import { startManagementCluster, type ManagementCluster } from "../management-cluster/management-cluster.ts";
import { asUser, pathsOf, type Answer } from "./management-cluster/api-client.ts";
import { openContract, rulesWithAdministrator, waitFor } from "./management-cluster/embedded.ts";
import { channel, openExec, refusedExec, runExec } from "./management-cluster/exec-client.ts";
import type { ContractCluster } from "./management-cluster-contract.ts";

const mark = "faults.example/mark";
const success = { metadata: {}, status: "Success" };

let cluster: ManagementCluster;
let contract: ContractCluster;
beforeAll(async () => {
  cluster = await startManagementCluster({ rules: rulesWithAdministrator() });
  contract = await openContract(cluster);
});
afterAll(() => cluster.close());
afterEach(() => {
  cluster.clearFaults();
});

const write = (value: string): Promise<Answer> =>
  asUser(contract).patch(pathsOf(contract).hostedCluster, { metadata: { annotations: { [mark]: value } } });
const stored = (): unknown => at(cluster.hostedCluster(), "metadata", "annotations", mark);
const patches: RequestFault["match"] = { verb: "patch", resource: "hostedclusters" };

describe("a request", () => {
  it("is answered as it was told to, without effect", async () => {
    cluster.addRequestFault({
      match: patches,
      fault: { kind: "status", status: 429, retryAfterSeconds: 3 },
      times: 2,
    });
    for (let time = 1; time <= 2; time += 1) {
      const answer = await write("busy");
      expect([answer.status, at(answer.body, "reason"), answer.headers["retry-after"]]).toEqual([
        429,
        "TooManyRequests",
        "3",
      ]);
      expect(stored()).not.toBe("busy");
    }
    expect((await write("busy")).status).toBe(200);
  });

  it("is reset before it has an effect, or after", async () => {
    cluster.addRequestFault({ match: patches, fault: { kind: "reset" } });
    await expect(write("reset")).rejects.toThrow();
    expect(stored()).not.toBe("reset");
    cluster.addRequestFault({ match: patches, fault: { kind: "reply-lost" } });
    await expect(write("lost")).rejects.toThrow();
    expect(stored()).toBe("lost");
  });

  it("is never answered, or late", async () => {
    cluster.addRequestFault({ match: patches, fault: { kind: "hang" } });
    const hanging = write("hung").catch((error: unknown) => error);
    expect(await Promise.race([hanging, delay(200, "silence")])).toBe("silence");
    cluster.cutConnections();
    expect(await hanging).toBeInstanceOf(Error);
    expect(stored()).not.toBe("hung");
    cluster.addRequestFault({ match: patches, fault: { kind: "delay", ms: 300 } });
    const late = write("late");
    expect(await Promise.race([late, delay(100, "silence")])).toBe("silence");
    expect((await late).status).toBe(200);
    expect(stored()).toBe("late");
  });

  it("is hit by its place in the row, by its name and by what it asks", async () => {
    const fault = { kind: "status", status: 503 } as const;
    cluster.addRequestFault({ match: patches, fault, nth: 2 });
    const statuses: number[] = [];
    for (const value of ["1", "2", "3"]) statuses.push((await write(value)).status);
    expect(statuses).toEqual([200, 503, 200]);
    cluster.clearFaults();
    const { namespace, name } = contract.hostedCluster;
    cluster.addRequestFault({ match: { name: "another" }, fault, times: Infinity });
    cluster.addRequestFault({ match: { dryRun: true }, fault, times: Infinity });
    cluster.addRequestFault({ match: { when: ({ body }) => at(body, "spec") !== undefined }, fault, times: Infinity });
    expect((await write("4")).status).toBe(200);
    const path = pathsOf(contract).hostedCluster;
    expect((await asUser(contract).patch(`${path}?dryRun=All`, {})).status).toBe(503);
    expect((await asUser(contract).patch(path, { spec: {} })).status).toBe(503);
    expect(
      (
        await asUser(contract).get(
          path.replace(`${namespace}/hostedclusters/${name}`, `${namespace}/hostedclusters/another`),
        )
      ).status,
    ).toBe(503);
  });

  it("for an exec is hit as well", async () => {
    const exec = { command: ["true"] };
    const match = { resource: "pods/exec" };
    cluster.addRequestFault({ match, fault: { kind: "status", status: 500, retryAfterSeconds: 1 } });
    const answer = await refusedExec(contract, exec);
    expect([answer.status, at(answer.body, "reason"), answer.headers["retry-after"]]).toEqual([
      500,
      "InternalError",
      "1",
    ]);
    for (const kind of ["reset", "reply-lost"] as const) {
      cluster.addRequestFault({ match, fault: { kind } });
      await expect(runExec(contract, exec)).rejects.toThrow();
    }
    expect((await runExec(contract, exec)).status).toEqual(success);
  });
});

describe("an exec", () => {
  const count = ["seq", "1", "20000"];
  const whole = Array.from({ length: 20_000 }, (_, index) => `${String(index + 1)}\n`).join("");
  const isCount = (argv: readonly string[]): boolean => argv[0] === "seq";
  const add = (fault: ExecFaultKind): void => {
    cluster.addExecFault({ match: { argv: isCount }, fault });
  };

  it("ends short of some bytes, and says success (kubernetes/kubernetes#124571)", async () => {
    add({ kind: "short", missingBytes: 5_000 });
    const end = await runExec(contract, { command: count });
    expect(end.stdout.toString()).toBe(whole.slice(0, -5_000));
    expect(end.status).toEqual(success);
    expect((await runExec(contract, { command: count })).stdout.toString()).toBe(whole);
  });

  it("has a gap, or bytes that come twice", async () => {
    const ends = [];
    for (const kind of ["gap", "echo"] as const) {
      add({ kind, atByte: 70_000, bytes: 10 });
      ends.push((await runExec(contract, { command: count })).stdout.toString());
      cluster.clearFaults();
    }
    expect(ends).toEqual([whole.slice(0, 70_000) + whole.slice(70_010), whole.slice(0, 70_010) + whole.slice(70_000)]);
  });

  it("does not get a message of its input", async () => {
    cluster.addExecFault({ match: { argv: (argv) => argv[0] === "head" }, fault: { kind: "lose-input", nth: 2 } });
    const session = await openExec(contract, { command: ["head", "-c", "8"], stdin: true });
    for (const text of ["one ", "two ", "four"]) session.send(channel.stdin, text);
    expect((await session.ended).stdout.toString()).toBe("one four");
  });

  it("has bytes too many, or another one", async () => {
    add({ kind: "extra", extraBytes: 3 });
    const extra = await runExec(contract, { command: count });
    expect(extra.stdout.toString()).toBe(`${whole}xxx`);
    cluster.clearFaults();
    add({ kind: "flip", atByte: 70_000 });
    const flipped = await runExec(contract, { command: count });
    const expected = Buffer.from(whole);
    expected.writeUInt8(expected.readUInt8(70_000) ^ 1, 70_000);
    expect(flipped.stdout.equals(expected)).toBe(true);
    expect([extra.status, flipped.status]).toEqual([success, success]);
  });

  it("has all bytes and no exit status", async () => {
    add({ kind: "failure-status" });
    const end = await runExec(contract, { command: count });
    expect(end.stdout.toString()).toBe(whole);
    expect([at(end.status, "reason"), at(end.status, "code")]).toEqual(["InternalError", 500]);
  });

  it("has CLOSE frames before its status", async () => {
    add({ kind: "close-frames" });
    const end = await runExec(contract, { command: count });
    expect(end.frames.filter((frame) => frame.channel === channel.close).map(({ payload }) => payload[0])).toEqual([
      1, 2,
    ]);
    expect([end.stdout.toString() === whole, end.status]).toEqual([true, success]);
  });

  it("falls silent: no byte, no pong, no end", async () => {
    add({ kind: "stall", atBytes: 40_000 });
    const session = await openExec(contract, { command: count });
    const received = (): number => session.frames.reduce((bytes, { payload }) => bytes + payload.length, 0);
    await waitFor("the bytes before it are there", () => received() === 40_000);
    const pong = new Promise((resolve) => session.socket.once("pong", resolve));
    session.socket.ping();
    expect(await Promise.race([pong, session.ended, delay(300, "silence")])).toBe("silence");
    session.socket.terminate();
  });

  it("is cut after some bytes", async () => {
    add({ kind: "cut", atBytes: 50_000 });
    const end = await runExec(contract, { command: count });
    expect([end.status, end.closeCode]).toEqual([undefined, 1006]);
    expect(end.stdout.length).toBeLessThanOrEqual(50_000);
    expect(whole.startsWith(end.stdout.toString())).toBe(true);
  });

  it("is cut when it has begun, and its command goes on", async () => {
    cluster.addExecFault({ match: {}, fault: { kind: "cut" } });
    const file = "/var/lib/goes-on";
    const script = 'until [ -e "$1.go" ]; do sleep 0.05; done; echo done >"$1"';
    const end = await runExec(contract, { command: ["sh", "-c", script, "script", file] });
    expect([end.status, end.closeCode]).toEqual([undefined, 1006]);
    expect(cluster.container().files()).not.toContain("goes-on");
    await runExec(contract, { command: ["sh", "-c", ': >"$1.go"', "script", file] });
    await waitFor("its file is there", () => cluster.container().files().includes("goes-on"));
    await runExec(contract, { command: ["rm", file, `${file}.go`] });
  });

  it("is cut in the middle of a save, which goes on", async () => {
    const databaseBytes = cluster.container().databaseBytes();
    cluster.set({ saveBytesPerSecond: (sentBytes) => (sentBytes < 0.9 * databaseBytes ? Infinity : 0) });
    cluster.addExecFault({ match: {}, fault: { kind: "cut", atSaveFraction: 0.5 } });
    const file = "/var/lib/cut.db";
    const end = await runExec(contract, {
      command: [
        "etcdctl",
        ...["--endpoints=https://localhost:2379", "--cacert=/etc/etcd/tls/etcd-ca/ca.crt"],
        ...["--cert=/etc/etcd/tls/client/etcd-client.crt", "--key=/etc/etcd/tls/client/etcd-client.key"],
        "snapshot",
        "save",
        file,
      ],
    });
    expect(end.closeCode).toBe(1006);
    expect(cluster.container().newestSnapshotBytes()).toBeGreaterThanOrEqual(databaseBytes / 2);
    expect(cluster.container().files()).toContain("cut.db.part");
    cluster.set({ saveBytesPerSecond: Infinity });
    await waitFor("the save is done", () => cluster.container().files().includes("cut.db"));
    const status = await runExec(contract, { command: ["etcdctl", "snapshot", "status", file] });
    expect(at(status.status, "status")).toBe("Success");
    await runExec(contract, { command: ["rm", file] });
  });

  it("reaches no path of the machine: one inside the text of a script is refused", async () => {
    for (const script of [
      "rm -f /var/lib/x",
      "curl https://localhost:2379/health",
      "cat </etc/etcd/tls/etcd-ca/ca.crt",
    ]) {
      const answer = await refusedExec(contract, { command: ["sh", "-c", script] });
      expect([script, answer.status]).toEqual([script, 501]);
    }
    const end = await runExec(contract, { command: ["dd", "if=/etc/etcd/tls/etcd-ca/ca.crt", "status=none"] });
    expect(end.stdout.toString()).toContain("BEGIN CERTIFICATE");
    expect(stringAt(end.status, "status")).toBe("Success");
  });
});
