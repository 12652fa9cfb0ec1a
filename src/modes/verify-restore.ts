import { readStrictly } from "../action/inputs/mode.ts";
import {
  listVerifyRestoreOptOuts,
  readVerifyRestoreInputs,
  type VerifyRestoreInputs,
} from "../action/inputs/verify-restore.ts";
import { fingerprintServer, saveMade } from "../action/state.ts";
import { summarizeVerifyRestore } from "../action/summary/verify-restore.ts";
import { connectCluster, connectProof, connectStore } from "../connect.ts";
import { verifyRestore } from "../verify-restore/verify-restore.ts";
import { createVerifyRestoreReport, type LeftFile, type VerifyRestoreReport } from "../verify-restore/world.ts";
import type { Mode } from "./mode.ts";

export const restoreVerification: Mode<VerifyRestoreInputs, VerifyRestoreReport> = {
  read: readVerifyRestoreInputs,
  guard: readStrictly,
  listOptOuts: listVerifyRestoreOptOuts,
  createReport: createVerifyRestoreReport,
  run: async ({ kubeconfig, store, request }, report, session) => {
    const { runner, signal } = session;
    const server = fingerprintServer(kubeconfig.server);
    const world = {
      ...connectProof(runner, signal),
      cluster: connectCluster(kubeconfig, runner).withSignal(signal),
      store: connectStore(store, runner).withSignal(signal),
      remember: (file: LeftFile) => {
        session.holds = true;
        saveMade(runner.core, { what: "file", ...file, server });
      },
      forget: () => {
        session.holds = false;
      },
    };
    await verifyRestore(request, world, report);
  },
  summarize: ({ inputs, ...end }) => summarizeVerifyRestore({ request: inputs?.request, ...end }),
};
