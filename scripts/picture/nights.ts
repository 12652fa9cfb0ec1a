import { ageRecipient } from "../../__tests__/world/sealing.ts";
import { startWorld } from "../../__tests__/world/world.ts";

const nights = 12;
const dayMs = 86_400_000;

/** The summary of the last of twelve nightly backups, as HTML; all but the last are online. */
export async function backUpNightly(entry: string): Promise<string> {
  const world = await startWorld({ entry });
  try {
    const [etcd] = world.cluster.etcd;
    for (let night = 1; ; night += 1) {
      for (let index = 0; index < (night === 1 ? 600 : 15 + 9 * (night % 5)); index += 1)
        await etcd.client.put(`/kubernetes.io/events/default/${String(night)}-${String(index)}`, "x".repeat(2_000));
      const inputs = {
        // The token of the night before is over.
        kubeconfig: await world.cluster.kubeconfig(),
        "keep-daily": "7",
        "key-recipients": ageRecipient,
        presign: "false",
        quiesce: String(night === nights),
      };
      const result = await world.run(world.backupInputs(inputs));
      if (result.outcome !== "success") throw new Error(result.log);
      if (night === nights) return result.summary;
      world.cluster.clock.advance(dayMs);
      world.store.clockOffsetMs += dayMs;
    }
  } finally {
    await world.close();
  }
}
