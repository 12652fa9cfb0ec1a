import { basename } from "node:path";
import { ActionError } from "../../../src/errors.ts";
import type { ExecResult } from "../../../src/ports/exec.ts";
import { withTrailer } from "../snapshot/database.ts";
import { readBytes } from "../snapshot/read.ts";
import type { Keyspace } from "./keyspace.ts";
import { readRendered, renderSnapshot } from "./snapshot-file.ts";
import type { Timeline } from "./timeline.ts";

export interface EtcdPodOptions {
  readonly name: string;
  /** Decimal, as etcd's JSON prints it. */
  readonly memberId: string;
  readonly leaderId: string;
  readonly memberIds: readonly string[];
  /** Those of `memberIds` that have no vote. */
  readonly learnerIds: () => readonly string[];
  /** What etcd says of its database. */
  readonly databaseBytes: number;
  /** Of the pages that a save really has. */
  readonly snapshotBytes: number;
  /** What the Secrets in it are encrypted with; undefined: they are in clear. */
  readonly aesKey: () => Buffer | undefined;
}

/** A member of another cluster than the one that the world began with, as after a restore. Ids as etcdctl prints them. */
export interface RestoredMember {
  readonly id: string;
  readonly clusterId: string;
  readonly memberIds: readonly string[];
  readonly version: string;
  /** All that it holds, as its save gives it: nothing is written to it. */
  readonly file: Buffer;
}

/** What can go wrong in one pod. */
export interface PodTrouble {
  /** `snapshot save` ends with the error of a full volume. */
  readonly volumeFull: boolean;
  /** The API server does not reach its kubelet. */
  readonly nodeAway: boolean;
  /** The member answers no read. */
  readonly deaf: boolean;
  /** The member follows without a vote, and answers nothing but its status: etcd's interceptor.go. */
  readonly learner: boolean;
  /** The save never has its first bytes. */
  readonly stalled: boolean;
  /** The saved file's bytes are changed on its disk. */
  readonly damaged: boolean;
  /** Parts come with a changed byte. */
  readonly garbled: boolean;
  /** The next part lacks its last 512 bytes, and its command ends well. */
  readonly cutShort: boolean;
  /** What it saved is older than what it answered. */
  readonly behind: boolean;
  /** A page of what it saves is damaged before etcd's own hash is made. */
  readonly misbuilt: boolean;
  /** It has not the same keys and values as the others. */
  readonly diverged: boolean;
  /** Its tools say another hash of what it saved. */
  readonly lying: boolean;
  /** What it saves has the alarm NOSPACE, which came after it was asked. */
  readonly noSpace: boolean;
}

