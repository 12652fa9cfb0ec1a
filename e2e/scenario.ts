import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, inject, onTestFailed } from "vitest";
import { entryPath } from "../__tests__/scenario/scenario.ts";
import type { JsonObject } from "../__tests__/world/management-cluster/json.ts";
import { startObjectStore, type ObjectStore } from "../__tests__/world/object-store/object-store.ts";
import { actionsFromPolicy } from "../__tests__/world/object-store/policy.ts";
import { startStep } from "../__tests__/world/runner/runner.ts";
import { findObjectProblems, findStepProblems } from "../__tests__/world/settled.ts";
import { listStepSecrets } from "../__tests__/world/step-secrets.ts";
import type { LogLine } from "../__tests__/world/runner/step-log.ts";
import type { RunningStep, StepResult } from "../__tests__/world/runner/step.ts";
import { stringAt } from "../src/json-path.ts";
import { parseRecord, type SnapshotRecord } from "../src/snapshots/record.ts";
import { openStoreAuthority } from "./store-authority.ts";
import { createAdminClient, type KubeClient } from "./cluster/kube-client.ts";
import { parseObjects } from "./cluster/manifests.ts";
import { addresses, layoutOf, type Layout } from "./cluster/layout.ts";
import { renderKubeconfig } from "./cluster/pki.ts";
import type { HostedClusterOptions } from "./hosted/applied-cluster.ts";
import { startHostedCluster, type HostedCluster } from "./hosted/hosted-cluster.ts";
import { etcdVolume } from "./hosted/volumes.ts";

export type StepInputs = Readonly<Record<string, string>>;

/** The management cluster of this run, an object store beside it, and a runner: what all hosted clusters share. */
export interface Scenario {
  readonly layout: Layout;
  readonly admin: KubeClient;
  readonly store: ObjectStore;
  /** PEM of the authority that signed the store's certificate. */
  readonly storeAuthority: string;
  readonly bucket: string;
  readonly workspace: string;
  /** Of the hosted cluster and its ServiceAccount: each suite has its own. */
  readonly namespace: string;
  /** The ServiceAccount's name, as the API server writes it. */
  readonly actionUser: string;
  /** The objects of docs/rbac.yaml for this namespace: the ServiceAccount, and what it may do. */
  readonly rbac: readonly JsonObject[];
  /** `with:` of a backup of `example` by a ServiceAccount with the rules of docs/rbac.yaml. */
  backupInputs(overrides?: StepInputs): Promise<StepInputs>;
  startHostedCluster(
    options: Omit<HostedClusterOptions, "namespace" | "name" | "storeAuthority">,
  ): Promise<HostedCluster>;
  /** Gives the API server what restore-render wrote. */
  applyRendered(rendered: StepResult): Promise<void>;
  /** Gives the ServiceAccount its rights, once more where they were taken away. */
  applyRbac(): Promise<void>;
  /** Of a ServiceAccount in docs/rbac.yaml; default that of backups. */
  requestToken(serviceAccount?: string): Promise<string>;
  /** `with:` of a drill of `example`, by the ServiceAccount that docs/rbac.yaml has for drills. */
  drillInputs(overrides?: StepInputs): Promise<StepInputs>;
  restoreInputs(snapshotUri: string, encryptionKey: Buffer, overrides?: StepInputs): StepInputs;
  /** Of the newest snapshot, with the key that was sealed beside it. */
  restoreLatestInputs(ageIdentity: string, overrides?: StepInputs): StepInputs;
  /** `with:` of a look at the restored `example`, by the ServiceAccount that docs/rbac.yaml has for that. */
  verifyRestoreInputs(snapshotUri: string, overrides?: StepInputs): Promise<StepInputs>;
  /** `entry`: another bundle than the one that all tests run. */
  start(inputs: StepInputs, entry?: string): Promise<RunningStep>;
  run(inputs: StepInputs): Promise<StepResult>;
  /** Keys of the stored objects. */
  objectKeys(): readonly string[];
  readRecord(uri: string): Promise<SnapshotRecord>;
  /** What no one may read in what the steps so far left behind. */
  secrets(): Readonly<Record<string, string | Buffer>>;
  close(): Promise<void>;
}

/** The hosted cluster's name is the same everywhere. */
const name = "example";
const serviceAccount = "etcd-backup";
const bucket = "backups";
const prefix = "etcd/nightly";
const account = { accessKeyId: "AKIABACKUP0000000001", secretAccessKey: "Backup+Secret/Access=Key0000000000000001" };
const documents = new URL("../docs/", import.meta.url);

