import { spawn, type ChildProcessWithoutNullStreams } from "node:child_process";
import { existsSync, readdirSync, statSync } from "node:fs";
import { mkdir, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { RunningEtcd } from "../etcd/etcd.ts";
import { findByEnvironment } from "../processes.ts";
import { ddScript, dfScript, etcdctlScript } from "./container-scripts.ts";

/**
 * What is known to be in HyperShift's etcd container: a shell, coreutils, etcd's tools. grep, sed, awk, ps, pgrep are
 * in some images and not in others, so they are not here; dd, df and etcdctl come as scripts (container-scripts.ts).
 */
const coreutils =
  "basename cat chmod cksum comm cp csplit cut date dirname du echo env expand expr factor false fmt fold head id join link ln ls md5sum mkdir mkfifo mktemp mv nice nl nohup nproc numfmt od paste pr printenv printf pwd readlink realpath rm rmdir seq sha1sum sha256sum sha512sum shred shuf sleep sort split stat stdbuf stty sum sync tac tail tee test timeout touch tr true truncate tsort uname uniq unlink wc yes".split(
    " ",
  );

/** Paths below these are the container's own; every other path of an argument is left alone. */
const mappedDirectories = ["/var/lib", "/etc/etcd", "/tmp"];
const endpoint = "https://localhost:2379";
const mappedText = new RegExp([...mappedDirectories, endpoint].map((text) => `(?<![\\w.-])${text}\\b`).join("|"));

/** What the scripts in the container look at when a command starts. */
export interface ContainerSettings {
  readonly volumeSizeBytes: number;
  /** `snapshot save` writes to a full device. */
  readonly volumeFull: boolean;
  /** `snapshot save` goes through this port instead of etcd's own. */
  readonly savePort: number | undefined;
}

/**
 * The etcd container: commands run for real, with the member's directory for a file system. That directory and etcd's
 * port stand in for the mount and network namespaces: an argument, or what follows `name=` in an argument, that is a path
 * below /var/lib, /etc/etcd or /tmp, or starts with https://localhost:2379, is replaced. The text of scripts is not.
 */
export class Container {
  readonly #etcd: RunningEtcd;
  readonly #bin: string;

  private constructor(etcd: RunningEtcd) {
    this.#etcd = etcd;
    this.#bin = join(etcd.root, "usr", "bin");
  }

  static async create(etcd: RunningEtcd): Promise<Container> {
    const container = new Container(etcd);
    await mkdir(container.#bin, { recursive: true });
    for (const name of ["sh", ...coreutils]) {
      const program = ["/usr/bin", "/bin"].map((directory) => join(directory, name)).find((path) => existsSync(path));
      if (program !== undefined) await symlink(program, join(container.#bin, name));
    }
    const { etcdctl, etcdutl } = etcd.binaries;
    if (etcdutl !== undefined) await symlink(etcdutl, join(container.#bin, "etcdutl"));
    await writeFile(join(container.#bin, "dd"), ddScript, { mode: 0o755 });
    await writeFile(join(container.#bin, "df"), dfScript(etcd.root), { mode: 0o755 });
    await writeFile(join(container.#bin, "etcdctl"), etcdctlScript(etcdctl), { mode: 0o755 });
    return container;
  }

  /** Absolute path outside the container of a path inside it. */
  pathOf(path: string): string {
    return join(this.#etcd.root, path);
  }

  mapArgument(argument: string): string {
    const [, flag = "", value = ""] = /^([\w-]+=)?(.*)$/s.exec(argument) ?? [];
    if (value === endpoint || value.startsWith(`${endpoint}/`))
      return `${flag}https://localhost:${String(this.#etcd.port)}${value.slice(endpoint.length)}`;
    const isMapped = mappedDirectories.some(
      (directory) => value === directory || (value.startsWith(`${directory}/`) && !/[\n;]/.test(value)),
    );
    return isMapped ? `${flag}${this.#etcd.root}${value}` : argument;
  }

  /** The argument that names a path or port of the container where nothing replaces it: it would reach the machine's own. */
  findUnmapped(argv: readonly string[]): string | undefined {
    return argv.find((argument) => this.mapArgument(argument) === argument && mappedText.test(argument));
  }

  /** Starts argv as exec does: no shell added, an environment of its own. Emits `error` for a program that is not there. */
  spawn(argv: readonly string[], settings: ContainerSettings): ChildProcessWithoutNullStreams {
    const [command = "", ...args] = argv.map((argument) => this.mapArgument(argument));
    return spawn(command, args, {
      cwd: this.#etcd.root,
      env: {
        HOME: "/",
        PATH: this.#bin,
        HOSTNAME: this.#etcd.name,
        CONTAINER_ROOT: this.#etcd.root,
        VOLUME_KIB: String(Math.floor(settings.volumeSizeBytes / 1024)),
        ...(settings.volumeFull ? { VOLUME_FULL: "1" } : {}),
        ...(settings.savePort === undefined ? {} : { SAVE_PORT: String(settings.savePort) }),
      },
    });
  }

  /** Size of the newest snapshot in /var/lib, finished or not; 0 where there is none. */
  newestSnapshotBytes(): number {
    const directory = this.pathOf("/var/lib");
    const files = readdirSync(directory)
      .filter((name) => /\.(?:db|part)$/.test(name))
      .map((name) => statSync(join(directory, name), { throwIfNoEntry: false }))
      .filter((file) => file !== undefined)
      .sort((a, b) => b.mtimeMs - a.mtimeMs);
    return files[0]?.size ?? 0;
  }

  databaseBytes(): number {
    return statSync(join(this.#etcd.dataDirectory, "member", "snap", "db")).size;
  }

  /** Names of the files in /var/lib, besides etcd's data directory. */
  files(): readonly string[] {
    return readdirSync(this.pathOf("/var/lib")).filter((name) => name !== "data");
  }

  /** Ids of the processes that were started in the container and still run, whoever is their parent now. */
  findProcesses(): readonly number[] {
    return findByEnvironment(`CONTAINER_ROOT=${this.#etcd.root}\0`).map(Number);
  }

  /** Kills what still runs in the container. */
  close(): void {
    for (const pid of this.findProcesses()) {
      try {
        process.kill(pid, "SIGKILL");
      } catch {
        // It ended by itself in the meantime.
      }
    }
  }
}
