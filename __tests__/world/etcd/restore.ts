import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { numberAt } from "../../../src/json-path.ts";
import type { CertificateAuthority } from "../certificates.ts";
import { findEtcdBinaries } from "./binaries.ts";
import { startEtcd, type RunningEtcd } from "./etcd.ts";

const run = promisify(execFile);

export interface RestoredEtcd extends RunningEtcd {
  /** What `snapshot status` said of the file. */
  readonly snapshot: { readonly revision: number; readonly totalKeys: number; readonly hash: number };
}

/**
 * Fetches a snapshot as HyperShift's init container etcd-init does, by curl without any option but the file, and restores
 * it. Throws where the store answers with XML in its place. `caFile` holds the store's certificate authority.
 */
export function restoreFromUrl(url: string, caFile: string): Promise<RestoredEtcd> {
  return withFetched(url, caFile, (file) => restoreSnapshot({ file }));
}

/** The same, without an etcd on it. */
export function restoreFilesFromUrl(url: string, caFile: string): Promise<RestoredFiles> {
  return withFetched(url, caFile, restoreFiles);
}

async function withFetched<T>(url: string, caFile: string, use: (file: string) => Promise<T>): Promise<T> {
  const work = await mkdtemp(join(tmpdir(), "etcd-fetch-"));
  try {
    const file = join(work, "snapshot");
    // curl takes its authorities and proxies from the environment: nothing of this machine's is passed on.
    const env = { PATH: process.env["PATH"], CURL_CA_BUNDLE: caFile };
    await run("curl", ["--silent", "--show-error", "-o", file, url], { env });
    const head = (await readFile(file)).subarray(0, 300).toString("latin1");
    if (head.startsWith("<?xml")) throw new Error(`the store answered ${head}`);
    return await use(file);
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

/** A data directory that a restore made. */
export interface RestoredFiles {
  readonly dataDirectory: string;
  readonly remove: () => Promise<void>;
}

/** Restores a snapshot as HyperShift's init container etcd-init does: without names, into one data directory. */
export async function restoreFiles(file: string): Promise<RestoredFiles> {
  const { etcdutl, etcdctl } = await findEtcdBinaries();
  const work = await mkdtemp(join(tmpdir(), "etcd-restore-"));
  const remove = (): Promise<void> => rm(work, { recursive: true, force: true, maxRetries: 3 });
  try {
    const dataDirectory = join(work, "data");
    await run(etcdutl ?? etcdctl, ["snapshot", "restore", file, `--data-dir=${dataDirectory}`], { cwd: work });
    return { dataDirectory, remove };
  } catch (error) {
    await remove();
    throw error;
  }
}

/**
 * Restores a snapshot as HyperShift's init container etcd-init does (status, and `restoreFiles`), and starts an etcd on it.
 * Throws where etcd refuses the file.
 */
export async function restoreSnapshot(options: {
  readonly file: string;
  readonly ca?: CertificateAuthority;
}): Promise<RestoredEtcd> {
  const binaries = await findEtcdBinaries();
  const tool = binaries.etcdutl ?? binaries.etcdctl;
  const { stdout } = await run(tool, ["snapshot", "status", options.file, "--write-out=json"]);
  const status: unknown = JSON.parse(stdout);
  const { dataDirectory, remove } = await restoreFiles(options.file);
  try {
    const etcd = await startEtcd({ dataDirectory, ...(options.ca ? { ca: options.ca } : {}) });
    return {
      ...etcd,
      snapshot: {
        revision: numberAt(status, "revision") ?? 0,
        totalKeys: numberAt(status, "totalKey") ?? 0,
        hash: numberAt(status, "hash") ?? 0,
      },
      close: async () => {
        await etcd.close();
        await remove();
      },
    };
  } catch (error) {
    await remove();
    throw error;
  }
}
