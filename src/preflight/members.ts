import { ActionError } from "../errors.ts";
import { inspectMember } from "../pod/inspection.ts";
import type { Member, MemberReport } from "../pod/member.ts";
import type { Pod } from "../hypershift/workload.ts";
import { memberNames } from "./access.ts";
import type { ExecWorld } from "../pod/exec-again.ts";
import { neededBytes, spaceMissing } from "../pod/space.ts";
import type { ManagementCluster, ObjectRef } from "../ports.ts";
import type { Findings } from "./findings.ts";

type MembersWorld = ExecWorld & {
  readonly cluster: Pick<ManagementCluster, "findStatefulSet" | "listPods">;
};

/** Reports of all etcd members whose container answers; what is wrong with the others becomes a finding. */
export async function readMembers(
  namespace: string,
  world: MembersWorld,
  findings: Findings,
): Promise<readonly Member[]> {
  const { cluster } = world;
  const statefulSet = await findings.collect(() => cluster.findStatefulSet({ namespace, name: "etcd" }));
  if (statefulSet === undefined) {
    if (findings.none) findings.add(unhealthy(`there is no StatefulSet etcd in namespace ${namespace}`));
    return [];
  }
  const pods = await findings.collect(() => cluster.listPods(namespace, statefulSet.matchLabels));
  if (pods === undefined) return [];
  const names = memberNames(statefulSet);
  const reports = await Promise.all(names.map((name) => readMember({ namespace, name }, { pods, world, findings })));
  const found = reports.filter((report) => report !== undefined);
  checkMembership(found, names.length, findings);
  checkAlarms(found, findings);
  return found;
}

/**
 * The members to capture, `one` or `all`: those without an alarm and with enough space, or of those that are healthy all. Of
 * one, the leader only where there is no other. Where there is none, that is a finding.
 */
export function chooseMembers<M extends MemberReport>(
  members: readonly M[],
  wanted: "one" | "all",
  findings: Findings,
): readonly M[] {
  const alarmed = new Set(members.flatMap(({ alarms }) => alarms.map(({ memberId }) => memberId)));
  const isRoomy = (member: M): boolean => member.volume.freeBytes >= neededBytes(member);
  const healthy = members.filter(({ id }) => !alarmed.has(id));
  if (wanted === "all" && healthy.length > 0) {
    for (const member of healthy) if (!isRoomy(member)) findings.add(spaceMissing(member, member.volume.freeBytes));
    return healthy;
  }
  const rank = ({ id, leader }: MemberReport): number => 2 * Number(alarmed.has(id)) + Number(leader);
  const [chosen] = members.filter(isRoomy).toSorted((a, b) => rank(a) - rank(b));
  const [first] = members;
  if (first === undefined) {
    if (findings.none) findings.add(unhealthy("there is no etcd member that can be captured"));
  } else if (chosen === undefined) findings.add(spaceMissing(first, first.volume.freeBytes));
  return chosen === undefined ? [] : [chosen];
}

async function readMember(
  { namespace, name }: ObjectRef,
  given: { readonly pods: readonly Pod[]; readonly world: MembersWorld; readonly findings: Findings },
): Promise<Member | undefined> {
  const { pods, world, findings } = given;
  const pod = pods.find((candidate) => candidate.name === name);
  if (pod?.ready !== true || pod.terminating) {
    findings.addHealth(
      unhealthy(`etcd member ${name} in ${namespace} is ${pod === undefined ? "missing" : "not ready"}`),
    );
    return undefined;
  }
  return findings.collect(() => inspectMember({ namespace, name }, world));
}

/** Members restored without names are clusters of one each that all look healthy (openshift/hypershift#9048). */
function checkMembership(members: readonly MemberReport[], replicas: number, findings: Findings): void {
  const [first] = members;
  if (first === undefined) return;
  const ids = new Set(members.map((member) => member.id));
  const clusters = new Set(members.map((member) => member.clusterId));
  if (ids.size < members.length || clusters.size > 1)
    findings.add(
      new ActionError(
        "etcd-unhealthy",
        "the etcd members are not one cluster: they share a member id, or differ in their cluster id",
        {
          hint: "this is a split brain; repair etcd before a snapshot of one half is taken for the whole",
        },
      ),
    );
  // A member that was split off counts itself alone.
  const memberCount = Math.max(first.memberCount, replicas);
  if (members.length * 2 <= memberCount)
    findings.add(
      unhealthy(`${String(members.length)} of ${String(memberCount)} etcd members answer, which is no quorum`),
    );
}

/** Each member tells the alarms of all. */
function checkAlarms(members: readonly MemberReport[], findings: Findings): void {
  for (const { memberId, name } of members.flatMap(({ alarms }) => alarms)) {
    const member = members.find(({ id }) => id === memberId)?.pod ?? memberId;
    findings.addHealth(unhealthy(`etcd member ${member} has the alarm ${name}`));
  }
}

function unhealthy(problem: string): ActionError {
  return new ActionError("etcd-unhealthy", problem, {
    hint: "look at the pod and at HyperShift's condition EtcdAvailable; run again when all members are ready",
  });
}
