import type { SnapshotStore } from "../../src/ports.ts";
import { describeStorePort } from "../adapters/snapshot-store-contract.ts";
import { MemoryBucket } from "../world/memory-world/bucket.ts";
import { Machine } from "../world/memory-world/machine.ts";
import { createMemoryStore } from "../world/memory-world/store-port.ts";
import { Timeline } from "../world/memory-world/timeline.ts";
import { Wire } from "../world/memory-world/wire.ts";
import { playEach } from "./playing.ts";

const timeline = new Timeline(Date.now());
const wire = new Wire(
  timeline,
  () => undefined,
  () => 8,
);
const store = createMemoryStore(new MemoryBucket(timeline), wire, new Machine(timeline));

/** Each call with the time that it needs, one after the other. */
function playing(): SnapshotStore {
  const play = playEach(timeline);
  return {
    ...store,
    findObject: (...args) => play(() => store.findObject(...args)),
    putNewObject: (...args) => play(() => store.putNewObject(...args)),
    startUpload: (...args) => play(() => store.startUpload(...args)),
    uploadPart: (...args) => play(() => store.uploadPart(...args)),
    completeUpload: (...args) => play(() => store.completeUpload(...args)),
    rehearseCompletion: (...args) => play(() => store.rehearseCompletion(...args)),
    abortUpload: (...args) => play(() => store.abortUpload(...args)),
    listObjects: (...args) => play(() => store.listObjects(...args)),
    listUploads: (...args) => play(() => store.listUploads(...args)),
    deleteObject: (...args) => play(() => store.deleteObject(...args)),
    async *readObject(...args) {
      const chunks: Uint8Array[] = [];
      await play(async () => {
        for await (const chunk of store.readObject(...args)) chunks.push(chunk);
      });
      yield* chunks;
    },
  };
}

describeStorePort("the world in memory", playing);
