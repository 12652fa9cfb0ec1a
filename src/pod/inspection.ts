import type { ObjectRef } from "../ports.ts";
import { limits } from "../time-limits.ts";
import { execAgain, type ExecWorld } from "./exec-again.ts";
import { etcdContainer, inspectionCommand, parseInspection, type Member } from "./member.ts";

/** Asks the member in a pod for its report on itself. Throws as parseInspection and execAgain do. */
export async function inspectMember(pod: ObjectRef, world: ExecWorld): Promise<Member> {
  const options = { timeoutMs: limits.execTimeoutMs };
  const result = await execAgain(etcdContainer(pod), inspectionCommand(), options, world);
  return { ...parseInspection(pod.name, result.stdout.toString()), namespace: pod.namespace };
}
