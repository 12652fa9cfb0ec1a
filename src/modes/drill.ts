import { listDrillOptOuts, readDrillInputs, type DrillInputs } from "../action/inputs/drill.ts";
import { readStrictly } from "../action/inputs/mode.ts";
import { fingerprintServer, markSettled, saveMade } from "../action/state.ts";
import { summarizeDrill } from "../action/summary/drill.ts";
import { connectProof, connectStore, connectWorld } from "../connect.ts";
import { drill } from "../drill/drill.ts";
import { createDrillReport, type DrillReport, type NamedPod } from "../drill/world.ts";
import type { Mode } from "./mode.ts";
import manifest from "../../package.json" with { type: "json" };

export const drilling: Mode<DrillInputs, DrillReport> = {
  read: readDrillInputs,
  guard: readStrictly,
  listOptOuts: listDrillOptOuts,
  createReport: createDrillReport,
  run: async ({ cluster, store: settings, request }, report, session) => {
    const { runner, signal } = session;
    const world = {
      ...connectProof(runner, signal),
      ...connectWorld(cluster, runner, signal),
      store: connectStore(settings, runner).withSignal(signal),
      version: manifest.version,
      remember: ({ namespace, name, nonce }: NamedPod) => {
        session.holds = true;
        const server = fingerprintServer(cluster.kubeconfig.server);
        saveMade(runner.core, { what: "drill", pod: { namespace, name }, nonce, server });
      },
    };
    try {
      await drill(request, world, report);
    } finally {
      if (report.podGone === true) markSettled(runner.core);
    }
  },
  summarize: ({ inputs, ...end }) => summarizeDrill({ request: inputs?.request, ...end }),
};
