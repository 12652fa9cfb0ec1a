import { createServer, type Server } from "node:https";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { titlesOf } from "../__tests__/scenario/refusal.ts";
import { createCertificateAuthority } from "../__tests__/world/certificates.ts";
import type { JsonObject } from "../__tests__/world/management-cluster/json.ts";
import type { StepResult } from "../__tests__/world/runner/step.ts";
import { ageIdentity, ageRecipient } from "../__tests__/world/sealing.ts";
import { at } from "../src/json-path.ts";
import { isGranted, markAudit, readAudit } from "./cluster/audit.ts";
import { addresses } from "./cluster/layout.ts";
import { runCommand } from "./command.ts";
import { drillFaults } from "./drill-faults.ts";
import { applySecrets, describeLiving, expectNoPod, readDrill, renderPhases, waitForPod } from "./drilled.ts";
import { testDrill } from "./everything.ts";
import type { HostedCluster } from "./hosted/hosted-cluster.ts";
import { drillNamespaceOf, expectSettled, startScenario, type Scenario } from "./scenario.ts";
import { waitUntil } from "./wait.ts";

const namespace = "drill";
const drills = drillNamespaceOf(namespace);
let scenario: Scenario;
let hosted: HostedCluster;
let recorder: Recorder;
let backup: StepResult;
/** What drills met here, by the code with which they ended. */
const met: string[] = [];

/** Notes who connects: what the snapshot names must not be called by an API server that serves it elsewhere. */
interface Recorder {
  readonly callers: string[];
  readonly authority: string;
  readonly server: Server;
}

/** An address of the hosted cluster's Services, which this node has as well. */
const serviceAddress = "172.31.0.77";
const recorderPort = 9443;

async function startRecorder(): Promise<Recorder> {
  await runCommand("ip", ["addr", "add", `${serviceAddress}/32`, "dev", addresses.bridge]);
  const authority = await createCertificateAuthority("recorder");
  const names = [addresses.node, serviceAddress, "recorder.default.svc"];
  const { certificate, privateKey } = await authority.issue({ commonName: "recorder" }, { names });
  const callers: string[] = [];
  const server = createServer({ cert: certificate, key: privateKey }, (_, response) => response.writeHead(404).end());
  server.on("connection", (socket) => callers.push("remoteAddress" in socket ? String(socket.remoteAddress) : ""));
  await new Promise<void>((resolve) => server.listen(recorderPort, "0.0.0.0", resolve));
  return { callers, authority: authority.certificate, server };
}

/** A webhook for Secrets, an aggregated API and a Service for it: addresses that a restored etcd brings along. */
async function nameRecorder({ authority }: Recorder): Promise<void> {
  const caBundle = Buffer.from(authority).toString("base64");
  const client = await hosted.connect();
  const post = (path: string, body: JsonObject): Promise<JsonObject> => client.call("POST", path, { body });
  await post("/api/v1/namespaces/default/services", {
    apiVersion: "v1",
    kind: "Service",
    metadata: { name: "recorder" },
    spec: { clusterIP: serviceAddress, ports: [{ port: recorderPort }] },
  });
  await post("/apis/apiregistration.k8s.io/v1/apiservices", {
    apiVersion: "apiregistration.k8s.io/v1",
    kind: "APIService",
    metadata: { name: "v1.recorder.example" },
    spec: {
      ...{ group: "recorder.example", version: "v1", groupPriorityMinimum: 100, versionPriority: 100, caBundle },
      service: { name: "recorder", namespace: "default", port: recorderPort },
    },
  });
  await post("/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations", {
    apiVersion: "admissionregistration.k8s.io/v1",
    kind: "ValidatingWebhookConfiguration",
    metadata: { name: "recorder" },
    webhooks: [
      {
        name: "recorder.example.com",
        failurePolicy: "Ignore",
        sideEffects: "None",
        admissionReviewVersions: ["v1"],
        clientConfig: { url: `https://${addresses.node}:${String(recorderPort)}/`, caBundle },
        rules: [{ apiGroups: ["*"], apiVersions: ["*"], resources: ["*"], operations: ["CREATE", "UPDATE"] }],
      },
    ],
  });
  client.close();
}

beforeAll(async () => {
  scenario = await startScenario(namespace);
  hosted = await scenario.startHostedCluster({ etcd: "3.6", members: 1 });
  await scenario.applyRbac();
  recorder = await startRecorder();
  await nameRecorder(recorder);
  await applySecrets(hosted, 30);
});

beforeEach(() => hosted.settle());

afterAll(async () => {
  console.log(`${String(met.length)} faults of a drill: ${met.join(", ")}`);
  recorder.server.close();
  await hosted.end();
  await scenario.close();
});

