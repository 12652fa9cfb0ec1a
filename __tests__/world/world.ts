import { readFileSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { journalAnnotation } from "../../src/hold/journal.ts";
import { at, numberAt, stringAt } from "../../src/json-path.ts";
import { parseRecord, type SnapshotRecord } from "../../src/snapshots/record.ts";
import { createCertificateAuthority } from "./certificates.ts";
import {
  startManagementCluster,
  type ManagementCluster,
  type ManagementClusterOptions,
} from "./management-cluster/management-cluster.ts";
import { startObjectStore, type ObjectStore, type ObjectStoreOptions } from "./object-store/object-store.ts";
import { actionsFromPolicy } from "./object-store/policy.ts";
import { renderedManifest } from "./rendered-manifest.ts";
import { startStep } from "./runner/runner.ts";
import type { LogLine } from "./runner/step-log.ts";
import type { RunningStep, StepOptions, StepResult } from "./runner/step.ts";
import { listStepSecrets } from "./step-secrets.ts";

export interface WorldOptions {
  /** The folder with the scripts of main and post; default: the one that action.yml names. */
  readonly entry?: string;
  /** Where Node.js keeps what it compiled for the next step; default: nowhere, as on a runner. */
  readonly compileCache?: string;
  readonly cluster?: ManagementClusterOptions;
  readonly store?: Partial<ObjectStoreOptions>;
  /** Keeps every version of an object; default false. */
  readonly versioning?: boolean;
}

export type StepInputs = Readonly<Record<string, string>>;
export type RunOptions = Omit<StepOptions, "inputs" | "entry" | "compileCache" | "actionDirectory" | "workspace">;

/** The hosted cluster as an administrator sees it. */
export interface HostedState {
  readonly replicas: Readonly<Record<string, number>>;
  /** Undefined: not paused. */
  readonly pausedUntil: string | undefined;
  /** The annotation as it stands there; undefined without one. */
  readonly journal: string | undefined;
}

/** A management cluster with one hosted cluster, an object store, and a runner with a workspace: all that a step meets. */
export interface World {
  readonly cluster: ManagementCluster;
  readonly store: ObjectStore;
  readonly bucket: string;
  /** `env:` of every step: the store's certificate authority. */
  readonly env: Readonly<Record<string, string>>;
  /** May do what docs/iam-policy.json allows. */
  readonly account: StoreKey;
  /** May only read objects: for signed URLs. */
  readonly reader: StoreKey;
  /** GITHUB_WORKSPACE of every step. */
  readonly workspace: string;
  /** As it was when the world had started. */
  readonly initial: HostedState;
  /** All that the steps printed so far, as a user sees it. */
  readonly lines: readonly LogLine[];

  /** `with:` of a backup as a workflow writes it; an override of "" is an input that is not set. */
  backupInputs(overrides?: StepInputs): StepInputs;
  /** `with:` of a recover with the inputs of the store. */
  recoverInputs(overrides?: StepInputs): StepInputs;
  /** `with:` of a restore-render with the manifest and the key of this world; `latest` is that of its folder. */
  restoreInputs(snapshotUri: string, overrides?: StepInputs): StepInputs;
  /** `with:` of a look at a restored cluster; its `kubeconfig` is that of this world's unless another is given. */
  verifyRestoreInputs(snapshotUri: string, overrides?: StepInputs): StepInputs;
  /** Runs main and post to their end. */
  run(inputs: StepInputs, options?: RunOptions): Promise<StepResult>;
  start(inputs: StepInputs, options?: RunOptions): Promise<RunningStep>;

  /** For steps that are not started here: their secrets, and what they print. */
  noteSecrets(inputs: StepInputs): void;
  addLine(line: LogLine): void;

  hosted(): HostedState;
  /** What no one may read in what the steps so far left behind. */
  secrets(): Readonly<Record<string, string | Buffer>>;
  /** What lies in /var/lib of the etcd containers beside etcd's data, as `etcd-0/name`. */
  podFiles(): readonly string[];
  /** Keys of the stored objects, in order. */
  objectKeys(): readonly string[];
  /** The record that an output `record-uri` names. */
  readRecord(uri: string): Promise<SnapshotRecord>;
  /** Ends the steps that still run, and removes their folders with everything else. */
  close(): Promise<void>;
}

export interface StoreKey {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
}

const bucket = "backups";
const prefix = "etcd/nightly";
const region = "eu-central-1";
const policyFile = new URL("../../docs/iam-policy.json", import.meta.url);
const account: StoreKey = {
  accessKeyId: "AKIABACKUP0000000001",
  secretAccessKey: "Backup+Secret/Access=Key0000000000000001",
};
const reader: StoreKey = {
  accessKeyId: "AKIAREADER0000000001",
  secretAccessKey: "Reader+Secret/Access=Key0000000000000001",
};

/** Starts everything on loopback, in about a second. Throws where etcd cannot be had. */
export async function startWorld(options: WorldOptions = {}): Promise<World> {
  const workspace = await mkdtemp(join(tmpdir(), "workspace-"));
  const authority = await createCertificateAuthority("object-store");
  const authorityFile = join(workspace, "store-ca.pem");
  await writeFile(authorityFile, authority.certificate);
  const cluster = await startManagementCluster(options.cluster);
  const policy = readFileSync(policyFile, "utf8").replaceAll("BUCKET", bucket).replaceAll("PREFIX", prefix);
  const store = await startObjectStore({
    buckets: [
      {
        name: bucket,
        region,
        owner: "111122223333",
        ...(options.versioning ? { versioning: "enabled" as const } : {}),
      },
    ],
    accounts: [
      { ...account, actions: actionsFromPolicy(policy) },
      { ...reader, actions: ["s3:GetObject", "s3:GetObjectVersion"] },
    ],
    certificateAuthority: authority,
    ...options.store,
  });
  const hostedCluster = cluster.hostedCluster();
  const hostedName = stringAt(hostedCluster, "metadata", "name") ?? "";
  const hostedNamespace = stringAt(hostedCluster, "metadata", "namespace") ?? "";
  await writeFile(join(workspace, "cluster.yaml"), renderedManifest(hostedCluster));
  const kubeconfig = await cluster.kubeconfig();
  const lines: LogLine[] = [];
  const env = { NODE_EXTRA_CA_CERTS: authorityFile };
  const storeInputs: StepInputs = {
    "s3-region": region,
    "s3-endpoint": store.endpoint,
    "s3-access-key-id": account.accessKeyId,
    "s3-secret-access-key": account.secretAccessKey,
  };
  /** What names the folder of the hosted cluster. */
  const folderInputs: StepInputs = {
    "hosted-cluster": hostedName,
    ...(hostedNamespace === "clusters" ? {} : { "hosted-cluster-namespace": hostedNamespace }),
    "s3-bucket": bucket,
    "s3-prefix": prefix,
  };
  const inputsOf = (mode: string): StepInputs => ({ mode, kubeconfig, ...folderInputs, ...storeInputs });

  const steps: Promise<RunningStep>[] = [];
  let closed = false;
  const secrets: Record<string, string | Buffer> = { "AES key": cluster.aesKey };
  const start: World["start"] = (inputs, settings = {}) => {
    if (closed) return Promise.reject(new Error("the world is closed"));
    Object.assign(secrets, listStepSecrets(inputs, settings.env));
    const step = startStep({
      ...settings,
      ...(options.entry === undefined ? {} : { entry: options.entry }),
      ...(options.compileCache === undefined ? {} : { compileCache: options.compileCache }),
      inputs,
      workspace,
      env: { ...env, ...settings.env },
      onLine: (line) => {
        lines.push(line);
        settings.onLine?.(line);
      },
    });
    steps.push(step);
    return step;
  };
  const hosted = (): HostedState => readHosted(cluster);

  return {
    cluster,
    store,
    bucket,
    env,
    account,
    reader,
    workspace,
    initial: hosted(),
    lines,
    backupInputs: (overrides = {}) => ({ ...inputsOf("backup"), ...overrides }),
    recoverInputs: (overrides = {}) => ({ ...inputsOf("recover"), ...overrides }),
    restoreInputs: (snapshotUri, overrides = {}) => ({
      mode: "restore-render",
      "snapshot-uri": snapshotUri,
      manifest: "cluster.yaml",
      "encryption-key": cluster.aesKey.toString("base64"),
      ...(snapshotUri === "latest" ? folderInputs : {}),
      ...storeInputs,
      ...overrides,
    }),
    verifyRestoreInputs: (snapshotUri, overrides = {}) => ({
      ...inputsOf("verify-restore"),
      "snapshot-uri": snapshotUri,
      "encryption-key": cluster.aesKey.toString("base64"),
      ...overrides,
    }),
    start,
    run: async (inputs, settings) => (await start(inputs, settings)).result,
    noteSecrets: (inputs) => {
      Object.assign(secrets, listStepSecrets(inputs, {}));
    },
    addLine: (line) => {
      lines.push(line);
    },
    hosted,
    secrets: () => secrets,
    podFiles: () =>
      cluster.etcd.flatMap(({ name }) =>
        cluster
          .container(name)
          .files()
          .map((file) => `${name}/${file}`),
      ),
    objectKeys: () => store.objects(bucket).map(({ key }) => key),
    readRecord: async (uri) =>
      parseRecord((await store.readObject(bucket, uri.replace(`s3://${bucket}/`, ""))).toString(), uri),
    close: async () => {
      closed = true;
      for (const started of await Promise.allSettled(steps)) {
        if (started.status === "rejected") continue;
        started.value.killRunner();
        (await started.value.result).remove();
      }
      await Promise.all([cluster.close(), store.close()]);
      await rm(workspace, { recursive: true, force: true });
    },
  };
}

function readHosted(cluster: ManagementCluster): HostedState {
  const hostedCluster = cluster.hostedCluster();
  const journal = at(hostedCluster, "metadata", "annotations", journalAnnotation);
  return {
    replicas: Object.fromEntries(
      Object.keys(cluster.acknowledged).flatMap((writer) => {
        const replicas = numberAt(cluster.deployment(writer), "spec", "replicas");
        return replicas === undefined ? [] : [[writer, replicas]];
      }),
    ),
    pausedUntil: stringAt(hostedCluster, "spec", "pausedUntil"),
    journal: typeof journal === "string" ? journal : undefined,
  };
}
