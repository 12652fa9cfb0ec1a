import { readStrictly } from "../action/inputs/mode.ts";
import { listVerifyOptOuts, readVerifyInputs, type VerifyInputs } from "../action/inputs/verify.ts";
import { summarizeVerification } from "../action/summary/verify.ts";
import { connectProof, connectStore } from "../connect.ts";
import { verifySnapshot } from "../verify/verify.ts";
import { createVerifyReport, type VerifyReport } from "../verify/world.ts";
import type { Mode } from "./mode.ts";

export const verification: Mode<VerifyInputs, VerifyReport> = {
  read: readVerifyInputs,
  guard: readStrictly,
  listOptOuts: listVerifyOptOuts,
  createReport: createVerifyReport,
  run: async ({ source, request }, report, { runner, signal }) => {
    const place =
      source.kind === "file" ? source : { ...source, store: connectStore(source.store, runner).withSignal(signal) };
    await verifySnapshot(place, request, connectProof(runner, signal), report);
  },
  summarize: ({ inputs, ...end }) => summarizeVerification({ source: inputs?.source, ...end }),
};
