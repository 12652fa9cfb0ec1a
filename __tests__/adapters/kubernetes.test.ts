import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createClock } from "../../src/adapters/clock.ts";
import { parseKubeconfig } from "../../src/kubeconfig/context.ts";
import { createManagementCluster } from "../../src/adapters/kubernetes/management-cluster.ts";
import { at } from "../../src/json-path.ts";
import type { ManagementCluster } from "../../src/ports.ts";
import type { KubeconfigOptions } from "../world/management-cluster/users.ts";
import {
  startManagementCluster,
  type ManagementCluster as EmbeddedCluster,
} from "../world/management-cluster/management-cluster.ts";
import { rulesWithAdministrator } from "../world/tests/management-cluster/embedded.ts";
import { testLimits } from "./scripted-api.ts";
import { annotation, describeClusterPort, inControlPlane, ref } from "./management-cluster-contract.ts";
import { rejectedCode } from "./snapshot-store-contract.ts";

const skewMs = -20 * 60_000;
const aesKey = Buffer.from("0123456789abcdef0123456789abcdef");

let world: EmbeddedCluster;
/** May do what docs/rbac.yaml grants. */
let cluster: ManagementCluster;
let administrator: ManagementCluster;
beforeAll(async () => {
  // Operators that are dead change nothing behind a test's back.
  world = await startManagementCluster({
    aesKey,
    clockSkewMs: skewMs,
    rules: rulesWithAdministrator(),
    switches: { hypershiftOperator: "dead", controlPlaneOperator: "dead" },
  });
  await world.waitUntilReady();
  cluster = await connect();
  administrator = await connect({ user: "administrator" });
});
afterAll(() => world.close());

async function connect(options: KubeconfigOptions = {}): Promise<ManagementCluster> {
  const ignore = (): void => undefined;
  return createManagementCluster(parseKubeconfig(await world.kubeconfig(options), { environment: {} }), {
    clock: createClock(),
    log: { info: ignore, warning: ignore, debug: ignore, group: (_title, run) => run() },
    limits: { ...testLimits, requestTries: 4 },
  });
}

describeClusterPort("the adapter", () => ({
  cluster: administrator,
  nowMs: () => world.clock.nowMs(),
  aesKey,
  settle: () => world.waitUntilReady(30_000),
}));

describe("reads", () => {
  it("the end of a token and of a certificate", async () => {
    const in8Hours = world.clock.nowMs() + 8 * 3_600_000;
    for (const auth of ["token", "certificate"] as const) {
      const end = (await connect({ auth })).credentialsExpireAt?.getTime() ?? 0;
      expect(Math.abs(end - in8Hours)).toBeLessThan(120_000);
    }
  });

  it("with a client certificate as with a token", async () => {
    expect(await (await connect({ auth: "certificate" })).findHostedCluster(ref)).toMatchObject(ref);
  });
});

describe("a patch of the HostedCluster", () => {
  it("is a merge patch of nothing else, checked strictly, in this action's name", async () => {
    await cluster.patchHostedCluster(ref, { annotations: { [annotation]: null } });
    const sent = world.requests.at(-1);
    expect(sent).toMatchObject({
      verb: "patch",
      contentType: "application/merge-patch+json",
      query: { fieldManager: "hypershift-etcd-backup-action", fieldValidation: "Strict" },
      body: { metadata: { annotations: { [annotation]: null } } },
      userAgent: "hypershift-etcd-backup-action",
    });
    expect(Object.keys(at(sent, "body") ?? {})).toStrictEqual(["metadata"]);
  });

  it("whose answer is lost has been done once, without and with a version", async () => {
    const lost = { match: { verb: "patch", resource: "hostedclusters" }, fault: { kind: "reply-lost" } } as const;
    world.addRequestFault(lost);
    expect((await cluster.patchHostedCluster(ref, { annotations: { [annotation]: "a" } })).annotations).toMatchObject({
      [annotation]: "a",
    });
    const { resourceVersion } = await cluster.patchHostedCluster(ref, { annotations: { [annotation]: "b" } });
    world.addRequestFault(lost);
    // The second try meets the first one's work: whoever sent it reads back who was first.
    const again = cluster.patchHostedCluster(ref, { annotations: { [annotation]: "c" } }, { resourceVersion });
    expect(await rejectedCode(again)).toBe("hold-conflict");
    expect(at(world.hostedCluster(), "metadata", "annotations", annotation)).toBe("c");
  });
});

it("a scale whose answer is lost has been done", async () => {
  world.addRequestFault({ match: { resource: "deployments/scale" }, fault: { kind: "reply-lost" } });
  await cluster.scaleDeployment(inControlPlane("openshift-oauth-apiserver"), 1);
  expect(at(world.deployment("openshift-oauth-apiserver"), "spec", "replicas")).toBe(1);
});

describe("a command in a container", () => {
  const pod = { ...inControlPlane("etcd-0"), container: "etcd" };

  it("gives its output, its errors and its exit status", async () => {
    const argv = ["sh", "-c", 'printf "%s|" "$@"; echo oops >&2; exit 3', "x", "a b", "$(id)", ";\n", ""];
    expect(await cluster.exec(pod, argv, { timeoutMs: 20_000 })).toStrictEqual({
      exitCode: 3,
      stdout: Buffer.from("a b|$(id)|;\n||"),
      stderr: "oops\n",
    });
  });

  it("that is not there, or whose container or pod is not there, could not be started", async () => {
    const options = { timeoutMs: 20_000, expectedBytes: 1 };
    expect(await rejectedCode(cluster.exec(pod, ["no-such-tool"], options))).toBe("exec-failed");
    const elsewhere = { ...pod, container: "nobody" };
    expect(await rejectedCode(cluster.exec(elsewhere, ["true"], options))).toBe("exec-failed");
  });
});
