import { readLeniently } from "../action/inputs/mode.ts";
import { readRecoverInputs, type RecoverInputs } from "../action/inputs/recover.ts";
import { listStoreOptOuts } from "../action/inputs/store.ts";
import { summarizeRecovery } from "../action/summary/recover.ts";
import { connectStore, connectWorld } from "../connect.ts";
import { createRecoverReport, recover, type RecoverReport } from "../recover/recover.ts";
import type { Mode } from "./mode.ts";

export const recovery: Mode<RecoverInputs, RecoverReport> = {
  read: readRecoverInputs,
  guard: readLeniently,
  listOptOuts: ({ store }) => listStoreOptOuts(store),
  createReport: createRecoverReport,
  run: async ({ cluster, store: settings, request, wrong }, report, { runner, signal }) => {
    const store = settings && connectStore(settings, runner).withSignal(signal);
    await recover(request, { ...connectWorld(cluster, runner, signal), store }, report);
    if (wrong !== undefined) throw wrong;
  },
  summarize: ({ inputs, ...end }) => summarizeRecovery({ hostedCluster: inputs?.request.hostedCluster, ...end }),
};
