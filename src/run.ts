import { endStep, findFailure, summarizeRefusal } from "./action/end.ts";
import { printFailure } from "./action/failure.ts";
import { findModeName, readModeName, readStrictly, type ModeName } from "./action/inputs/mode.ts";
import { followInterruption, tellInterruption } from "./action/interruption.ts";
import type { Outputs } from "./action/outputs.ts";
import { createRunner, isRunnerOfActions, type Runner } from "./action/runner.ts";
import { listSecrets, maskSecrets } from "./action/secrets.ts";
import { markSettled } from "./action/state.ts";
import { bindDocs } from "./action/summary/summary.ts";
import { createClock } from "./adapters/clock.ts";
import { ActionError, describeError, hasCode, type ErrorCode } from "./errors.ts";
import { backup } from "./modes/backup.ts";
import { drilling } from "./modes/drill.ts";
import type { Mode, Session } from "./modes/mode.ts";
import { recovery } from "./modes/recover.ts";
import { restoreRender } from "./modes/restore-render.ts";
import { verification } from "./modes/verify.ts";
import { restoreVerification } from "./modes/verify-restore.ts";
import { runPost } from "./run-post.ts";
import { limits } from "./time-limits.ts";

/** Which step of the job this process is. The file that the runner starts says so, and nothing else can. */
export type Role = "main" | "post";

/** Refuses, with all that can be told without a mode. */
const unknownMode: Mode<never, Outputs> = {
  read: (given) => {
    throw new ActionError("internal", `the mode ${readModeName(given)} has no entry`);
  },
  guard: readStrictly,
  listOptOuts: () => [],
  createReport: () => ({}),
  run: () => Promise.resolve(),
  summarize: ({ failure, findDocs }) => summarizeRefusal(failure, findDocs),
};

const modes: Readonly<Record<ModeName | "unknown", (session: Session) => Promise<void>>> = {
  backup: bindMode(backup),
  "restore-render": bindMode(restoreRender),
  recover: bindMode(recovery),
  verify: bindMode(verification),
  "verify-restore": bindMode(restoreVerification),
  drill: bindMode(drilling),
  unknown: bindMode(unknownMode),
};

function bindMode<Inputs, Report extends Outputs>(mode: Mode<Inputs, Report>): (session: Session) => Promise<void> {
  return async (session) => {
    const { runner, signal } = session;
    const { core, given, log } = runner;
    const report = mode.createReport();
    let inputs: Inputs | undefined;
    const thrown = await findFailure(async () => {
      signal.throwIfAborted();
      inputs = mode.guard(given, mode.read, log);
      for (const optOut of mode.listOptOuts(inputs)) log.warning(optOut);
      await mode.run(inputs, report, session);
    });
    const failure = tellInterruption(thrown, signal);
    // Where this cannot be written, post looks by itself whether anything is held.
    if (!session.holds)
      await findFailure(() => {
        markSettled(core);
        return Promise.resolve();
      });
    const end = { inputs, report, failure, findDocs: bindDocs(given.environment) };
    const summary = mode.summarize(end);
    if (!signal.aborted) await mode.announce?.(end, runner);
    await endStep(runner, summary, { outputs: inputs === undefined ? {} : report, failure });
  };
}

/** One sentence, since nothing that is printed there is hidden. */
const outsideOfActions =
  "this is no runner of GitHub Actions (GITHUB_OUTPUT or GITHUB_STATE is not set), where secrets would be printed: use the action as a step of a workflow";

/** Runs this process as one step of a job. Returns its exit code. */
export function runStep(role: Role, interrupted: AbortSignal): Promise<0 | 1> {
  return runOn(createRunner(process.env, createClock()), role, interrupted);
}

/** Runs one step until it ended or was interrupted, and says what failed. */
export async function runOn(runner: Runner, role: Role, interrupted: AbortSignal): Promise<0 | 1> {
  const { core, given, log } = runner;
  const hidden = isRunnerOfActions(given);
  if (role === "main" && !hidden) {
    core.error(outsideOfActions, { title: "runner-unsuitable" satisfies ErrorCode });
    return 1;
  }
  try {
    const signal = followInterruption(interrupted);
    if (hidden) {
      maskSecrets(runner, listSecrets(given));
      log.debug(`limits: ${JSON.stringify(limits)}`);
    }
    if (role === "post") await runPost(runner);
    else await modes[findModeName(given) ?? "unknown"]({ runner, signal, holds: false });
    if (hasCode(signal.reason, "internal")) throw signal.reason;
    return 0;
  } catch (error) {
    printFailure(core, describeError(error));
    return 1;
  }
}
