import * as core from "@actions/core";
import { printFailure } from "./action/failure.ts";
import { ActionError, describeError, hasCode } from "./errors.ts";
import { run } from "./run.ts";

// The runner sends SIGINT, then SIGTERM 7.5 s later: the run puts the cluster back and ends by itself.
const cancelled = new AbortController();
for (const signal of ["SIGINT", "SIGTERM"] as const)
  process.on(signal, () => {
    cancelled.abort(
      new ActionError("cancelled", "the step was cancelled", { hint: "run it again when you want it done" }),
    );
  });
// Whatever else would end the process at once ends the run instead, which puts the cluster back.
process.on("uncaughtException", (error) => {
  cancelled.abort(describeError(error));
});
for (const stream of [process.stdout, process.stderr])
  stream.on("error", () => {
    cancelled.abort(new ActionError("cancelled", "nobody reads the log of this step any more: its runner is gone"));
  });

try {
  await run(cancelled.signal);
  if (hasCode(cancelled.signal.reason, "internal")) throw cancelled.signal.reason;
  process.exitCode = 0;
} catch (error) {
  printFailure(core, describeError(error));
  process.exitCode = 1;
}
// Idle sockets of the clients would keep the process.
process.exit();
