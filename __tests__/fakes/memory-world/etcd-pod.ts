import { basename } from "node:path";
import { ActionError } from "../../../src/errors.ts";
import type { ExecResult } from "../../../src/ports.ts";
import type { Keyspace } from "./keyspace.ts";
import { renderSnapshot } from "./snapshot-file.ts";
import type { Timeline } from "./timeline.ts";

export interface EtcdPodOptions {
  readonly name: string;
  /** Decimal, as etcd's JSON prints it. */
  readonly memberId: string;
  readonly leaderId: string;
  readonly memberIds: readonly string[];
  /** What etcd says of its database. */
  readonly databaseBytes: number;
  /** Of the pages that a save really has. */
  readonly snapshotBytes: number;
}

/** What can go wrong in one pod. */
export interface PodTrouble {
  /** `snapshot save` ends with the error of a full volume. */
  readonly volumeFull: boolean;
  /** The API server does not reach its kubelet. */
  readonly nodeAway: boolean;
  /** The member answers no read. */
  readonly deaf: boolean;
  /** The save never has its first bytes. */
  readonly stalled: boolean;
  /** The saved file's bytes are changed on its disk. */
  readonly damaged: boolean;
  /** Parts come with a changed byte. */
  readonly garbled: boolean;
  /** The next part lacks its last byte, and its command ends well. */
  readonly cutShort: boolean;
  /** What it saved is older than what it answered. */
  readonly behind: boolean;
}

export const noTrouble: PodTrouble = {
  volumeFull: false,
  nodeAway: false,
  deaf: false,
  stalled: false,
  damaged: false,
  garbled: false,
  cutShort: false,
  behind: false,
};

const openedAfterMs = 20;
const volumeKib = 8 * 1024 * 1024;

/**
 * The container `etcd` of one pod: its files below /var/lib, and the commands of the action as far as they can be told apart by
 * the name of their script. A save goes on when the connection of the command that started it is cut.
 */
export class EtcdPod {
  readonly #files = new Map<string, { readonly bytes: Buffer; readonly writtenMs: number }>();
  /** From the first bytes of a save to its end. */
  savedAfterMs = 300;
  /** From the question for the result to its answer, when there is one. */
  statusAfterMs = 0;
  trouble = noTrouble;
  /** Revision at which each save of this pod took its view, and whether an API server could write then. */
  readonly views: { readonly file: string; readonly revision: number; readonly written: boolean }[] = [];
  readonly #options: EtcdPodOptions;
  readonly #timeline: Timeline;
  readonly #keyspace: Keyspace;
  readonly #saves = new Map<string, { ended: boolean }>();
  #restarts = 0;

  constructor(options: EtcdPodOptions, timeline: Timeline, keyspace: Keyspace) {
    this.#options = options;
    this.#timeline = timeline;
    this.#keyspace = keyspace;
  }

