import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";

const run = promisify(execFile);
const mostOutput = 64 * 1024 * 1024;

/** The programs of one release of etcd. */
export interface EtcdPrograms {
  /** Release line, such as `3.6`. */
  readonly line: string;
  readonly etcd: string;
  readonly etcdctl: string;
  /** With it `snapshot status` and `restore`; etcd 3.4 has them in etcdctl alone. */
  readonly snapshotTool: string;
  /** True from 3.6 on, and in late 3.5: `snapshot restore --bump-revision`. */
  readonly bumps: boolean;
}

export function programsIn(folder: string, line: string): EtcdPrograms {
  const path = (name: string): string => join(folder, name);
  return { line, etcd: path("etcd"), etcdctl: path("etcdctl"), snapshotTool: path("etcdutl"), bumps: true };
}

/** What a program printed; rejects with its last words where it fails. */
export async function output(program: string, args: readonly string[], timeoutMs = 60_000): Promise<string> {
  const env = { PATH: process.env["PATH"] ?? "", ETCDCTL_API: "3" };
  const { stdout } = await run(program, args, { env, maxBuffer: mostOutput, timeout: timeoutMs });
  return stdout;
}

export interface SnapshotStatus {
  readonly hash: number;
  readonly revision: number;
  readonly totalKey: number;
  readonly version?: string;
}

export async function snapshotStatus(programs: EtcdPrograms, file: string): Promise<SnapshotStatus> {
  return JSON.parse(
    await output(programs.snapshotTool, ["snapshot", "status", file, "--write-out=json"]),
  ) as SnapshotStatus;
}

/** By how much a restore raises the revision; HyperShift's own number. */
export const bump = 1_000_000_000;

export interface RestoreOptions {
  readonly dataDirectory: string;
  readonly name: string;
  readonly initialCluster: string;
  readonly token: string;
  readonly bumped: boolean;
}

/** Restores a file as HyperShift's init container does it, for one member; rejects where etcd refuses it. */
export async function restoreSnapshot(programs: EtcdPrograms, file: string, options: RestoreOptions): Promise<void> {
  const [, ...urls] = (
    options.initialCluster.split(",").find((each) => each.startsWith(`${options.name}=`)) ?? ""
  ).split("=");
  await output(programs.snapshotTool, [
    "snapshot",
    "restore",
    file,
    `--data-dir=${options.dataDirectory}`,
    `--name=${options.name}`,
    `--initial-cluster=${options.initialCluster}`,
    `--initial-cluster-token=${options.token}`,
    `--initial-advertise-peer-urls=${urls.join("=")}`,
    ...(options.bumped ? [`--bump-revision=${String(bump)}`, "--mark-compacted"] : []),
  ]);
}
