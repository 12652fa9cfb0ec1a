import { expect, test } from "vitest";
import { assertDrillAllowed } from "../../../src/drill/living-cluster.ts";
import type { Access } from "../../../src/ports.ts";
import { rejectedError } from "../restore/expectations.ts";

const ref = { namespace: "clusters", name: "example" };

/** A look at the rights of a user who lacks those for which `isDenied` is true. */
function lacking(isDenied: (access: Access) => boolean, namespace = "etcd-restore-drill"): Promise<void> {
  const findDeniedAccesses = (accesses: readonly Access[]) => Promise.resolve(accesses.filter(isDenied));
  return assertDrillAllowed({ findDeniedAccesses }, ref, namespace);
}

test("a hosted cluster of which nothing may be read has probably another name", async () => {
  const error = await rejectedError(lacking(({ namespace }) => namespace !== "etcd-restore-drill"));
  expect(error.message).toContain("its name or namespace is probably wrong");
  expect(error.hint).toContain("ServiceAccount etcd-drill");
});

test("rights in the namespace for drills are asked for together, with the ServiceAccount that has them", async () => {
  const error = await rejectedError(lacking(({ namespace }) => namespace === "drills", "drills"));
  expect(error.message.match(/^- this user may not /gm)).toHaveLength(5);
  expect(error.hint).toMatch(/ServiceAccount etcd-drill: .*; first put drills in place of etcd-restore-drill/);
  await expect(lacking(() => false)).resolves.toBeUndefined();
});
