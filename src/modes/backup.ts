import { listBackupOptOuts, readBackupInputs, type BackupInputs } from "../action/inputs/backup.ts";
import { readStrictly } from "../action/inputs/mode.ts";
import { fingerprintServer, listProxies, markSettled, saveHeld } from "../action/state.ts";
import { summarizeBackup } from "../action/summary/backup.ts";
import { backUp } from "../backup/backup.ts";
import { createReport, type BackupReport } from "../backup/world.ts";
import { bindMask, connectSpool, connectStore, connectWorld } from "../connect.ts";
import type { HeldCluster, Journal } from "../hold/journal.ts";
import type { Mode } from "./mode.ts";
import manifest from "../../package.json" with { type: "json" };

export const backup: Mode<BackupInputs, BackupReport> = {
  read: readBackupInputs,
  guard: readStrictly,
  listOptOuts: listBackupOptOuts,
  createReport,
  run: async ({ cluster, store: settings, request }, report, session) => {
    const { runner, signal } = session;
    const { core, given } = runner;
    const held = {
      server: fingerprintServer(cluster.kubeconfig.server),
      store: { bucket: settings.bucket, prefix: request.prefix },
      proxies: listProxies(given.environment),
    };
    const world = {
      ...connectWorld(cluster, runner, signal),
      store: connectStore(settings, runner).withSignal(signal),
      version: manifest.version,
      openSpool: connectSpool(runner),
      saveJournal: (journal: Journal, hostedCluster: HeldCluster) => {
        session.holds = true;
        const { readyBefore: ready = {}, recordUri } = report;
        saveHeld(core, { ...held, journal, hostedCluster, ready, isRecorded: recordUri !== undefined });
      },
      onSecret: bindMask(runner),
    };
    await backUp(request, world, report);
    markSettled(core);
  },
  summarize: ({ inputs, ...end }) => summarizeBackup({ request: inputs?.request, ...end }),
};
