import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ageIdentity, ageRecipient } from "../__tests__/world/sealing.ts";
import { applySecrets, expectNoPod, readDrill, renderPhases } from "./drilled.ts";
import { everyDrill, testDrill } from "./everything.ts";
import { viewEtcd } from "./hosted/etcdctl.ts";
import type { HostedCluster } from "./hosted/hosted-cluster.ts";
import { startScenario, type Scenario } from "./scenario.ts";

/** What a snapshot can be of. Each is restored plain and bumped; etcd 3.6 with one member, encrypted, is in drill.e2e.ts. */
const sources = [
  { etcd: "3.5", members: 3, encrypted: false },
  { etcd: "3.5", members: 1, encrypted: true },
  { etcd: "3.5", members: 1, encrypted: false },
  { etcd: "3.5", members: 3, encrypted: true },
  { etcd: "3.6", members: 1, encrypted: false },
  { etcd: "3.6", members: 3, encrypted: true },
  { etcd: "3.6", members: 3, encrypted: false },
] as const;

let shown = 0;

afterAll(() => {
  console.log(`${String(shown)} of the 14 kinds of restored snapshots here were shown; two more are in drill.e2e.ts`);
});

for (const [index, source] of sources.entries()) {
  const { etcd, members, encrypted } = source;
  const title = `A snapshot of etcd ${etcd} of ${String(members)} members, ${encrypted ? "encrypted" : "in clear"}`;
  testDrill(index === 0)(`${title}, is restored plain and bumped, and its Secrets are read`, async () => {
    const scenario = await startScenario(`drill-${String(index)}`);
    const hosted = await scenario.startHostedCluster(source);
    try {
      await scenario.applyRbac();
      await applySecrets(hosted, 3);
      const backup = await scenario.run(await scenario.backupInputs({ quiesce: "false" }));
      expect(backup.outcome).toBe("success");
      const key = encrypted ? { "encryption-key": hosted.encryptionKey.toString("base64") } : {};
      const result = await scenario.run(await scenario.drillInputs({ ...key, "drill-scripts": "both" }));
      expect(result.outcome).toBe("success");
      const record = await readDrill(scenario, result);
      expect(record).toMatchObject({
        snapshot: { uri: backup.outputs["snapshot-uri"] },
        scripts: ["bumped", "plain"],
        secrets: { shown: true, read: 3, resources: ["secrets"] },
      });
      console.log(`${title}: ${renderPhases(record)}`);
      await expectNoPod(scenario);
      shown += record?.scripts.length ?? 0;
    } finally {
      await hosted.end();
      await scenario.close();
    }
  });
}

/** For docs/performance.md: a busy machine makes each figure worse. */
describe.runIf(everyDrill)("The time that a restore takes", () => {
  let scenario: Scenario;
  let hosted: HostedCluster;
  let filled = 0;

  beforeAll(async () => {
    scenario = await startScenario("drill-sizes");
    hosted = await scenario.startHostedCluster({ etcd: "3.6", members: 1 });
    await scenario.applyRbac();
    await applySecrets(hosted, 30);
  });

  afterAll(async () => {
    // Its volume is memory.
    await hosted.close();
    await scenario.close();
  });

  test.each([64, 512, 2048])("of %d MiB", async (mebibytes) => {
    const view = await viewEtcd(scenario.layout, hosted);
    await view.fill(mebibytes - filled, filled);
    await view.close();
    filled = mebibytes;
    const backup = await scenario.run(
      await scenario.backupInputs({ quiesce: "false", "key-recipients": ageRecipient }),
    );
    expect(backup.outcome).toBe("success");
    expect(Number(backup.outputs["snapshot-size-bytes"])).toBeGreaterThan(mebibytes * 1024 ** 2);
    const result = await scenario.run(await scenario.drillInputs({ "age-identity": ageIdentity }));
    expect(result.outcome).toBe("success");
    const record = await readDrill(scenario, result);
    expect(record?.secrets).toMatchObject({ shown: true, read: 20 });
    console.log(renderPhases(record));
    await expectNoPod(scenario);
  });
});
