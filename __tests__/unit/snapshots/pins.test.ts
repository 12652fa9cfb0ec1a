import { expect, test } from "vitest";
import { refuseOtherFolder, type Pins } from "../../../src/snapshots/pins.ts";

const hostedCluster = { namespace: "clusters", name: "other" };

test.each<[Pins, string]>([
  [{ prefix: "prod" }, '"prod/"'],
  [{ hostedCluster }, '"…/clusters/other/"'],
  [{ prefix: "prod", hostedCluster }, '"prod/clusters/other/"'],
])("a snapshot outside of %j is told with both folders", (pins, folder) => {
  const refuse = (): void => {
    refuseOtherFolder(pins, { bucket: "backups", key: "etcd/clusters/example/a.db" });
  };
  expect(refuse).toThrow(`lies in the folder "etcd/clusters/example/", outside of ${folder}`);
});
