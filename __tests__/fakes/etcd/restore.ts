import { execFile } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { numberAt } from "../../../src/hypershift/json-path.ts";
import type { CertificateAuthority } from "../certificates.ts";
import { findEtcdBinaries } from "./binaries.ts";
import { startEtcd, type RunningEtcd } from "./etcd.ts";

const run = promisify(execFile);

export interface RestoredEtcd extends RunningEtcd {
  /** What `snapshot status` said of the file. */
  readonly snapshot: { readonly revision: number; readonly totalKeys: number; readonly hash: number };
}

/**
 * Restores a snapshot as HyperShift's init container etcd-init does (status, restore without names into one data
 * directory), and starts an etcd on it. Throws where etcd refuses the file.
 */
export async function restoreSnapshot(options: {
  readonly file: string;
  readonly ca?: CertificateAuthority;
}): Promise<RestoredEtcd> {
  const binaries = await findEtcdBinaries();
  const tool = binaries.etcdutl ?? binaries.etcdctl;
  const { stdout } = await run(tool, ["snapshot", "status", options.file, "--write-out=json"]);
  const status: unknown = JSON.parse(stdout);
  const work = await mkdtemp(join(tmpdir(), "etcd-restore-"));
  const remove = (): Promise<void> => rm(work, { recursive: true, force: true, maxRetries: 3 });
  try {
    const dataDirectory = join(work, "data");
    await run(tool, ["snapshot", "restore", options.file, `--data-dir=${dataDirectory}`], { cwd: work });
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
