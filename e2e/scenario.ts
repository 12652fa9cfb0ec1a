import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFailed } from "vitest";
import { entryPath } from "../__tests__/action/scenario.ts";
import { createCertificateAuthority } from "../__tests__/fakes/certificates.ts";
import type { JsonObject } from "../__tests__/fakes/management-cluster/json.ts";
import { startObjectStore, type ObjectStore } from "../__tests__/fakes/object-store/object-store.ts";
import { actionsFromPolicy } from "../__tests__/fakes/object-store/policy.ts";
import { startStep } from "../__tests__/fakes/runner/runner.ts";
import { findObjectProblems, findStepProblems } from "../__tests__/fakes/settled.ts";
import { listStepSecrets } from "../__tests__/fakes/step-secrets.ts";
import type { LogLine } from "../__tests__/fakes/runner/step-log.ts";
import type { RunningStep, StepResult } from "../__tests__/fakes/runner/step.ts";
import { stringAt } from "../src/hypershift/json-path.ts";
import { parseRecord, type SnapshotRecord } from "../src/snapshot/record.ts";
import { createAdminClient, type KubeClient } from "./cluster/kube-client.ts";
import { parseObjects } from "./cluster/manifests.ts";
import { addresses, layoutOf, type Layout } from "./cluster/layout.ts";
import { renderKubeconfig } from "./cluster/pki.ts";
import type { HostedCluster } from "./hosted/hosted-cluster.ts";
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
  /** `with:` of a backup of `clusters/example` by a ServiceAccount with the rules of docs/rbac.yaml. */
  backupInputs(overrides?: StepInputs): Promise<StepInputs>;
  restoreInputs(snapshotUri: string, encryptionKey: Buffer, overrides?: StepInputs): StepInputs;
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

export const actionUser = "system:serviceaccount:clusters:etcd-backup";

const bucket = "backups";
const prefix = "etcd/nightly";
const account = { accessKeyId: "AKIABACKUP0000000001", secretAccessKey: "Backup+Secret/Access=Key0000000000000001" };
const documents = new URL("../docs/", import.meta.url);

export async function startScenario(): Promise<Scenario> {
  const work = process.env["E2E_WORK_FOLDER"] ?? "";
  const layout = layoutOf(work);
  const admin = await createAdminClient(layout);
  const workspace = await mkdtemp(join(tmpdir(), "workspace-"));
  const authority = await createCertificateAuthority("object-store");
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
  const ca = await readFile(join(layout.pki, "ca.crt"), "utf8");
  const steps: RunningStep[] = [];
  const secrets: Record<string, string | Buffer> = {};
  const start = async (inputs: StepInputs, entry = entryPath()): Promise<RunningStep> => {
    const lines: LogLine[] = [];
    for (const [name, secret] of Object.entries(listStepSecrets(inputs)))
      secrets[`${name} of step ${String(steps.length)}`] = secret;
    const step = await startStep({
      entry,
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
    backupInputs: async (overrides = {}) => ({
      mode: "backup",
      kubeconfig: renderKubeconfig(ca, { token: await requestToken(admin) }),
      "hosted-cluster": "example",
      "s3-bucket": bucket,
      "s3-prefix": prefix,
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

/** The objects of docs/rbac.yaml: the ServiceAccount, and what it may do. */
export async function readRbac(): Promise<readonly JsonObject[]> {
  return parseObjects(await readFile(new URL("rbac.yaml", documents), "utf8"));
}

/** Nothing of a run is left on the cluster, in the pods, and open in the store; `results` said the truth, and no secret. */
export async function expectSettled(
  scenario: Scenario,
  hosted: HostedCluster,
  members: number,
  results: readonly StepResult[] = [],
): Promise<void> {
  await hosted.waitUntilSettled();
  for (let index = 0; index < members; index += 1)
    expect(await readdir(etcdVolume(scenario.layout, hosted.controlPlaneNamespace, index))).toEqual(["data"]);
  expect(scenario.store.openUploads(scenario.bucket)).toEqual([]);
  expect(await findObjectProblems(scenario)).toEqual([]);
  for (const result of results) expect(await findStepProblems(scenario, result)).toEqual([]);
}

export async function applyRbac(admin: KubeClient): Promise<void> {
  for (const object of await readRbac()) await admin.apply(object);
}

export async function requestToken(admin: KubeClient): Promise<string> {
  const path = "/api/v1/namespaces/clusters/serviceaccounts/etcd-backup/token";
  const body = { apiVersion: "authentication.k8s.io/v1", kind: "TokenRequest", spec: { expirationSeconds: 7200 } };
  return stringAt(await admin.call("POST", path, { body }), "status", "token") ?? "";
}

function showWhenFailed(lines: readonly LogLine[]): void {
  onTestFailed(() => {
    console.log(lines.flatMap(({ stage, shown }) => (shown === undefined ? [] : `${stage} | ${shown}`)).join("\n"));
  });
}