export const noTrouble: PodTrouble = {
  volumeFull: false,
  nodeAway: false,
  deaf: false,
  learner: false,
  stalled: false,
  damaged: false,
  garbled: false,
  cutShort: false,
  behind: false,
  misbuilt: false,
  lying: false,
  noSpace: false,
  diverged: false,
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
  /** How much further it has compacted at each question for its HashKV, from the first on. */
  compactedBy: number[] = [];
  trouble = noTrouble;
  /** Undefined: the member that the world began with. */
  restored: RestoredMember | undefined;
  /** Revision at which each save of this pod took its view, and whether an API server could write then. */
  readonly views: { readonly file: string; readonly revision: number; readonly written: boolean }[] = [];
  readonly #options: EtcdPodOptions;
  readonly #timeline: Timeline;
  readonly #keyspace: Keyspace;
  readonly #saves = new Map<string, { ended: boolean }>();
  /** As they were written, before their disk damaged them. */
  readonly #saved = new Map<string, Buffer>();
  #restarts = 0;
  /** How often it had been started anew when each session began. */
  readonly #sessions = new WeakMap<object, number>();

  constructor(options: EtcdPodOptions, timeline: Timeline, keyspace: Keyspace) {
    this.#options = options;
    this.#timeline = timeline;
    this.#keyspace = keyspace;
  }

  /** Decimal. */
  get memberId(): string {
    return this.#options.memberId;
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

  /** A command that answers each piece of its input is run for each of them, in one session. */
  async run(argv: readonly string[], input: Buffer = Buffer.alloc(0), session: object = {}): Promise<ExecResult> {
    const [script = "", ...values] = argv.slice(3);
    const restarts = this.#sessions.get(session) ?? this.#restarts;
    this.#sessions.set(session, restarts);
    if (this.trouble.nodeAway)
      throw new ActionError("cluster-unreachable", `the node of ${this.#options.name} cannot be reached`);
    // A member that does not answer makes three questions of the inspection wait for their time to be over.
    const questionMs = Number(/--command-timeout=(\d+)s/.exec(argv[2] ?? "")?.[1] ?? 0) * 1000;
    if (script === "inspect" && this.trouble.deaf) await this.#timeline.sleep(3 * questionMs);
    const stdout = await this.#runScript(script, values, input);
    if (restarts !== this.#restarts) throw new ActionError("exec-interrupted", "the container was restarted");
    if (stdout === undefined) return { exitCode: 127, stdout: Buffer.alloc(0), stderr: `${script}: not found` };
    return typeof stdout === "string"
      ? { exitCode: 0, stdout: Buffer.from(stdout), stderr: "" }
      : { exitCode: 0, stdout, stderr: "" };
  }

  async #runScript(script: string, values: readonly string[], input: Buffer): Promise<string | Buffer | undefined> {
    const [first = "", second = ""] = values;
    switch (script) {
      case "inspect":
        return this.#inspect(values);
      case "save":
        return this.#save(first, second, Number(values[3]));
      case "result":
        return this.#readResult(first, Number(values[2]));
      case "hash":
        return this.#hash(Number(first));
      case "cat":
        return input;
      case "part":
        return this.#readPart(first, input.toString());
      case "remove":
        return this.#remove(second);
      case "look":
        return this.#look();
      default:
        return undefined;
    }
  }

  async #inspect(values: readonly string[]): Promise<string> {
    const { databaseBytes } = this.#options;
    const { clusterId, memberId, leaderId, memberIds, version } = this.#ids();
    const header = { cluster_id: raw(clusterId), member_id: raw(memberId), revision: await this.#revision() };
    const isLearner = this.trouble.learner ? { isLearner: true } : {};
    const status = { header, version, dbSize: databaseBytes, leader: raw(leaderId), ...isLearner };
    const learners = this.#options.learnerIds();
    const members = memberIds.map((id) => ({ ID: raw(id), ...(learners.includes(id) ? { isLearner: true } : {}) }));
    const answer = (value: unknown): string => (this.trouble.learner ? "" : renderJson(value));
    const tools = [...values.slice(6), "etcdutl"].map((tool) => `tool ${tool}`);
    return [
      ...tools,
      "authority 0",
      `endpoint ${renderJson([{ Endpoint: "https://localhost:2379", Status: status }])}`,
      `member ${answer({ header, members })}`,
      `alarm ${answer({ header })}`,
      this.trouble.deaf ? "get " : `get ${answer({ header })}`,
      `df /dev/vda ${String(volumeKib)} 100000 ${String(volumeKib - 100_000)} 2% /var/lib`,
      "",
    ].join("\n");
  }

  #ids(): Pick<EtcdPodOptions, "memberId" | "leaderId" | "memberIds"> & {
    readonly clusterId: string;
    readonly version: string;
  } {
    if (this.restored === undefined) return { ...this.#options, clusterId: "77", version: "3.5.21" };
    const { id, clusterId, memberIds, version } = this.restored;
    const decimal = (hex: string): string => BigInt(`0x${hex}`).toString();
    const all = memberIds.map(decimal);
    return { memberId: decimal(id), leaderId: all[0] ?? "", memberIds: all, clusterId: decimal(clusterId), version };
  }

  async #revision(): Promise<number> {
    return this.restored === undefined
      ? this.#keyspace.revision
      : Math.max(1, (await readRendered(this.restored.file)).revision);
  }

  async #save(action: string, file: string, looks: number): Promise<string> {
    if (action === "start") {
      if (this.#files.has(`${file}.first`)) return "started already\n";
      this.#write(`${file}.first`, "");
      if (this.trouble.deaf) return "failed 1 the member does not answer\n";
      this.#write(`${file}.first`, await this.#answerRead());
      this.#startSave(file);
    }
    if (!this.#files.has(`${file}.first`)) return "absent\n";
    for (let look = 0; look < looks; look += 1) {
      if ((this.#find(`${file}.part`) ?? this.#find(file) ?? "").length > 0)
        return `opened ${await this.#answerRead()}\nfirst ${this.#find(`${file}.first`)?.toString() ?? ""}\n`;
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
      const bytes = this.restored?.file ?? this.#renderSnapshot(revision);
      this.#write(`${file}.part`, bytes.subarray(0, 512));
      this.#timeline.after(this.savedAfterMs, () => {
        if (save.ended) return;
        this.#saved.set(file, bytes);
        const stored = this.trouble.misbuilt ? misbuild(bytes) : Buffer.from(bytes);
        if (this.trouble.damaged) stored.writeUInt8(1, 200);
        this.#write(file, stored);
        end(0, `Snapshot saved at ${file}`);
      });
    });
  }

  async #readResult(file: string, looks: number): Promise<string> {
    for (let look = 0; look < looks && this.#files.has(`${file}.first`) && !this.#files.has(`${file}.rc`); look += 1)
      await this.#timeline.sleep(250);
    const code = this.#find(`${file}.rc`)?.toString();
    if (code === undefined) {
      if (!this.#files.has(`${file}.first`)) return "absent\n";
      return `running ${String(volumeKib - 200_000)} ${String(this.#find(`${file}.part`)?.length ?? 0)}\n`;
    }
    const head = `rc ${code}\nlog ${this.#find(`${file}.log`)?.toString() ?? ""}\n`;
    const bytes = this.#find(file);
    if (code !== "0" || bytes === undefined) return head;
    await this.#timeline.sleep(this.statusAfterMs);
    const { revision, hash, entries } = await readRendered(this.#saved.get(file) ?? bytes);
    const seen = this.trouble.behind ? revision - 1 : revision;
    const figures = {
      hash: this.trouble.lying ? 0xcafe : Number.parseInt(hash, 16),
      revision: seen,
      totalKey: entries,
    };
    const status = renderJson({ ...figures, totalSize: bytes.length });
    return `${head}size ${String(bytes.length)}\ntrailer ${bytes.subarray(-32).toString("hex")}\nstatus ${status}\n`;
  }

  /** What it holds at `revision`. */
  #renderSnapshot(revision: number): Buffer {
    const { snapshotBytes: sizeBytes, aesKey } = this.#options;
    const deeds = this.#keyspace.deedsUntil(revision);
    const { diverged: odd, noSpace } = this.trouble;
    return renderSnapshot({ revision, deeds, aesKey: aesKey(), sizeBytes, odd, noSpace });
  }

  async #hash(revision: number): Promise<string> {
    if (this.trouble.deaf) return "";
    if (this.restored !== undefined) return hashAt(this.restored.file, revision);
    const bytes = this.#renderSnapshot(revision);
    const { compactRevision, hashKv } = await readRendered(bytes);
    const further = this.compactedBy.shift() ?? 0;
    const point = { revision, compactRevision: compactRevision + further };
    const answer = further === 0 ? hashKv : (await readBytes(bytes, { hashKvAt: point })).hashKvAt;
    if (answer === undefined) return "";
    const { hash } = answer;
    return renderJson([{ HashKV: { hash, compact_revision: point.compactRevision, hash_revision: revision } }]);
  }

  #readPart(file: string, line: string): Buffer | undefined {
    if (line === "end\n") return Buffer.alloc(0);
    const [offset = 0, lengthBytes = 0] = line.split(" ").map(Number);
    const found = this.#find(file)?.subarray(offset, offset + lengthBytes);
    if (found === undefined) return undefined;
    const bytes = Buffer.from(found);
    if (this.trouble.garbled) bytes.writeUInt8(bytes.readUInt8(0) ^ 1, 0);
    const isShort = this.trouble.cutShort;
    this.trouble = { ...this.trouble, cutShort: false };
    return Buffer.concat([isShort ? bytes.subarray(0, -512) : bytes, Buffer.from(`part ${line}`)]);
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

  async #answerRead(): Promise<string> {
    return renderJson({ header: { revision: await this.#revision() }, kvs: [] });
  }
}

/** As a member with these contents answers; nothing where the revision is compacted, or still to come. */
async function hashAt(file: Buffer, revision: number): Promise<string> {
  const { compactRevision } = await readRendered(file);
  const { hashKvAt } = await readBytes(file, { hashKvAt: { revision, compactRevision } });
  if (hashKvAt === undefined) return "";
  const { hash } = hashKvAt;
  return renderJson([{ HashKV: { hash, compact_revision: compactRevision, hash_revision: revision } }]);
}

/** The root page is of no kind, and the trailer is right. */
function misbuild(snapshot: Buffer): Buffer {
  const database = Buffer.from(snapshot.subarray(0, -32));
  database.writeUInt16LE(0x77, Number(database.readBigUInt64LE(32)) * database.readUInt32LE(24) + 8);
  return withTrailer(database);
}

/** A 64-bit number, which JSON.stringify would round. */
function raw(digits: string): string {
  return `#${digits}#`;
}

function renderJson(value: unknown): string {
  return JSON.stringify(value).replaceAll(/"#(\d+)#"/g, "$1");
}
