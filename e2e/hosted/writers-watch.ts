import { isDeploymentReady, OutageNotes, type ApiOutage } from "../../__tests__/scenario/api-outage.ts";
import { writerNames } from "../../src/hypershift/hosted-cluster.ts";
import { numberAt } from "../../src/json-path.ts";
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
  const notes = new OutageNotes();
  const look = async (): Promise<void> => {
    const writers = await Promise.all(writerNames.map((name) => admin.find("Deployment", controlPlaneNamespace, name)));
    notes.note(Date.now(), {
      areWanted: writers.every((writer) => (numberAt(writer, "spec", "replicas") ?? 0) >= members),
      areReady: () => writers.every((writer) => isDeploymentReady(writer, members)),
    });
  };
  const ended = new AbortController();
  const watching = (async () => {
    while (!ended.signal.aborted) {
      await look().catch(() => undefined);
      await new Promise((resolve) => setTimeout(resolve, lookEveryMs));
    }
  })();
  return {
    seen: () => notes.seen,
    end: async () => {
      ended.abort();
      await watching;
      await look();
      return notes.seen;
    },
  };
}
