import { ActionError, describeError, hasCode } from "../errors.ts";

/** Aborts when `interrupted` does, with a reason in the user's words. */
export function followInterruption(interrupted: AbortSignal): AbortSignal {
  const following = new AbortController();
  const follow = (): void => {
    following.abort(describeInterruption(interrupted.reason));
  };
  interrupted.addEventListener("abort", follow, { once: true });
  if (interrupted.aborted) follow();
  return following.signal;
}

/** The interruption in place of the call that it happened to cut; any other failure as it is. */
export function tellInterruption(failure: ActionError | undefined, signal: AbortSignal): ActionError | undefined {
  const reason: unknown = signal.reason;
  return hasCode(failure, "cancelled") && hasCode(reason, "cancelled") ? reason : failure;
}

/** The reasons of src/start.ts, which is loaded apart from all this, and whatever was thrown and caught by nobody. */
function describeInterruption(reason: unknown): ActionError {
  switch (reason) {
    case "signal":
      return new ActionError("cancelled", "the step was cancelled", { hint: "run it again when you want it done" });
    case "log-closed":
      return new ActionError("cancelled", "nobody reads the log of this step any more: its runner is gone");
    default:
      return describeError(reason);
  }
}
