import { ActionError } from "../errors.ts";
import { inspectionCommand, parseInspection, type MemberReport } from "../etcd/member-client.ts";
import type { Pod } from "../hypershift/workload.ts";
import { renderBytes } from "../snapshot/byte-size.ts";
import { limits } from "../time-limits.ts";
import { deniedAccess, execAccesses } from "./access.ts";
import { execAgain } from "./exec-again.ts";
import type { Findings } from "./findings.ts";
import type { BackupWorld } from "./world.ts";

const gibibyte = 1024 ** 3;

/** Reports of all etcd members whose container answers; what is wrong with the others becomes a finding. */
export async function readMembers(
  namespace: string,
  world: BackupWorld,
  findings: Findings,
): Promise<readonly MemberReport[]> {
  const { cluster } = world;
  const statefulSet = await findings.collect(() => cluster.findStatefulSet({ namespace, name: "etcd" }));
  if (statefulSet === undefined) {
    if (findings.none) findings.add(unhealthy(`there is no StatefulSet etcd in namespace ${namespace}`));
    return [];
  }
  const pods = await findings.collect(() => cluster.listPods(namespace, statefulSet.matchLabels));
  if (pods === undefined) return [];
  const names = Array.from({ length: statefulSet.replicas }, (_, index) => `etcd-${String(index)}`);
  const denied = await cluster.findDeniedAccesses(names.flatMap((name) => execAccesses(namespace, name)));
  for (const access of denied) findings.add(deniedAccess(access));
  if (denied.length > 0) return [];
  const reports = await Promise.all(names.map((name) => readMember(namespace, name, pods, world, findings)));
  const found = reports.filter((report) => report !== undefined);
  checkMembership(found, names.length, findings);
  checkAlarms(found, findings);
  return found;
}

/** The member to capture: one without an alarm and with enough space, the leader only when there is no other. */
export function chooseMember(members: readonly MemberReport[], findings: Findings): MemberReport | undefined {
  const roomy = members.filter((member) => member.volume.freeBytes >= neededBytes(member));
  const alarmed = new Set(members.flatMap(({ alarms }) => alarms.map(({ memberId }) => memberId)));
  const rank = ({ id, leader }: MemberReport): number => 2 * Number(alarmed.has(id)) + Number(leader);
  const [chosen] = roomy.toSorted((a, b) => rank(a) - rank(b));
  const [first] = members;
  if (first === undefined) {
    if (findings.none) findings.add(unhealthy("there is no etcd member that can be captured"));
  } else if (chosen === undefined) findings.add(spaceMissing(first, first.volume.freeBytes));
  return chosen;
}

/** The database, and room for what etcd writes meanwhile. */
export function neededBytes(member: MemberReport): number {
  return member.dbSizeBytes + reservedBytes(member);
}

/** What must stay free beside the snapshot. */
export function reservedBytes(member: MemberReport): number {
  return Math.max(gibibyte, Math.ceil(member.volume.sizeBytes / 10));
}

export function spaceMissing(member: MemberReport, freeBytes: number): ActionError {
  return new ActionError(
    "space-missing",
    `the volume of ${member.pod} has ${renderBytes(freeBytes)} free; a snapshot of ${renderBytes(member.dbSizeBytes)} needs ${renderBytes(neededBytes(member))}`,
    { hint: "a full volume takes etcd down: defragment etcd, or give it a larger volume" },
  );
}

async function readMember(
  namespace: string,
  name: string,
  pods: readonly Pod[],
  world: BackupWorld,
  findings: Findings,
): Promise<MemberReport | undefined> {
  const pod = pods.find((candidate) => candidate.name === name);
  if (pod?.ready !== true || pod.terminating) {
    findings.addHealth(
      unhealthy(`etcd member ${name} in ${namespace} is ${pod === undefined ? "missing" : "not ready"}`),
    );
    return undefined;
  }
  return findings.collect(async () => {
    const container = { namespace, name, container: "etcd" };
    const result = await execAgain(container, inspectionCommand(), { timeoutMs: limits.execTimeoutMs }, world);
    const report = parseInspection(name, result.stdout.toString());
    if (report.learner) throw unhealthy(`etcd member ${name} is a learner, or not a member of its own cluster`);
    return report;
  });
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
  // One that was split off counts itself alone.
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
