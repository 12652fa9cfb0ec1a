import { ActionError, hasCode } from "../errors.ts";
import type { RestoreScript } from "../hypershift/restore-script.ts";
import { persistInPod } from "../pod/patience.ts";
import type { ManagementCluster, ObjectRef } from "../ports.ts";
import type { ExecOptions } from "../ports/exec.ts";
import { limits } from "../time-limits.ts";
import { lookCommand, parseProgress, type CourseFailure, type Progress } from "./entry-script.ts";
import { etcdContainer } from "./pod-manifest.ts";
import { refuseLost, type PodWorld } from "./pod.ts";

/** The parts of the world that following a pod needs. */
export interface CourseWorld extends PodWorld {
  readonly cluster: PodWorld["cluster"] & Pick<ManagementCluster, "exec">;
  /** Called now and then: throws where the drill must end. */
  readonly watch: () => Promise<void>;
  /** How many steps of the pod were told. */
  readonly told: { steps: number };
}

/** The times that the pod itself measured, in seconds. */
export interface Times {
  readonly fetched: number;
  readonly restored: number;
  readonly answers: number;
}

/**
 * The output of a command in etcd's container that may run twice. A node that is away is waited for, as long as its pod stands.
 * Throws `drill-pod-lost`, `drill-disk-full`; `drill-etcd-failed` for a command that ends with an error.
 */
export async function runInPod(
  world: CourseWorld,
  ref: ObjectRef,
  { argv, ...options }: { readonly argv: readonly string[] } & ExecOptions,
): Promise<Buffer> {
  const { cluster } = world;
  const container = { ...ref, container: etcdContainer };
  const isAway = (error: unknown): error is ActionError =>
    hasCode(error, "exec-failed", "exec-interrupted", "cluster-unreachable");
  const patience = { pod: ref.name, podPatienceMs: limits.podPatienceMs };
  const result = await persistInPod(world, patience, async () => {
    try {
      return await cluster.exec(container, argv, options);
    } catch (error) {
      if (isAway(error)) refuseLost(ref, await cluster.findPod(ref));
      throw error;
    }
  }).catch((error: unknown): never => {
    if (!isAway(error)) throw error;
    throw new ActionError("drill-pod-lost", `pod ${ref.name} in ${ref.namespace} does not answer: ${error.message}`, {
      hint: "look whether its node is well; the pod ends by itself, then run again",
      cause: error,
    });
  });
  if (result.exitCode === 0) return result.stdout;
  throw new ActionError(
    "drill-etcd-failed",
    `the command ${argv[3] ?? ""} in pod ${ref.name} ended with ${String(result.exitCode)}`,
    { hint: `look at kubectl logs ${ref.name} -c ${etcdContainer} -n ${ref.namespace}, and run again` },
  );
}

/** Waits until etcd answers that was restored by `script`. Throws what its course ends with, and what `watch` throws. */
export async function waitForAnswers(world: CourseWorld, ref: ObjectRef, script: RestoreScript): Promise<Times> {
  const { clock, log, signal, told } = world;
  let watchedMs = clock.nowMs();
  for (;;) {
    const output = await runInPod(world, ref, { argv: lookCommand(), timeoutMs: limits.execTimeoutMs });
    const steps = parseProgress(output.toString("utf8"));
    for (const step of steps.slice(told.steps)) if (step.step !== "failed") log.info(describeStep(step));
    told.steps = steps.length;
    const failed = steps.find((step) => step.step === "failed");
    if (failed !== undefined) throw describeFailure(ref, failed.failure);
    const times = findTimes(steps, script);
    if (times !== undefined) return times;
    if (clock.nowMs() - watchedMs >= limits.drillLookMs) {
      await world.watch();
      watchedMs = clock.nowMs();
    }
    await clock.sleep(limits.drillPollMs, signal);
  }
}

