import type { Switches } from "../world/management-cluster/switches.ts";
import type { World } from "../world/world.ts";
import { isPause, isScaleDown, scriptOf } from "../scenario/requests.ts";

export const crashMoments = ["hold", "stop", "capture", "transfer", "proof"] as const;
/** Where a backup is when something happens to it: always in the middle of a request, which has no effect yet. */
export type CrashMoment = (typeof crashMoments)[number];

/** What makes the moments last: a database of 2 MiB is saved in 2 s, and read back in as much. */
const slowness: Readonly<Record<CrashMoment, Partial<Switches>>> = {
  hold: {},
  stop: { drainMs: 800 },
  capture: { saveBytesPerSecond: 1024 ** 2 },
  transfer: {},
  proof: {},
};
const beforeSaveMs = 500;

/** Calls `strike` once, when the backup that is started next comes to that moment; what it returns ends the waiting. */
export function onMoment(world: World, moment: CrashMoment, strike: () => void): () => void {
  let struck = false;
  const once = (): void => {
    if (!struck) strike();
    struck = true;
  };
  const end = (): void => {
    struck = true;
  };
  const sinceMs = Date.now();
  world.cluster.set(slowness[moment]);
  switch (moment) {
    case "hold":
      return world.cluster.onRequest((request) => {
        if (isPause(request)) once();
      });
    case "stop":
      // The last of them all: the others are stopped, and their pods still end.
      return world.cluster.onRequest(() => {
        const since = world.cluster.requests.filter(({ at }) => at >= sinceMs);
        if (since.filter(isScaleDown).length === Object.keys(world.initial.replicas).length) once();
      });
    case "capture":
      // etcdctl asks, and etcd has not heard of it: the snapshot is not opened.
      world.cluster.set({
        beforeSave: async () => {
          once();
          await new Promise((resolve) => setTimeout(resolve, beforeSaveMs));
        },
      });
      return end;
    case "transfer":
      return world.cluster.onRequest(({ argv }) => {
        if (scriptOf(argv) === "part") once();
      });
    case "proof":
      world.store.faults.add({
        on: "GetObject",
        key: /\.db$/,
        times: "always",
        action: { kind: "slow-body", bytesPerSecond: 1024 ** 2 },
      });
      // Preflight asks for an object that is not there.
      void world.store
        .waitForRequest(
          ({ operation, key = "", startedMs }) =>
            operation === "GetObject" &&
            key.endsWith(".db") &&
            startedMs >= sinceMs &&
            world.objectKeys().includes(key),
        )
        .then(once);
      return end;
  }
}
