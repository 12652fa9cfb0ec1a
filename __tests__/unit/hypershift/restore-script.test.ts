import { expect, test } from "vitest";
import { parseHostedCluster, parseHostedControlPlane } from "../../../src/hypershift/hosted-cluster.ts";
import { findInitScript, isSnapshotRestored } from "../../../src/hypershift/restore-script.ts";
import { parsePod, parseWorkload } from "../../../src/hypershift/workload.ts";

const withInit = (...variables: readonly string[]) =>
  parseWorkload({
    spec: {
      template: {
        spec: { initContainers: [{ name: "etcd-init", env: variables.map((name) => ({ name, value: "x" })) }] },
      },
    },
  });

test("the init script is known by what it is told of the other members; without its container nothing is restored", () => {
  expect(findInitScript(withInit("RESTORE_URL_ETCD"))).toBe("single");
  expect(findInitScript(withInit("RESTORE_URL_ETCD", "HOSTNAME", "ETCD_INITIAL_CLUSTER"))).toBe("joining");
  expect(findInitScript(parseWorkload({}))).toBeUndefined();
});

test("the signed URL of a hosted cluster is not kept, only that it has one", () => {
  const of = (restoreSnapshotURL: unknown) =>
    parseHostedCluster({ spec: { etcd: { managed: { storage: { restoreSnapshotURL } } } } });
  expect(of(["https://store.example/a.db?X-Amz-Signature=cAnArY"]).etcd.restored).toBe(true);
  expect(JSON.stringify(of(["https://store.example/a.db?X-Amz-Signature=cAnArY"]))).not.toContain("cAnArY");
  for (const none of [undefined, null, []]) expect(of(none).etcd.restored).toBe(false);
});

test.each([
  ["True", true],
  ["False", false],
  ["Unknown", false],
])("EtcdSnapshotRestored that is %s", (status, restored) => {
  const conditions = [{ type: "EtcdSnapshotRestored", status, reason: "AsExpected" }];
  expect(isSnapshotRestored(parseHostedControlPlane({ status: { conditions } }))).toBe(restored);
  expect(isSnapshotRestored(parseHostedControlPlane({}))).toBe(false);
});

test("an init container that failed tells how often, and its last exit code", () => {
  const lastState = { terminated: { exitCode: 22, reason: "Error" } };
  const waiting = { name: "etcd-init", ready: false, restartCount: 4, state: { waiting: {} }, lastState };
  expect(parsePod({ status: { initContainerStatuses: [waiting] } }).initContainers).toStrictEqual([
    { name: "etcd-init", ready: false, restarts: 4, exitCode: 22 },
  ]);
  expect(parsePod({}).initContainers).toStrictEqual([]);
});