  /** Files of the action in it. */
  get leftFiles(): readonly string[] {
    return [...this.#files.keys()];
  }

  get isSaving(): boolean {
    return [...this.#saves.values()].some(({ ended }) => !ended);
  }

  /** The container is started anew: its processes are gone, its volume is not. */
  restart(): void {
    this.#restarts += 1;
    for (const save of this.#saves.values()) save.ended = true;
  }

  async run(argv: readonly string[]): Promise<ExecResult> {
    const [script = "", ...values] = argv.slice(3);
    const restarts = this.#restarts;
    if (this.trouble.nodeAway)
      throw new ActionError("cluster-unreachable", `the node of ${this.#options.name} cannot be reached`);
    // A member that does not answer makes three questions of the inspection wait for their time to be over.
    const questionMs = Number(/--command-timeout=(\d+)s/.exec(argv[2] ?? "")?.[1] ?? 0) * 1000;
    if (script === "inspect" && this.trouble.deaf) await this.#timeline.sleep(3 * questionMs);
    const stdout = await this.#runScript(script, values);
    if (restarts !== this.#restarts) throw new ActionError("exec-interrupted", "the container was restarted");
    if (stdout === undefined) return { exitCode: 127, stdout: Buffer.alloc(0), stderr: `${script}: not found` };
    return typeof stdout === "string"
      ? { exitCode: 0, stdout: Buffer.from(stdout), stderr: "" }
      : { exitCode: 0, stdout, stderr: "" };
  }

  async #runScript(script: string, values: readonly string[]): Promise<string | Buffer | undefined> {
    const [first = "", second = "", third = ""] = values;
    switch (script) {
      case "inspect":
        return this.#inspect(values);
      case "save":
        return this.#save(first, second, Number(values[3]));
      case "result":
        return this.#readResult(first);
      case "part":
        return this.#readPart(first, Number(second), Number(third));
      case "remove":
        return this.#remove(second);
      case "look":
        return this.#look();
      default:
        return undefined;
    }
  }

  #inspect(values: readonly string[]): string {
    const { memberId, leaderId, memberIds, databaseBytes } = this.#options;
    const header = { cluster_id: 77, member_id: raw(memberId), revision: this.#keyspace.revision };
    const status = { header, version: "3.5.21", dbSize: databaseBytes, leader: raw(leaderId) };
    const tools = [...values.slice(6), "etcdutl"].map((tool) => `tool ${tool}`);
    return [
      ...tools,
      "authority 0",
      `endpoint ${renderJson([{ Endpoint: "https://localhost:2379", Status: status }])}`,
      `member ${renderJson({ header, members: memberIds.map((id) => ({ ID: raw(id) })) })}`,
      `alarm ${renderJson({ header })}`,
      this.trouble.deaf ? "get " : `get ${renderJson({ header })}`,
      `df /dev/vda ${String(volumeKib)} 100000 ${String(volumeKib - 100_000)} 2% /var/lib`,
      "",
    ].join("\n");
  }

  async #save(action: string, file: string, looks: number): Promise<string> {
    if (action === "start") {
      if (this.#files.has(`${file}.first`)) return "started already\n";
      this.#write(`${file}.first`, "");
      if (this.trouble.deaf) return "failed 1 the member does not answer\n";
      this.#write(`${file}.first`, this.#answerRead());
      this.#startSave(file);
    }
    if (!this.#files.has(`${file}.first`)) return "absent\n";
    for (let look = 0; look < looks; look += 1) {
      if ((this.#find(`${file}.part`) ?? this.#find(file) ?? "").length > 0)
        return `opened ${this.#answerRead()}\nfirst ${this.#find(`${file}.first`)?.toString() ?? ""}\n`;
      const code = this.#find(`${file}.rc`);
      if (code !== undefined) return `failed ${code.toString()} ${this.#find(`${file}.log`)?.toString() ?? ""}\n`;
      await this.#timeline.sleep(50);
    }
    return "waiting\n";
  }

  #startSave(file: string): void {
    const save = { ended: false };
    this.#saves.set(file, save);
    const end = (code: number, log: string): void => {
      save.ended = true;
      this.#files.delete(`${file}.part`);
      this.#write(`${file}.log`, log);
      this.#write(`${file}.rc`, String(code));
    };
    this.#timeline.after(openedAfterMs, () => {
      if (save.ended || this.trouble.stalled) return;
      if (this.trouble.volumeFull) {
        end(5, `Error: write ${file}.part: no space left on device`);
        return;
      }
      const { revision, isWritten } = this.#keyspace;
      this.views.push({ file, revision, written: isWritten });
      const bytes = renderSnapshot(revision, this.#options.snapshotBytes);
      this.#write(`${file}.part`, bytes.subarray(0, 512));
      this.#timeline.after(this.savedAfterMs, () => {
        if (save.ended) return;
        if (this.trouble.damaged) bytes.writeUInt8(1, 200);
        this.#write(file, bytes);
        end(0, `Snapshot saved at ${file}`);
      });
    });
  }

  async #readResult(file: string): Promise<string> {
    const code = this.#find(`${file}.rc`)?.toString();
    if (code === undefined)
      return this.#files.has(`${file}.first`) ? `running ${String(volumeKib - 200_000)}\n` : "absent\n";
    const head = `rc ${code}\nlog ${this.#find(`${file}.log`)?.toString() ?? ""}\n`;
    const bytes = this.#find(file);
    if (code !== "0" || bytes === undefined) return head;
    await this.#timeline.sleep(this.statusAfterMs);
    const revision = Number(/^\{"revision":(\d+)\}/.exec(bytes.subarray(0, 100).toString("latin1"))?.[1]);
    const seen = this.trouble.behind ? revision - 1 : revision;
    const status = renderJson({ hash: 0xcafe, revision: seen, totalKey: 1234, totalSize: bytes.length });
    return `${head}size ${String(bytes.length)}\ntrailer ${bytes.subarray(-32).toString("hex")}\nstatus ${status}\n`;
  }

  #readPart(file: string, offset: number, lengthBytes: number): Buffer | undefined {
    const part = this.#find(file)?.subarray(offset, offset + lengthBytes);
    if (part !== undefined && this.trouble.cutShort) {
      this.trouble = { ...this.trouble, cutShort: false };
      return part.subarray(0, -1);
    }
    if (part === undefined || !this.trouble.garbled) return part;
    const garbled = Buffer.from(part);
    garbled.writeUInt8(garbled.readUInt8(0) ^ 1, 0);
    return garbled;
  }

  #remove(nonce: string): string {
    const isOf = (file: string): boolean => file.includes(`hypershift-etcd-backup-${nonce}-`);
    for (const [file, save] of this.#saves) if (isOf(file)) save.ended = true;
    for (const file of this.#files.keys()) if (isOf(file)) this.#files.delete(file);
    return "";
  }

  #look(): string {
    const nowMs = this.#timeline.nowMs();
    return [...this.#files]
      .map(([file, { writtenMs }]) => `${String(Math.floor((nowMs - writtenMs) / 1000))} ${basename(file)}\n`)
      .join("");
  }

  #find(file: string): Buffer | undefined {
    return this.#files.get(file)?.bytes;
  }

  #write(file: string, content: Buffer | string): void {
    this.#files.set(file, { bytes: Buffer.from(content), writtenMs: this.#timeline.nowMs() });
  }

  #answerRead(): string {
    return renderJson({ header: { revision: this.#keyspace.revision }, kvs: [] });
  }
}

/** A 64-bit number, which JSON.stringify would round. */
function raw(digits: string): string {
  return `#${digits}#`;
}

function renderJson(value: unknown): string {
  return JSON.stringify(value).replaceAll(/"#(\d+)#"/g, "$1");
}
