import type { Catalogue } from "../snapshots/catalogue.ts";
import { runNameOf } from "../snapshots/location.ts";
import { listToRemove, planFor, removeRuns, renderPlan, type RetentionPlan } from "../snapshots/retention-run.ts";
import type { RetentionPolicy } from "../snapshots/retention.ts";
import { limits } from "../time-limits.ts";
import { tryCatalogue, tryWithin, type AfterRecordWorld, type OwnRun } from "./history.ts";
import type { BackupRequest, Note } from "./world.ts";

interface RetentionTerms {
  readonly plan: OwnRun;
  /** Undefined where it could not be read. */
  readonly catalogue: Catalogue | undefined;
  /** Undefined where nothing is ever removed. */
  readonly policy: RetentionPolicy | undefined;
  readonly note: Note;
}

/**
 * Removes the recorded and proven snapshots of this cluster that no rule keeps; the plan is printed first. Where anything about
 * the folder is not clear, nothing is removed. What cannot be removed is a warning: the backup is there all the same.
 */
export async function retain(
  world: AfterRecordWorld,
  { plan, note, catalogue, policy }: RetentionTerms,
): Promise<void> {
  if (policy === undefined || catalogue === undefined) return;
  const planned = planOf(plan, catalogue, policy);
  await world.log.group("Retention: remove what no rule keeps", () => removePlanned(world, planned, note));
}

/** `plan`: or why there is none. */
async function removePlanned(world: AfterRecordWorld, plan: RetentionPlan | string, note: Note): Promise<void> {
  const { log } = world;
  if (typeof plan === "string") {
    log.warning(`retention removes nothing: ${plan}`);
    note({ retention: [`nothing was removed: ${plan}`] });
    return;
  }
  for (const line of renderPlan(plan)) log.info(line);
  const wanted = listToRemove(plan);
  const consequence = "retention did not end; the next backup goes on with it";
  const gone = await tryWithin(world, { ms: limits.retentionMs, consequence }, (store) =>
    removeRuns({ store, log }, wanted),
  );
  const kept = plan.decisions.filter(({ reasons }) => reasons.length > 0).length;
  const outcome = gone === undefined ? "" : `, ${String(gone.length)} of ${String(wanted.length)} removed`;
  note({ retention: [`${String(kept)} kept${outcome}`, ...(gone ?? []).map((name) => `removed ${name}`)] });
}

/** What retention would do after this backup, as a row of the plan of a dry run; none without a policy. */
export async function tellRetention(
  world: AfterRecordWorld,
  { request, plan }: { readonly request: BackupRequest; readonly plan: OwnRun },
): Promise<readonly (readonly [string, string])[]> {
  if (request.retention === undefined) return [];
  const catalogue = await tryCatalogue(world, plan);
  if (catalogue === undefined)
    return [["Retention", "the folder of the cluster could not be read: nothing would be removed"]];
  const planned = planOf(plan, catalogue, request.retention, plan.run.acquired);
  const lines = typeof planned === "string" ? [`nothing would be removed: ${planned}`] : renderPlan(planned);
  for (const line of lines) world.log.info(line);
  return [["Retention", [...lines, untried].join("\n")]];
}

/** As planFor, for the backup of `run`; `plannedAt` is set where it is only planned. */
function planOf(
  { run, hostedCluster: { clusterID } }: OwnRun,
  catalogue: Catalogue,
  policy: RetentionPolicy,
  plannedAt?: Date,
): RetentionPlan | string {
  if (clusterID === undefined) return "the HostedCluster has no clusterID, by which its snapshots are known";
  const own = { runName: runNameOf(run), clusterID };
  return planFor(catalogue, policy, plannedAt === undefined ? own : { ...own, plannedAt });
}

/** A DELETE of nothing leaves a marker in a bucket with versions, and a dry run changes nothing. */
const untried = "whether the store lets this account delete is not tried: only a removal can tell";
