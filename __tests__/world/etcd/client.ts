import { execFile } from "node:child_process";
import { Agent, request } from "node:https";
import { promisify } from "node:util";
import { listAt, stringAt, at } from "../../../src/json-path.ts";
import type { KeyPair } from "../certificates.ts";

export interface StoredKey {
  readonly key: string;
  readonly value: Buffer;
  readonly modRevision: number;
}

/** Hash of all keys up to a revision, as all members of one cluster must have it. */
export interface KeyHash {
  readonly hash: number;
  readonly compactRevision: number;
}

/** Up to 3.5 the gateway answers HashKV's path with another hash, so that one call goes through etcdctl. */
export interface HashTool {
  readonly etcdctl: string;
  readonly connectArguments: readonly string[];
}

/** A client of one etcd member, by etcd's own gateway from JSON to gRPC; the same paths from 3.4 to 3.6. */
export interface EtcdClient {
  /** Returns the revision of the write. */
  put(key: string, value: Buffer | string, options?: { readonly lease?: string }): Promise<number>;
  get(key: string): Promise<StoredKey | undefined>;
  /** Keys that start with `prefix`, in order; at most `limit` of them. */
  list(prefix: string, limit?: number): Promise<readonly StoredKey[]>;
  /** Keys that start with `prefix`, now or at an older revision. */
  count(prefix: string, options?: { readonly revision?: number }): Promise<number>;
  delete(key: string): Promise<number>;
  /** The revision of a linearizable read. */
  revision(): Promise<number>;
  /** Returns the lease's id. */
  leaseGrant(ttlSeconds: number): Promise<string>;
  /** Ends a lease; its keys are deleted in one revision of etcd's own, as when it expires. */
  leaseRevoke(lease: string): Promise<void>;
  compact(revision: number): Promise<void>;
  hashKv(revision: number): Promise<KeyHash>;
  status(): Promise<{ readonly version: string; readonly dbSizeBytes: number; readonly leader: boolean }>;
  close(): void;
}

export function createEtcdClient(port: number, authority: string, identity: KeyPair, tool: HashTool): EtcdClient {
  const agent = new Agent({
    keepAlive: true,
    maxSockets: 16,
    ca: authority,
    cert: identity.certificate,
    key: identity.privateKey,
    servername: "localhost",
  });
  const call = (path: string, body: object): Promise<unknown> => post(agent, port, path, body);
  const list = async (prefix: string, limit = 0): Promise<readonly StoredKey[]> => {
    const answer = await call("/v3/kv/range", { ...prefixRange(prefix), limit: String(limit) });
    return listAt(answer, "kvs").map(parseKey);
  };
  return {
    put: async (key, value, options = {}) => {
      const answer = await call("/v3/kv/put", {
        key: encode(key),
        value: encode(value),
        ...(options.lease === undefined ? {} : { lease: options.lease }),
      });
      return number(answer, "header", "revision");
    },
    get: async (key) => {
      const [first] = listAt(await call("/v3/kv/range", { key: encode(key) }), "kvs");
      return first === undefined ? undefined : parseKey(first);
    },
    list,
    count: async (prefix, { revision = 0 } = {}) => {
      const range = { ...prefixRange(prefix), count_only: true, revision: String(revision) };
      return number(await call("/v3/kv/range", range), "count");
    },
    delete: async (key) => number(await call("/v3/kv/deleterange", { key: encode(key) }), "header", "revision"),
    revision: async () => number(await call("/v3/kv/range", { key: encode("\0") }), "header", "revision"),
    leaseGrant: async (ttlSeconds) => stringAt(await call("/v3/lease/grant", { TTL: String(ttlSeconds) }), "ID") ?? "",
    leaseRevoke: async (lease) => {
      await call("/v3/lease/revoke", { ID: lease });
    },
    compact: async (revision) => {
      await call("/v3/kv/compaction", { revision: String(revision), physical: true });
    },
    hashKv: async (revision) => {
      const words = ["endpoint", "hashkv", `--rev=${String(revision)}`, "--write-out=json"];
      const { stdout } = await promisify(execFile)(tool.etcdctl, [...tool.connectArguments, ...words]);
      const answer = at(JSON.parse(stdout), 0, "HashKV");
      return { hash: number(answer, "hash"), compactRevision: number(answer, "compact_revision") };
    },
    status: async () => {
      const answer = await call("/v3/maintenance/status", {});
      return {
        version: stringAt(answer, "version") ?? "",
        dbSizeBytes: number(answer, "dbSize"),
        leader: stringAt(answer, "leader") === stringAt(answer, "header", "member_id"),
      };
    },
    close: () => {
      agent.destroy();
    },
  };
}

/** An answer of etcd that is not 200. */
export class EtcdError extends Error {
  readonly status: number;
  constructor(path: string, status: number, body: string) {
    super(`etcd answered ${String(status)} to ${path}: ${body.slice(0, 300)}`);
    this.status = status;
  }
}

function post(agent: Agent, port: number, path: string, body: object): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const payload = JSON.stringify(body);
    const outgoing = request(
      {
        agent,
        host: "127.0.0.1",
        port,
        path,
        method: "POST",
        headers: { "content-type": "application/json", "content-length": Buffer.byteLength(payload) },
        timeout: 30_000,
      },
      (response) => {
        const chunks: Buffer[] = [];
        response.on("data", (chunk: Buffer) => chunks.push(chunk));
        response.on("error", reject);
        response.on("end", () => {
          const text = Buffer.concat(chunks).toString();
          if (response.statusCode === 200) resolve(JSON.parse(text));
          else reject(new EtcdError(path, response.statusCode ?? 0, text));
        });
      },
    );
    outgoing.on("timeout", () => outgoing.destroy(new Error(`etcd did not answer ${path} in 30 s`)));
    outgoing.on("error", reject);
    outgoing.end(payload);
  });
}

function encode(value: Buffer | string): string {
  return Buffer.from(value).toString("base64");
}

/** All keys with a prefix: up to the prefix with its last byte one higher; etcd's own rule. */
function prefixRange(prefix: string): { readonly key: string; readonly range_end: string } {
  const end = Buffer.from(prefix);
  const last = end.length - 1;
  end.writeUInt8(end.readUInt8(last) + 1, last);
  return { key: encode(prefix), range_end: encode(end) };
}

function parseKey(value: unknown): StoredKey {
  return {
    key: Buffer.from(stringAt(value, "key") ?? "", "base64").toString(),
    value: Buffer.from(stringAt(value, "value") ?? "", "base64"),
    modRevision: number(value, "mod_revision"),
  };
}

/** 64-bit numbers are text in the gateway's JSON, and zeros are left out. */
function number(value: unknown, ...path: readonly string[]): number {
  return Number(at(value, ...path) ?? 0);
}
