import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { renderRestore } from "../../../src/restore/restore-render.ts";
import { createFileSpools } from "../../../src/snapshots/spool.ts";
import {
  createRestoreReport,
  type RestoreReport,
  type RestoreRequest,
  type RestoreResult,
  type RestoreWorld,
} from "../../../src/restore/world.ts";
import { createMemoryLog, type MemoryLog } from "../../unit/restore/expectations.ts";
import { createFolders, type Folders } from "../../unit/restore/folders.ts";
import { buildManifest, oldKey } from "../../unit/restore/manifest-builder.ts";
import { createMemoryStore, type MemoryStore, type MemoryStoreOptions } from "../../unit/restore/memory-store.ts";
import { snapshot } from "../../unit/restore/record-builder.ts";

export interface Case {
  readonly manifest?: string | Buffer;
  readonly store?: MemoryStoreOptions;
  readonly request?: Partial<RestoreRequest>;
  readonly cluster?: RestoreWorld["cluster"];
}

export interface Rendering extends Folders {
  readonly store: MemoryStore;
  readonly log: MemoryLog;
  readonly secrets: (string | Buffer)[];
  readonly report: RestoreReport;
  readonly run: () => Promise<RestoreResult>;
  /** Text of every file in both folders but the given manifest; empty where nothing was written. */
  readonly written: () => readonly string[];
}

export const now = Date.parse("2026-11-25T08:00:00Z");

/** A restore of the snapshot that a memory store holds, with the right key, to out.yaml in the workspace. */
export function prepare({
  manifest = buildManifest(),
  store: options = {},
  request = {},
  cluster,
}: Case = {}): Rendering {
  const folders = createFolders();
  writeFileSync(path.join(folders.workspace, "cluster.yaml"), manifest);
  const store = createMemoryStore({ now: new Date(now), ...options });
  const log = createMemoryLog();
  const secrets: (string | Buffer)[] = [];
  const report = createRestoreReport();
  const world = {
    store,
    ...(cluster === undefined ? {} : { cluster }),
    log,
    environment: folders.environment,
    openSpool: createFileSpools(folders.temp),
    signal: new AbortController().signal,
    onSecret: (secret: string | Buffer) => void secrets.push(secret),
    remember: () => undefined,
  };
  const asked: RestoreRequest = {
    snapshot,
    manifest: "cluster.yaml",
    output: "out.yaml",
    encryptionKeys: [oldKey],
    identities: [],
    presignExpiresInSeconds: 3_600,
    pins: {},
    allowUnrecorded: false,
    allowUnsafeRestore: [],
    ...request,
  };
  const written = (): readonly string[] =>
    [folders.workspace, folders.temp].flatMap((folder) =>
      readdirSync(folder)
        .filter((name) => name !== "cluster.yaml")
        .map((name) => readFileSync(path.join(folder, name), "utf8")),
    );
  return { ...folders, store, log, secrets, report, written, run: () => renderRestore(asked, world, report) };
}