/** `namespace` is for this suite alone, so that several can run at once. */
export async function startScenario(namespace: string): Promise<Scenario> {
  const work = process.env["E2E_WORK_FOLDER"] ?? "";
  const layout = layoutOf(work);
  const admin = await createAdminClient(layout);
  const workspace = await mkdtemp(join(tmpdir(), "workspace-"));
  const authority = await openStoreAuthority();
  const authorityFile = join(workspace, "store-ca.pem");
  await writeFile(authorityFile, authority.certificate);
  const policy = await readFile(new URL("iam-policy.json", documents), "utf8");
  const actions = actionsFromPolicy(policy.replaceAll("BUCKET", bucket).replaceAll("PREFIX", prefix));
  const store = await startObjectStore({
    buckets: [{ name: bucket, region: "eu-central-1", owner: "111122223333" }],
    accounts: [{ ...account, actions }],
    certificateAuthority: authority,
    // Pods reach it there.
    address: addresses.node,
  });
  const storeInputs = {
    "s3-region": "eu-central-1",
    "s3-endpoint": store.endpoint,
    "s3-access-key-id": account.accessKeyId,
    "s3-secret-access-key": account.secretAccessKey,
  };
  /** What names the folder of the hosted cluster. */
  const folderInputs = {
    "hosted-cluster": name,
    "hosted-cluster-namespace": namespace,
    "s3-bucket": bucket,
    "s3-prefix": prefix,
  };
  const ca = await readFile(join(layout.pki, "ca.crt"), "utf8");
  const rbac = await readRbac(namespace);
  const requestToken = async (account = serviceAccount): Promise<string> => {
    const path = `/api/v1/namespaces/${namespace}/serviceaccounts/${account}/token`;
    const body = { apiVersion: "authentication.k8s.io/v1", kind: "TokenRequest", spec: { expirationSeconds: 7200 } };
    return stringAt(await admin.call("POST", path, { body }), "status", "token") ?? "";
  };
  const steps: RunningStep[] = [];
  const secrets: Record<string, string | Buffer> = {};
  const start = async (inputs: StepInputs, entry = entryPath()): Promise<RunningStep> => {
    const lines: LogLine[] = [];
    for (const [name, secret] of Object.entries(listStepSecrets(inputs)))
      secrets[`${name} of step ${String(steps.length)}`] = secret;
    const step = await startStep({
      entry,
      compileCache: inject("compileCache"),
      inputs,
      workspace,
      env: { NODE_EXTRA_CA_CERTS: authorityFile },
      onLine: (line) => {
        lines.push(line);
      },
    });
    steps.push(step);
    showWhenFailed(lines);
    return step;
  };
  return {
    layout,
    admin,
    store,
    storeAuthority: authority.certificate,
    bucket,
    workspace,
    namespace,
    actionUser: `system:serviceaccount:${namespace}:${serviceAccount}`,
    rbac,
    startHostedCluster: (options) =>
      startHostedCluster(layout, admin, { namespace, name, storeAuthority: authority.certificate, ...options }),
    applyRendered: async ({ outputs }) => {
      const text = await readFile(outputs["rendered-manifest"] ?? "", "utf8");
      for (const object of parseObjects(text)) await admin.apply(object);
    },
    applyRbac: async () => {
      for (const object of rbac) await admin.apply(object);
    },
    requestToken,
    backupInputs: async (overrides = {}) => ({
      mode: "backup",
      kubeconfig: renderKubeconfig(ca, { token: await requestToken() }),
      ...folderInputs,
      ...storeInputs,
      ...overrides,
    }),
    drillInputs: async (overrides = {}) => ({
      mode: "drill",
      kubeconfig: renderKubeconfig(ca, { token: await requestToken("etcd-drill") }),
      "snapshot-uri": "latest",
      "drill-namespace": drillNamespaceOf(namespace),
      ...folderInputs,
      ...storeInputs,
      ...overrides,
    }),
    restoreInputs: (snapshotUri, encryptionKey, overrides = {}) => ({
      mode: "restore-render",
      "snapshot-uri": snapshotUri,
      "encryption-key": encryptionKey.toString("base64"),
      ...storeInputs,
      ...overrides,
    }),
    restoreLatestInputs: (ageIdentity, overrides = {}) => ({
      mode: "restore-render",
      "snapshot-uri": "latest",
      "age-identity": ageIdentity,
      ...folderInputs,
      ...storeInputs,
      ...overrides,
    }),
    verifyRestoreInputs: async (snapshotUri, overrides = {}) => ({
      mode: "verify-restore",
      kubeconfig: renderKubeconfig(ca, { token: await requestToken("etcd-verify-restore") }),
      "snapshot-uri": snapshotUri,
      ...folderInputs,
      ...storeInputs,
      ...overrides,
    }),
    start,
    run: async (inputs) => (await start(inputs)).result,
    objectKeys: () => store.objects(bucket).map(({ key }) => key),
    secrets: () => secrets,
    readRecord: async (uri) =>
      parseRecord((await store.readObject(bucket, uri.replace(`s3://${bucket}/`, ""))).toString(), uri),
    close: async () => {
      for (const step of steps) {
        step.killRunner();
        (await step.result).remove();
      }
      await store.close();
      admin.close();
      await rm(workspace, { recursive: true, force: true });
    },
  };
}

/** docs/rbac.yaml with its namespaces replaced, as its first lines say. */
export async function readRbac(namespace: string): Promise<readonly JsonObject[]> {
  const text = await readFile(new URL("rbac.yaml", documents), "utf8");
  const named = text
    .replaceAll(/(?<=namespace: )clusters\b/g, namespace)
    .replaceAll("etcd-restore-drill", drillNamespaceOf(namespace));
  return parseObjects(named);
}

/** The namespace for the drills of a suite. */
export function drillNamespaceOf(namespace: string): string {
  return `${namespace}-drills`;
}

/** Nothing of a run is left on the cluster, in the pods, and open in the store; `results` said the truth, and no secret. */
export async function expectSettled(
  scenario: Scenario,
  hosted: HostedCluster,
  members: number,
  results: readonly StepResult[] = [],
): Promise<void> {
  await hosted.settle();
  for (let index = 0; index < members; index += 1)
    expect(await readdir(etcdVolume(scenario.layout, hosted.controlPlaneNamespace, index))).toEqual(["data"]);
  expect(scenario.store.openUploads(scenario.bucket)).toEqual([]);
  expect(await findObjectProblems(scenario)).toEqual([]);
  for (const result of results) expect(await findStepProblems(scenario, result)).toEqual([]);
}

function showWhenFailed(lines: readonly LogLine[]): void {
  onTestFailed(() => {
    console.log(lines.flatMap(({ stage, shown }) => (shown === undefined ? [] : `${stage} | ${shown}`)).join("\n"));
  });
}
