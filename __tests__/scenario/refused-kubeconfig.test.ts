import { existsSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { parse, stringify } from "yaml";
import { at } from "../../src/json-path.ts";
import type { World } from "../world/world.ts";
import { expectRefusal, inProcesses } from "./refusal.ts";
import { shareScenario } from "./scenario.ts";

const scenario = shareScenario();

/** The world's kubeconfig with other fields in its only cluster, its only user, or itself; `undefined` takes one away. */
function kubeconfigWith(world: World, part: "cluster" | "user" | "top", fields: object): string {
  const kubeconfig: unknown = parse(world.backupInputs()["kubeconfig"] ?? "");
  const place = part === "top" ? kubeconfig : at(kubeconfig, `${part}s`, 0, part);
  Object.assign(place ?? {}, fields);
  return stringify(kubeconfig);
}

function canary(world: World): string {
  return join(world.workspace, "canary");
}

test.each<readonly [field: string, fields: (world: World) => object]>([
  ["cluster.server", ({ cluster }) => ({ server: cluster.url.replace("https:", "http:") })],
  ["cluster.insecure-skip-tls-verify", () => ({ "insecure-skip-tls-verify": true })],
  ["cluster.certificate-authority", () => ({ "certificate-authority": "store-ca.pem" })],
  ["cluster.proxy-url", () => ({ "proxy-url": "ftp://localhost:21" })],
  [
    "user.exec",
    (world) => ({ exec: { apiVersion: "client.authentication.k8s.io/v1", command: "touch", args: [canary(world)] } }),
  ],
  [
    "user.auth-provider",
    (world) => ({ "auth-provider": { name: "gcp", config: { "cmd-path": "touch", "cmd-args": canary(world) } } }),
  ],
  ["user.tokenFile", () => ({ tokenFile: "token" })],
  ["user.client-certificate", () => ({ "client-certificate": "client.pem" })],
  ["user.client-key", () => ({ "client-key": "client.key" })],
  ["user.username", () => ({ username: "admin" })],
  ["user.password", () => ({ password: "hunter2hunter2" })],
  ["user.as", () => ({ as: "system:admin" })],
])("A kubeconfig with %s is refused by the field's name, and nothing of it runs", async (field, fields) => {
  const world = scenario();
  const kubeconfig = kubeconfigWith(world, field.startsWith("user.") ? "user" : "cluster", fields(world));
  await expectRefusal(
    world,
    world.backupInputs({ kubeconfig }),
    { code: "kubeconfig-refused", names: field, contact: "nothing" },
    ["user.exec", "user.auth-provider"].includes(field) ? inProcesses : undefined,
  );
  expect(existsSync(canary(world))).toBe(false);
});

test.each<readonly [what: string, kubeconfig: (world: World) => string]>([
  ["is no YAML", () => "clusters: [\n  token: abcdefgh"],
  ["is base64 of no YAML", () => Buffer.from("clusters: [\n  token: abcdefghijklmnopqrstuvwxyz").toString("base64")],
  ["is a text", () => "management"],
  ["has no current context", (world) => kubeconfigWith(world, "top", { "current-context": undefined })],
  ["has another context", (world) => kubeconfigWith(world, "top", { "current-context": "production" })],
  ["has no credentials", (world) => kubeconfigWith(world, "user", { token: undefined })],
])("A kubeconfig that %s is refused, without a word of it", async (_, kubeconfig) => {
  const world = scenario();
  await expectRefusal(world, world.backupInputs({ kubeconfig: kubeconfig(world) }), {
    code: "kubeconfig-invalid",
    names: "kubeconfig",
    contact: "nothing",
  });
});

test("A token that ends before the backup is sure to be over is refused", async () => {
  const world = scenario();
  const kubeconfig = await world.cluster.kubeconfig({ lifetimeMs: 20 * 60_000 });
  await expectRefusal(world, world.backupInputs({ kubeconfig }), { code: "kubeconfig-expires", contact: "reads" });
});
