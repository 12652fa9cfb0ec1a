import { onTestFinished } from "vitest";
import { createSnapshotStore } from "../../src/adapters/s3/snapshot-store.ts";
import type { StoreSettings } from "../../src/adapters/s3/client.ts";
import { realClock } from "./snapshot-store-contract.ts";

type World = Omit<Parameters<typeof createSnapshotStore>[1], "clock">;

/** Of a bucket `backups` behind `endpoint`, whose server asks for no key in particular. */
export function storeSettings(
  endpoint: string,
  changes: Partial<StoreSettings> & Pick<StoreSettings, "limits">,
): StoreSettings {
  const credentials = { accessKeyId: "AKID", secretAccessKey: "s3cret" };
  return { bucket: "backups", endpoint, forcePathStyle: true, credentials, checksums: "auto", ...changes };
}

/** The store of these settings until its test has finished; the environment is empty where none is given. */
export function openDuringTest(settings: StoreSettings, world: World = {}): ReturnType<typeof createSnapshotStore> {
  const store = createSnapshotStore(settings, { clock: realClock, environment: {}, ...world });
  onTestFinished(() => {
    store.close();
  });
  return store;
}