function findTimes(steps: readonly Progress[], script: RestoreScript): Times | undefined {
  const at = (wanted: Progress["step"]): number | undefined =>
    steps.find((step) => step.step === wanted && (!("script" in step) || step.script === script))?.atMs;
  const firstRestore = steps.find(({ step }) => step === "restoring")?.atMs;
  const [fetching, restoring, starting, answers] = [at("fetching"), at("restoring"), at("starting"), at("answers")];
  if (
    fetching === undefined ||
    firstRestore === undefined ||
    restoring === undefined ||
    starting === undefined ||
    answers === undefined
  )
    return undefined;
  return {
    fetched: (firstRestore - fetching) / 1000,
    restored: (starting - restoring) / 1000,
    answers: (answers - starting) / 1000,
  };
}

function describeStep(step: Exclude<Progress, { readonly step: "failed" }>): string {
  switch (step.step) {
    case "ready":
      return "the pod waits for the URL";
    case "fetching":
      return "it fetches the snapshot";
    case "restoring":
      return `it restores the snapshot (${step.script})`;
    case "starting":
      return "it starts etcd on what was restored";
    case "answers":
      return "etcd answers";
  }
}

/** Source of the numbers: EXIT CODES in curl's manual. */
const curlCodes = {
  untrusted: [35, 51, 60, 77, 83, 90, 91],
  full: [23, 27],
} as const;

function describeFailure({ namespace, name }: ObjectRef, failure: CourseFailure): ActionError {
  const inPod = `in pod ${name} of ${namespace}`;
  const full = (doing: string): ActionError =>
    new ActionError("drill-disk-full", `the disk was full ${doing} ${inPod}`, {
      hint: "give the nodes that may run it more ephemeral storage; a drill needs twice the snapshot and 1 GiB",
    });
  switch (failure.kind) {
    case "delivery":
      return new ActionError("drill-pod-lost", `nothing came into the memory ${inPod} within five minutes`, {
        hint: "look at the connection of this runner to the API server, and run again",
      });
    case "curl":
      return describeCurl(failure.exitCode, inPod, full);
    case "http":
      return new ActionError(
        "drill-url-refused",
        `the store answered curl ${inPod} with ${String(failure.status)}${failure.expired ? ": the signed URL has expired" : ""}`,
        {
          hint: failure.expired
            ? "compare the clocks of runner, node and store; the URL is as long valid as drill-timeout"
            : "the URL works from this runner: look for a policy of the bucket that looks at addresses, and a proxy before the store",
        },
      );
    case "restore":
      if (/no space left/i.test(failure.text)) return full("while the snapshot was restored");
      return new ActionError("drill-restore-failed", `the snapshot was not restored ${inPod}: ${failure.text}`, {
        hint: "a restore would end the same way, and say it in the init container's log only: take another snapshot, and find out what damaged this one",
      });
    case "etcd":
      if (/no space left/i.test(failure.text)) return full("while etcd started");
      return new ActionError("drill-etcd-failed", `etcd ended on what was restored ${inPod}: ${failure.text}`, {
        hint: "take another snapshot, and look at the log of etcd in the living cluster",
      });
  }
}

function describeCurl(exitCode: number, inPod: string, full: (doing: string) => ActionError): ActionError {
  const code = `curl ended with ${String(exitCode)}`;
  if (curlCodes.full.some((known) => known === exitCode)) return full("while the snapshot was fetched");
  if (curlCodes.untrusted.some((known) => known === exitCode))
    return new ActionError("drill-url-untrusted", `the store's certificate is not trusted ${inPod} (${code})`, {
      hint: "HyperShift's init container has the image's own authorities and no others: give the store a certificate of a public one",
    });
  return new ActionError("drill-url-unreachable", `the store was not reached ${inPod}, or not to the end (${code})`, {
    hint: "a restore would hang in the same place: look at DNS, routes and egress policies of the nodes; it uses no proxy",
  });
}
