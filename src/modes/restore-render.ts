import { renderComment } from "../action/comment.ts";
import { readStrictly } from "../action/inputs/mode.ts";
import {
  listRestoreOptOuts,
  readCommentInputs,
  readRestoreRenderInputs,
  type RestoreRenderInputs,
} from "../action/inputs/restore-render.ts";
import { readRunInfo } from "../action/run-info.ts";
import { saveWritten } from "../action/state.ts";
import { summarizeRestore, withoutRefused } from "../action/summary/restore-render.ts";
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
  announce: async ({ inputs, ...end }, runner) => {
    const { wanted, githubToken, hostedCluster } = readCommentInputs(runner.given);
    if (!wanted) return;
    const { marker, body } = renderComment(summarizeRestore(withoutRefused({ request: inputs?.request, ...end })), {
      hostedCluster: end.report.hostedCluster ?? hostedCluster,
      runUrl: readRunInfo(runner.given.environment).url,
      masks: runner.masks,
    });
    await connectComments(githubToken, runner).write(marker, body);
  },
};
