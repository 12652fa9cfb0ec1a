import { expect, test } from "vitest";
import { followInterruption, tellInterruption } from "../../../src/action/interruption.ts";
import { ActionError } from "../../../src/errors.ts";

test("A cancelled run says that it was cancelled, and not which request was cut", () => {
  const cut = new ActionError("cancelled", "PATCH /apis/hypershift.openshift.io/v1beta1/… was interrupted");
  const interrupted = new AbortController();
  const signal = followInterruption(interrupted.signal);
  expect(tellInterruption(cut, signal)).toBe(cut);
  interrupted.abort("signal");
  expect(tellInterruption(cut, signal)).toMatchObject({ code: "cancelled", message: "the step was cancelled" });
  const down = new ActionError("release-failed", "kube-apiserver did not come back");
  expect(tellInterruption(down, signal)).toBe(down);
  expect(tellInterruption(undefined, signal)).toBeUndefined();
});

test("A defect that ended the run stays what it is", () => {
  const interrupted = new AbortController();
  const signal = followInterruption(interrupted.signal);
  interrupted.abort(new TypeError("x is undefined"));
  const cut = new ActionError("cancelled", "a call was interrupted");
  expect(tellInterruption(cut, signal)).toBe(cut);
});
