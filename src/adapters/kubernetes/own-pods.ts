import {
  V1DeleteOptions,
  V1ObjectMeta,
  V1Pod,
  V1PodSpec,
  V1Preconditions,
  type CoreV1Api,
} from "@kubernetes/client-node";
import { ActionError } from "../../errors.ts";
import { parseOwnPod } from "../../hypershift/workload.ts";
import { numberAt } from "../../json-path.ts";
import type { OwnPods, PodManifest } from "../../ports/own-pods.ts";
import { call, find, request } from "./calls.ts";
import { isAbsent } from "./errors.ts";
import { pathOf } from "./object-path.ts";

type Options = Parameters<CoreV1Api["createNamespacedPod"]>[1];

export function createOwnPods(core: CoreV1Api, options: Options): OwnPods {
  return {
    findPod: (ref) => find("pods", ref, parseOwnPod, (path) => core.readNamespacedPod(path, options)),
    createPod: (pod) =>
      call(
        { verb: "create", resource: "pods", namespace: pod.metadata.namespace, name: pod.metadata.name },
        parseOwnPod,
        ({ namespace }) =>
          core.createNamespacedPod({ namespace, body: toPod(pod), fieldValidation: "Strict" }, options),
      ),
    deletePod: async (ref, uid, gracePeriodSeconds) => {
      const asked = { verb: "delete", resource: "pods", ...ref };
      const path = pathOf(asked);
      const preconditions = Object.assign(new V1Preconditions(), { uid });
      const body = Object.assign(new V1DeleteOptions(), { preconditions, gracePeriodSeconds });
      try {
        await request(asked, () => core.deleteNamespacedPod({ ...path, body }, options));
      } catch (error) {
        // A pod of the same name with another uid is somebody else's.
        const isGone =
          error instanceof ActionError && (isAbsent(error.cause, ref.name) || numberAt(error.cause, "code") === 409);
        if (!isGone) throw error;
      }
    },
  };
}

function toPod({ metadata, spec }: PodManifest): V1Pod {
  return Object.assign(new V1Pod(), {
    apiVersion: "v1",
    kind: "Pod",
    metadata: Object.assign(new V1ObjectMeta(), metadata),
    spec: Object.assign(new V1PodSpec(), spec),
  });
}
