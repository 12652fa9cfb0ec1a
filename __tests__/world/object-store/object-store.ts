import { mkdtempSync, rmSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import type { CertificateAuthority } from "../certificates.ts";
import type { Account } from "./accounts.ts";
import type { Tampering } from "./content.ts";
import { FaultList } from "./faults.ts";
import { Inspection, type InspectedObject, type InspectedUpload, type SeedOptions } from "./inspection.ts";
import { RequestLog, type StoreRequest } from "./request-log.ts";
import type { StoreQuirk } from "./s3-request.ts";
import { startServer } from "./server.ts";
import { Storage, type BucketOptions } from "./storage.ts";

export interface ObjectStoreOptions {
  readonly buckets: readonly BucketOptions[];
  readonly accounts: readonly Account[];
  /** Signs the server's certificate, for localhost and 127.0.0.1. Absent: plain HTTP. */
  readonly certificateAuthority?: CertificateAuthority;
  /** Where it listens, and its name in URLs. Absent: 127.0.0.1, called localhost. */
  readonly address?: string;
  readonly quirks?: readonly StoreQuirk[];
  /** Default 5 MiB, as on S3. */
  readonly minPartSizeBytes?: number;
}

/** An S3 server, path style, that refuses what AWS refuses. */
export interface ObjectStore {
  /** `https://localhost:PORT`, without a slash at its end. */
  readonly endpoint: string;
  readonly requests: readonly StoreRequest[];
  readonly faults: FaultList;
  /** By access key; a test may add, replace and remove while the store runs. */
  readonly accounts: Map<string, Account>;
  /** Added to this machine's clock: signatures, expiry and the Date header go by it. */
  clockOffsetMs: number;
  /** Resolves with the first request that matches, one of the past included, as soon as it matches. */
  waitForRequest(matches: (request: StoreRequest) => boolean): Promise<StoreRequest>;
  objects(bucket: string): readonly InspectedObject[];
  versions(bucket: string, key: string): ReturnType<Inspection["versions"]>;
  readObject(bucket: string, key: string, versionId?: string): Promise<Buffer>;
  seedObject(bucket: string, key: string, body: Uint8Array | string, options?: SeedOptions): Promise<InspectedObject>;
  removeObject(bucket: string, key: string, versionId?: string): void;
  openUploads(bucket: string): readonly InspectedUpload[];
  /** Damages the newest version of an object, behind its ETag's back. */
  tamper(bucket: string, key: string, tampering: Tampering): Promise<void>;
  /** Cuts every connection and removes the files. Throws when the store itself has failed at something. */
  close(): Promise<void>;
}

export async function startObjectStore(options: ObjectStoreOptions): Promise<ObjectStore> {
  const directory = mkdtempSync(path.join(os.tmpdir(), "object-store-"));
  const removeFiles = () => {
    rmSync(directory, { recursive: true, force: true });
  };
  process.once("exit", removeFiles);
  const accounts = new Map(options.accounts.map((account) => [account.accessKeyId, account]));
  const storage = new Storage(directory, options.buckets);
  const faults = new FaultList();
  const log = new RequestLog();
  const defects: unknown[] = [];
  const clock = { offsetMs: 0 };
  const nowMs = () => Date.now() + clock.offsetMs;
  const server = await startServer({
    world: {
      storage,
      accounts,
      faults,
      settings: {
        quirks: new Set(options.quirks),
        minPartSizeBytes: options.minPartSizeBytes ?? 5 * 1024 ** 2,
      },
    },
    log,
    nowMs,
    address: options.address ?? "127.0.0.1",
    certificate: await options.certificateAuthority?.issue(
      { commonName: "localhost" },
      { names: ["localhost", options.address ?? "127.0.0.1"] },
    ),
    onDefect: (error) => defects.push(error),
  });
  const inspection = new Inspection(storage, nowMs);
  return {
    endpoint: `${options.certificateAuthority === undefined ? "http" : "https"}://${options.address ?? "localhost"}:${server.port}`,
    requests: log.entries,
    faults,
    accounts,
    get clockOffsetMs() {
      return clock.offsetMs;
    },
    set clockOffsetMs(offsetMs) {
      clock.offsetMs = offsetMs;
    },
    waitForRequest: (matches) => log.waitFor(matches),
    objects: (bucket) => inspection.objects(bucket),
    versions: (bucket, key) => inspection.versions(bucket, key),
    readObject: (bucket, key, versionId) => inspection.readObject(bucket, key, versionId),
    seedObject: (bucket, key, body, seedOptions) => inspection.seedObject(bucket, key, body, seedOptions),
    removeObject: (bucket, key, versionId) => {
      inspection.removeObject(bucket, key, versionId);
    },
    openUploads: (bucket) => inspection.openUploads(bucket),
    tamper: (bucket, key, tampering) => inspection.tamper(bucket, key, tampering),
    close: async () => {
      await server.close();
      process.removeListener("exit", removeFiles);
      removeFiles();
      if (defects.length > 0) throw new AggregateError(defects, "the object store failed");
    },
  };
}
