import type { Duplex } from "node:stream";
import type { WebSocket } from "ws";
import { listAt, stringAt } from "../../../src/json-path.ts";
import type { RunningEtcd } from "../etcd/etcd.ts";
import { Container } from "./container.ts";
import { runExec } from "./exec.ts";
import type { JsonObject } from "./json.ts";
import type { FaultPlan } from "./faults.ts";
import type { ObjectStore } from "./objects.ts";
import type { ApiRequest } from "./request.ts";
import { startSaveLine, type SaveManner } from "./save-line.ts";
import { ApiError, badRequest, notPlayed } from "./status.ts";
import type { Switches } from "./switches.ts";

/** The containers `etcd` of the etcd pods. */
export interface EtcdContainers {
  of(pod: string): Container;
  /** Throws ApiError for a pod or container that is not there; else returns what runs the command. */
  prepareExec(request: ApiRequest): (webSocket: WebSocket, socket: Duplex) => void;
  close(): void;
}

export async function startEtcdContainers(
  members: readonly RunningEtcd[],
  store: ObjectStore,
  faults: FaultPlan,
  switches: () => Switches,
): Promise<EtcdContainers> {
  const [first] = members;
  // Its end is a revision that etcd makes without any writer, as for an event whose time is over.
  const lease = await first?.client.leaseGrant(3600);
  if (lease !== undefined) await first?.client.put("/kubernetes.io/events/default/leased", "k8s\0Event", { lease });
  let leased = lease !== undefined;
  const manner: SaveManner = {
    bytesPerSecond: (sentBytes) => {
      const { saveBytesPerSecond } = switches();
      return typeof saveBytesPerSecond === "number" ? saveBytesPerSecond : saveBytesPerSecond(sentBytes);
    },
    before: async () => {
      if (switches().leaseEndsBeforeSave && leased && lease !== undefined) {
        leased = false;
        await first?.client.leaseRevoke(lease);
      }
      await switches().beforeSave?.();
    },
  };
  const byPod = new Map(
    await Promise.all(
      members.map(async (member) => {
        const container = await Container.create(member);
        return [member.name, { container, line: await startSaveLine(member.port, manner) }] as const;
      }),
    ),
  );
  const find = (pod: string): { readonly container: Container; readonly line: { readonly port: number } } => {
    const found = byPod.get(pod);
    if (!found) throw new ApiError(500, "InternalError", `pod ${pod} has no container that runs commands`);
    return found;
  };
  return {
    of: (pod) => find(pod).container,
    prepareExec: (request) => {
      const { namespace = "", name: pod = "", query } = request;
      const wanted = chooseContainer(store.get("pods", namespace, pod), query.get("container") ?? undefined);
      const argv = query.getAll("command");
      if (argv.length === 0) throw badRequest("you must specify at least 1 command for the container");
      if (wanted !== "etcd") throw new ApiError(500, "InternalError", `container ${wanted} runs no commands`);
      const { container, line } = find(pod);
      if (container.findUnmapped(argv) !== undefined)
        throw notPlayed("paths inside the text of a script: they are to be arguments of it");
      const wants = (stream: string): boolean => ["true", "1"].includes(query.get(stream) ?? "");
      return (webSocket, socket) => {
        const { volumeSizeBytes, volumeFull, saveBytesPerSecond, leaseEndsBeforeSave, beforeSave } = switches();
        const watched = saveBytesPerSecond !== Infinity || leaseEndsBeforeSave || beforeSave !== undefined;
        runExec(webSocket, socket, container, {
          argv,
          stdin: wants("stdin"),
          stdout: wants("stdout"),
          stderr: wants("stderr"),
          settings: { volumeSizeBytes, volumeFull, savePort: watched ? line.port : undefined },
          fault: faults.takeExecFault(argv),
        });
      };
    },
    close: () => {
      for (const { container, line } of byPod.values()) {
        container.close();
        line.close();
      }
    },
  };
}

/**
 * The container that a request means; throws ApiError 400. Source: validateContainer in kubernetes/kubernetes,
 * pkg/registry/core/pod/strategy.go.
 */
function chooseContainer(pod: JsonObject, named: string | undefined): string {
  const names = (field: string): readonly string[] =>
    listAt(pod, "spec", field).map((container) => stringAt(container, "name") ?? "");
  const podName = stringAt(pod, "metadata", "name") ?? "";
  const [first = "", ...others] = names("containers");
  if (named === undefined && others.length === 0) return first;
  const all = [...names("initContainers"), ...names("containers")];
  if (named === undefined)
    throw badRequest(`a container name must be specified for pod ${podName}, choose one of: [${all.join(" ")}]`);
  if (!all.includes(named)) throw badRequest(`container ${named} is not valid for pod ${podName}`);
  return named;
}
