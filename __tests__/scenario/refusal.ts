import { expect } from "vitest";
import type { ErrorCode } from "../../src/errors.ts";
import { findUnsettled, type Expected } from "../world/settled.ts";
import type { StepResult } from "../world/runner/step.ts";
import type { StepInputs, World } from "../world/world.ts";
import { runInProcess } from "./in-process.ts";
import { isChange, isStoreChange } from "./requests.ts";

export interface Refusal {
  readonly code: ErrorCode;
  /** Words that the error must have: the name of the input, of the field, of the permission. */
  readonly names?: string;
  /** `nothing`: neither the cluster nor the store; `reads`: what was sent there changed nothing. */
  readonly contact: "nothing" | "reads";
  /** The hosted cluster when the step begins; default: as when the world had started. */
  readonly expected?: Expected;
}

/** How a step is run; the default costs a tenth of a process. */
type Run = (world: World, inputs: StepInputs) => Promise<StepResult>;

/** As the runner does it: a process each for main and post. */
export const inProcesses: Run = (world, inputs) => world.run(inputs);

/** Runs a step that must end with one error before it changes anything, and holds everything it left against that. */
export async function expectRefusal(
  world: World,
  inputs: StepInputs,
  { code, names = "", contact, expected }: Refusal,
  run: Run = runInProcess,
): Promise<StepResult> {
  const [requests, storeRequests] = [world.cluster.requests.length, world.store.requests.length];
  const keys = world.objectKeys();
  const result = await run(world, inputs);
  expect(titlesOf(result)).toEqual([code]);
  expect(result.outputs["error-code"]).toBe(code);
  expect(result.annotations.find(({ level }) => level === "error")?.message).toContain(names);
  expect([result.exitCode, result.outcome, result.post?.outcome]).toEqual([1, "failure", "success"]);
  const sent = [...world.cluster.requests.slice(requests), ...world.store.requests.slice(storeRequests)];
  if (contact === "nothing") expect(sent).toEqual([]);
  else {
    expect(world.cluster.requests.slice(requests).filter(isChange)).toEqual([]);
    expect(world.store.requests.slice(storeRequests).filter(isStoreChange)).toEqual([]);
  }
  expect(world.objectKeys()).toEqual(keys);
  expect(await findUnsettled(world, result, expected)).toEqual([]);
  return result;
}

/** The codes of the errors that a stage printed; the runner's own errors have no title. */
export function titlesOf({ annotations }: Pick<StepResult, "annotations">): readonly string[] {
  return annotations.filter(({ level, title }) => level === "error" && title !== "").map(({ title }) => title);
}

/** The first row of the summary: whether the API servers are back. */
export function apiServersRow({ summary }: Pick<StepResult, "summary">): string | undefined {
  return /<table><tr><th>API servers<\/th><td>(?:<strong>)?(.*?)<\/td>/.exec(summary)?.[1];
}
