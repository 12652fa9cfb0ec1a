import { join } from "node:path";
import { readFile, rm, stat } from "node:fs/promises";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { StoreSettings } from "../src/adapters/s3/client.ts";
import type { ExecJob, UploadJob } from "../scripts/bench/client.ts";
import { writerNames } from "../src/hypershift/hosted-cluster.ts";
import { etcdctl } from "../src/pod/member.ts";
import type { Binaries } from "./binaries.ts";
import { apiServerUrl } from "./cluster/layout.ts";
import { runCommand } from "./command.ts";
import { viewEtcd } from "./hosted/etcdctl.ts";
import type { HostedCluster } from "./hosted/hosted-cluster.ts";
import { startScenario, type Scenario, type StepInputs } from "./scenario.ts";

/** `npm run e2e -- --bench bench`: rates on a cluster of real parts. It is no test: a busy machine makes every figure worse. */
const wanted = process.env["E2E_BENCH"] === "yes";
const mebibyte = 1024 ** 2;
const databaseMebibytes = 512;
const file = "/var/lib/benchmark.bin";
const rows: (readonly [what: string, figure: string])[] = [];

let scenario: Scenario;
let hosted: HostedCluster;

beforeAll(async () => {
  if (!wanted) return;
  scenario = await startScenario("bench");
  hosted = await scenario.startHostedCluster({ etcd: "3.5", members: 1 });
  await scenario.applyRbac();
  const view = await viewEtcd(scenario.layout, hosted);
  await view.fill(databaseMebibytes);
  await view.close();
});

afterAll(async () => {
  if (!wanted) return;
  process.stdout.write(
    ["", "| real cluster, 512 MiB | |", "| --- | --- |", ...rows.map((row) => `| ${row.join(" | ")} |`), ""].join("\n"),
  );
  await hosted.end();
  await scenario.close();
});

/**
 * The output of a script of bash, in which `k` is kubectl in the control plane namespace, and `run` runs a command in the
 * etcd container.
 */
async function kubectl(script: string, ...argv: readonly string[]): Promise<string> {
  const { binaries } = JSON.parse(await readFile(join(scenario.layout.work, "parts.json"), "utf8")) as {
    readonly binaries: Binaries;
  };
  const { pki } = scenario.layout;
  const files = [
    ["certificate-authority", "ca.crt"],
    ["client-certificate", "admin.crt"],
    ["client-key", "admin.key"],
  ].map(([option, name]) => `--${option ?? ""}=${join(pki, name ?? "")}`);
  const options = [`--server=${apiServerUrl}`, ...files, `--namespace=${hosted.controlPlaneNamespace}`].join(" ");
  const functions = [
    `k() { ${join(binaries.kubernetes, "kubectl")} ${options} "$@"; }`,
    'run() { k exec etcd-0 -c etcd -- "$@"; }',
  ];
  return runCommand("bash", ["-c", ["set -eo pipefail", ...functions, script].join("\n"), "kubectl", ...argv]);
}

function rate(startedMs: number): number {
  return databaseMebibytes / ((performance.now() - startedMs) / 1000);
}

function note(what: string, mebibytesPerSecond: number): void {
  rows.push([`${what}, MiB/s`, mebibytesPerSecond.toFixed(1)]);
}

test.runIf(wanted)("reading and sending 512 MiB, beside kubectl exec cat | sha256sum", async () => {
  await kubectl(
    `run sh -c 'head -c "$1" /dev/urandom >"$2"' fill "$1" "$2"`,
    String(databaseMebibytes * mebibyte),
    file,
  );
  try {
    const startedMs = performance.now();
    const sha256 = (await kubectl('run cat "$1" | sha256sum', file)).slice(0, 64);
    const cat = rate(startedMs);
    note("kubectl exec cat | sha256sum", cat);
    const inputs = await scenario.backupInputs();
    const job: ExecJob = {
      kind: "parts",
      kubeconfig: inputs["kubeconfig"] ?? "",
      namespace: hosted.controlPlaneNamespace,
      file,
      sizeBytes: databaseMebibytes * mebibyte,
      sha256,
    };
    const measured = await runClient(job);
    note("parts, hashed", measured);
    rows.push(["parts to kubectl", (measured / cat).toFixed(2)]);
    const sent = await runClient({ ...job, kind: "transfer", store: storeOf(inputs) });
    note("parts, hashed and sent to the store", sent);
    rows.push(["transfer to kubectl", (sent / cat).toFixed(2)]);
  } finally {
    await kubectl('run rm -f "$1"', file);
  }
});