test("There is a backup to drill, with its key sealed beside it", async () => {
  backup = await scenario.run(await scenario.backupInputs({ quiesce: "false", "key-recipients": ageRecipient }));
  expect(backup.outcome).toBe("success");
});

test("A snapshot of etcd 3.6 is restored both ways, and an API server reads its Secrets; the living cluster is not touched", async () => {
  const before = await describeLiving(scenario, hosted);
  const mark = await markAudit(scenario.layout);
  recorder.callers.length = 0;
  const result = await scenario.run(
    await scenario.drillInputs({ "age-identity": ageIdentity, "drill-scripts": "both" }),
  );
  expect(result.outcome).toBe("success");
  const record = await readDrill(scenario, result);
  expect(record).toMatchObject({
    snapshot: { uri: backup.outputs["snapshot-uri"] },
    scripts: ["bumped", "plain"],
    secrets: { shown: true, read: 20, resources: ["secrets"] },
    rtoSeconds: Number(result.outputs["rto-seconds"]),
  });
  console.log(renderPhases(record));
  expect(await describeLiving(scenario, hosted)).toEqual(before);
  await expectNoPod(scenario);
  const user = `system:serviceaccount:${namespace}:etcd-drill`;
  const requests = await readAudit(scenario.layout, mark, user);
  const writes = requests.filter(({ verb, resource }) => verb !== "get" && resource !== "selfsubjectaccessreviews");
  expect(writes.length).toBeGreaterThan(0);
  expect(new Set(writes.map((request) => request.namespace))).toEqual(new Set([drills]));
  expect(requests.filter((request) => !request.allowed)).toEqual([]);
  const others = requests
    .filter((request) => !isGranted(request, scenario.rbac))
    .map(({ verb, resource }) => `${verb} ${resource}`);
  expect([...new Set(others)].sort()).toEqual(["create selfsubjectaccessreviews", "get /version"]);
  // The living API server looks for its aggregated API all the time; nobody else does.
  const living = (await scenario.admin.list("Pod", hosted.controlPlaneNamespace)).map((pod) =>
    at(pod, "status", "podIP"),
  );
  expect(recorder.callers.filter((caller) => !living.includes(caller.replace("::ffff:", "")))).toEqual([]);
  await expectSettled(scenario, hosted, 1, [result]);
});

test("Of two drills at once one is refused, and the other one ends well", async () => {
  const inputs = await scenario.drillInputs({ "age-identity": ageIdentity });
  const results = await Promise.all([scenario.run(inputs), scenario.run(inputs)]);
  expect(results.map(({ outcome }) => outcome).sort()).toEqual(["failure", "success"]);
  expect(results.flatMap(titlesOf)).toEqual(["drill-running"]);
  met.push("drill-running");
  await expectNoPod(scenario);
  await expectSettled(scenario, hosted, 1, results);
});

test("The post step removes the pod of a main that was killed", async () => {
  const step = await scenario.start(await scenario.drillInputs({ "age-identity": ageIdentity }));
  await waitForPod(scenario);
  step.kill();
  const result = await step.result;
  expect(result.post?.outcome).toBe("success");
  met.push("killed");
  await expectNoPod(scenario);
  await expectSettled(scenario, hosted, 1);
});

for (const { what, code, says = "", quick = false, fetched, arrange, meanwhile } of drillFaults)
  testDrill(quick)(`${what}: ${code}`, async () => {
    const arranged = await arrange?.({ scenario, hosted });
    const before = await describeLiving(scenario, hosted);
    // The proof has read the snapshot, and the runner has tried the URL, when the node asks for it.
    const fault = {
      on: "GetObject",
      key: /\.db$/,
      nth: 3,
      times: 1,
      action: fetched ?? { kind: "flip-byte", offset: 0 },
    } as const;
    const { faults } = scenario.store;
    if (fetched !== undefined) faults.add(fault);
    const step = await scenario.start(await scenario.drillInputs({ "age-identity": ageIdentity, ...arranged?.inputs }));
    let result: StepResult;
    let during: typeof arranged;
    try {
      if (meanwhile !== undefined) {
        const pod = await waitForPod(scenario);
        await waitUntil("the pod fetches", () => Promise.resolve(faults.fired(fault) === 1), { timeoutMs: 60_000 });
        during = await meanwhile({ scenario, hosted }, pod);
      }
      result = await step.result;
      expect([titlesOf(result), faults.fired(fault)]).toEqual([[code], fetched === undefined ? 0 : 1]);
      expect(result.annotations.map(({ message }) => message).join("\n")).toContain(says);
      expect(await describeLiving(scenario, hosted)).toEqual(before);
    } finally {
      faults.clear();
      await during?.undo?.();
      await arranged?.undo?.();
    }
    met.push(code);
    await expectNoPod(scenario);
    await expectSettled(scenario, hosted, 1, [result]);
  });
