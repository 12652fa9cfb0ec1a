import { expect, test } from "vitest";
import { createClock } from "../../../src/adapters/clock.ts";
import { PartStream } from "../../../src/pod/part-stream.ts";
import { partEnd } from "../../../src/pod/part.ts";
import type { Clock, ManagementCluster } from "../../../src/ports.ts";

test("A pod that prints for ever behind the last part is not listened to for ever", async () => {
  const part = { index: 0, offset: 0, lengthBytes: 4 };
  const ended = Promise.withResolvers<string>();
  const exec: ManagementCluster["exec"] = async (_pod, _argv, { onStdout }) => {
    try {
      await onStdout?.(Buffer.concat([Buffer.from("data"), partEnd(part), Buffer.from("more")]));
      for (;;) await onStdout?.(Buffer.from("and more"));
    } catch (error) {
      ended.resolve("the command was ended");
      throw error;
    }
  };
  const real = createClock();
  const clock: Clock = { ...real, sleep: (_ms, signal) => real.sleep(1, signal) };
  const container = { namespace: "a", name: "etcd-0", container: "etcd" };
  const stream = new PartStream({ cluster: { exec }, clock }, { container, file: "/var/lib/a.db" });
  expect((await stream.read(part, Buffer.alloc(4), () => undefined)).toString()).toBe("data");
  await stream.close();
  expect(await ended.promise).toBe("the command was ended");
});