test.runIf(wanted).each(["false", "true"])("the phases of a backup with quiesce: %s", async (quiesce) => {
  const result = await scenario.run(await scenario.backupInputs({ quiesce }));
  expect(result.outcome).toBe("success");
  const phase = (pattern: RegExp): string => pattern.exec(result.log)?.[1] ?? "unknown";
  rows.push(
    [`quiesce: ${quiesce}: API downtime, s`, result.outputs["api-downtime-seconds"] ?? "unknown"],
    [`quiesce: ${quiesce}: transfer`, phase(/sent [\d.]+ \w+ in ([\d.]+ s)/)],
    [`quiesce: ${quiesce}: read back`, phase(/back in ([\d.]+ s)/)],
  );
});

// The order that a script has: nothing comes back before everything is done.
test.runIf(wanted)("save, copy and upload, all while the API servers are stopped", async () => {
  const inputs = await scenario.backupInputs();
  const copy = join(scenario.workspace, "copy.db");
  const [ref, paused] = [["hostedcluster", hosted.name, "-n", hosted.namespace].join(" "), "--type=merge -p"];
  const saved = "/var/lib/script.db";
  const seconds = async (script: string, ...argv: readonly string[]): Promise<number> => {
    const startedMs = performance.now();
    await kubectl(script, ...argv);
    return (performance.now() - startedMs) / 1000;
  };
  await kubectl(`k patch ${ref} ${paused} '{"spec":{"pausedUntil":"true"}}'`);
  const phases: Record<string, number> = {};
  try {
    phases["stop"] = await seconds(
      'k scale deployment "$@" --replicas=0; for app; do k wait --for=delete pod -l app="$app" --timeout=300s; done',
      ...writerNames,
    );
    phases["save"] = await seconds(
      'run "$@"',
      ...[...etcdctl("/etc/etcd/tls/etcd-ca/ca.crt"), "snapshot", "save", saved],
    );
    phases["copy"] = await seconds('run cat "$1" >"$2"', saved, copy);
    const { size: sizeBytes } = await stat(copy);
    phases["upload"] = sizeBytes / mebibyte / (await runClient({ kind: "upload", sizeBytes, store: storeOf(inputs) }));
  } finally {
    phases["start"] = await seconds(
      'k scale deployment "$@" --replicas=1; for app; do k rollout status deployment "$app" --timeout=300s; done',
      ...writerNames,
    );
    await kubectl(`k patch ${ref} ${paused} '{"spec":{"pausedUntil":null}}'; run rm -f "$1"`, saved);
    await rm(copy, { force: true });
  }
  const sum = Object.values(phases).reduce((total, phase) => total + phase, 0);
  const told = Object.entries(phases).map(([phase, spent]) => `${phase} ${spent.toFixed(1)}`);
  rows.push(["a script's order: API downtime, s", `${sum.toFixed(1)} (${told.join(", ")})`]);
});

function storeOf(inputs: StepInputs): StoreSettings {
  return {
    bucket: scenario.bucket,
    endpoint: scenario.store.endpoint,
    forcePathStyle: true,
    checksums: "auto",
    region: inputs["s3-region"] ?? "",
    credentials: {
      accessKeyId: inputs["s3-access-key-id"] ?? "",
      secretAccessKey: inputs["s3-secret-access-key"] ?? "",
    },
  };
}

/** A client in a process of its own. */
async function runClient(job: ExecJob | UploadJob): Promise<number> {
  const client = new URL("../scripts/bench/client.ts", import.meta.url).pathname;
  const env = { ...process.env, NODE_EXTRA_CA_CERTS: join(scenario.workspace, "store-ca.pem") };
  return Number(await runCommand(process.execPath, [client], { env, input: JSON.stringify(job) }));
}
