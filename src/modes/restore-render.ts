import { renderComment } from "../action/comment.ts";
import { readStrictly } from "../action/inputs/mode.ts";
import {
  listRestoreOptOuts,
  readRestoreRenderInputs,
  type RestoreRenderInputs,
} from "../action/inputs/restore-render.ts";
import { readRunInfo } from "../action/run-info.ts";
import { saveWritten } from "../action/state.ts";
import { summarizeRestore } from "../action/summary/restore-render.ts";
import { connectCluster, connectComments, connectProof, connectStore } from "../connect.ts";
import type { OwnFile } from "../restore/output-file.ts";
import { renderRestore } from "../restore/restore-render.ts";
import { createRestoreReport, type RestoreReport } from "../restore/world.ts";
import type { Mode } from "./mode.ts";

export const restoreRender: Mode<RestoreRenderInputs, RestoreReport> = {
  read: readRestoreRenderInputs,
  guard: readStrictly,
  listOptOuts: listRestoreOptOuts,
  createReport: createRestoreReport,
  run: async ({ store: settings, kubeconfig, request }, report, { runner, signal }) => {
    const world = {
      ...connectProof(runner, signal),
      ...(kubeconfig === undefined ? {} : { cluster: connectCluster(kubeconfig, runner).withSignal(signal) }),
      store: connectStore(settings, runner).withSignal(signal),
      remember: (files: readonly OwnFile[]) => {
        saveWritten(runner.core, files);
      },
    };
    Object.assign(report, await renderRestore(request, world, report));
  },
  summarize: ({ inputs, ...end }) => summarizeRestore({ request: inputs?.request, ...end }),
  announce: async ({ inputs, report }, summary, runner) => {
    if (inputs?.comment !== true) return;
    const hostedCluster = report.hostedCluster ?? inputs.request.pins.hostedCluster;
    const { marker, body } = renderComment(summary, {
      hostedCluster,
      runUrl: readRunInfo(runner.given.environment).url,
    });
    await connectComments(inputs.githubToken, runner).write(marker, body);
  },
};
