import type { ApiOutage } from "../../__tests__/action/api-outage.ts";
import { writerNames } from "../../src/hypershift/hosted-cluster.ts";
import { numberAt } from "../../src/hypershift/json-path.ts";
import type { KubeClient } from "../cluster/kube-client.ts";

export interface WritersWatch {
  /** What was seen so far. */
  seen(): ApiOutage;
  /** Looks a last time; returns what was seen. */
  end(): Promise<ApiOutage>;
}

const lookEveryMs = 100;

/** Asks for the writers all the time; an API server that does not answer tells nothing. */
export function watchWriters(admin: KubeClient, controlPlaneNamespace: string, members: number): WritersWatch {
  let stoppedAtMs: number | undefined;
  let scaledUpAtMs: number | undefined;
  let readyAtMs: number | undefined;
  const look = async (): Promise<void> => {
    const writers = await Promise.all(writerNames.map((name) => admin.find("Deployment", controlPlaneNamespace, name)));
    const nowMs = Date.now();
    if (writers.some((writer) => (numberAt(writer, "spec", "replicas") ?? 0) < members)) {
      stoppedAtMs ??= nowMs;
      scaledUpAtMs = readyAtMs = undefined;
    } else if (stoppedAtMs !== undefined) {
      scaledUpAtMs ??= nowMs;
      const areReady = writers.every(
        (writer) =>
          (numberAt(writer, "status", "readyReplicas") ?? 0) >= members &&
          (numberAt(writer, "status", "observedGeneration") ?? 0) >= (numberAt(writer, "metadata", "generation") ?? 0),
      );
      if (areReady) readyAtMs ??= nowMs;
    }
  };
  const seen = (): ApiOutage => ({ stoppedAtMs, scaledUpAtMs, readyAtMs });
  const ended = new AbortController();
  const watching = (async () => {
    while (!ended.signal.aborted) {
      await look().catch(() => undefined);
      await new Promise((resolve) => setTimeout(resolve, lookEveryMs));
    }
  })();
  return {
    seen,
    end: async () => {
      ended.abort();
      await watching;
      await look();
      return seen();
    },
  };
}
