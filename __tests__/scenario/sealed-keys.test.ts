import { readFileSync } from "node:fs";
import { generateX25519Identity, identityToRecipient } from "age-encryption";
import { describe, expect, test } from "vitest";
import { rulesFromYaml } from "../world/management-cluster/rbac.ts";
import { readSealed } from "../world/sealing.ts";
import { findObjectProblems, findUnsettled } from "../world/settled.ts";
import { runInProcess } from "./in-process.ts";
import { expectRefusal, inProcesses, titlesOf } from "./refusal.ts";
import { readRendered } from "../world/rendered.ts";
import { shareScenario, startScenario } from "./scenario.ts";

const identity = await generateX25519Identity();
const other = await generateX25519Identity();
const recipient = await identityToRecipient(identity);
/** As age-keygen writes it. */
const identityFile = `# created: 2026-11-24T12:00:00Z\n# public key: ${recipient}\n${identity}\n`;
const granted = rulesFromYaml(readFileSync(new URL("../../docs/rbac.yaml", import.meta.url), "utf8"));

test("A backup seals its keys, which an identity alone opens for a restore, and nothing of either is anywhere else", async () => {
  const world = await startScenario();
  const recipients = `# the vault\n${recipient}\n${await identityToRecipient(other)}\n`;
  const backup = await world.run(world.backupInputs({ "key-recipients": recipients }));
  expect([backup.outcome, titlesOf(backup)]).toEqual(["success", []]);
  const uri = backup.outputs["encryption-key-uri"] ?? "";
  expect(uri).toBe((backup.outputs["snapshot-uri"] ?? "").replace(/\.db$/, ".key.age"));
  expect(backup.summary).toContain(uri);
  expect(backup.log).not.toContain("save the key");
  const sealed = await world.store.readObject(world.bucket, uri.replace(`s3://${world.bucket}/`, ""));
  for (const key of [identity, other])
    expect((await readSealed(sealed, key)).encryptionKeys[0]?.bytes).toBe(world.cluster.aesKey.toString("base64"));
  expect(await findUnsettled(world, backup)).toEqual([]);

  const restoreInputs = world.restoreInputs(backup.outputs["snapshot-uri"] ?? "", {
    "encryption-key": "",
    "age-identity": identityFile,
  });
  const restore = await world.run(restoreInputs);
  expect([restore.outcome, titlesOf(restore)]).toEqual(["success", []]);
  expect((await readRendered(restore)).key).toEqual(world.cluster.aesKey);
  expect(restore.masks.map(({ value }) => value)).toEqual(
    expect.arrayContaining([identity, world.cluster.aesKey.toString("base64")]),
  );
  expect(await findUnsettled(world, restore)).toEqual([]);

  const proof = await world.run({ ...restoreInputs, mode: "verify", manifest: "" });
  expect([proof.outcome, titlesOf(proof)]).toEqual(["success", []]);
  expect(proof.log).toMatch(/values are encrypted; the keys opened [1-9]/);
  expect(await findUnsettled(world, proof)).toEqual([]);

  const wrong = await runInProcess(world, { ...restoreInputs, "age-identity": await generateX25519Identity() });
  expect([wrong.outcome, titlesOf(wrong)]).toEqual(["failure", ["age-identity-mismatch"]]);
  expect(await findUnsettled(world, wrong)).toEqual([]);
});

test("A signing key that may not be read is told, and kept out of nothing else", async () => {
  const world = await startScenario({
    cluster: { hostedClusterPatch: { spec: { serviceAccountSigningKey: { name: "example-signing-key" } } } },
  });
  world.cluster.setRules(granted);
  const result = await world.run(world.backupInputs({ "key-recipients": recipient, quiesce: "false" }));
  expect([result.outcome, titlesOf(result)]).toEqual(["success", []]);
  const warnings = result.annotations.filter(({ level }) => level === "warning").map(({ message }) => message);
  expect(warnings).toEqual([
    expect.stringMatching(
      /signing key of Secret example-signing-key will not be sealed: this user may not get secrets/,
    ),
  ]);
  expect(result.summary).toMatch(/<th>Signing key<\/th><td>not sealed: Secret example-signing-key/);
  const record = await world.readRecord(result.outputs["record-uri"] ?? "");
  expect(record.serviceAccountSigningKey).toEqual({ secretName: "example-signing-key" });
  expect(await findObjectProblems(world)).toEqual([]);
  expect(await findUnsettled(world, result)).toEqual([]);
});

describe("What is wrong in the lines of keys is told before anything is contacted", () => {
  const scenario = shareScenario();

  test.each<[string, string, string]>([
    ["no recipient", "nobody", "line 1 is not a recipient"],
    ["one of several wrong", `${recipient}\nage1wrong`, "line 2 is no whole recipient"],
    ["an SSH key", "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHsKLqeplhpW alice", "line 1 is an SSH key"],
    ["a file in place of a key", "keys/recipients.txt", "line 1 is the path of a file"],
    ["a variable that does not exist", `${recipient}\n\n${recipient}`, "line 2 is empty"],
    ["an identity", identity, "line 1 is a private identity, which must never be here"],
    ["the whole file of age-keygen", identityFile, "line 3 is a private identity"],
  ])("%s for key-recipients", async (_, text, names) => {
    const world = scenario();
    const inputs = world.backupInputs({ "key-recipients": text });
    const result = await expectRefusal(world, inputs, { code: "input-invalid", names, contact: "nothing" });
    expect(result.lines.filter(({ origin, shown = "" }) => origin !== "details" && shown.includes(identity))).toEqual(
      [],
    );
    if (text.includes(identity)) expect(result.masks.map(({ value }) => value)).toContain(identity);
  });

  test("a recipient that nothing can be sealed to, in a process of its own", async () => {
    const world = scenario();
    const weak = "age1qqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqq5cu47z";
    const inputs = world.backupInputs({ "key-recipients": weak });
    const refusal = { code: "input-invalid", names: "key-recipients", contact: "nothing" } as const;
    await expectRefusal(world, inputs, refusal, inProcesses);
  });

  test("a recipient for age-identity", async () => {
    const world = scenario();
    const inputs = world.restoreInputs("s3://backups/etcd/x.db", { "age-identity": recipient });
    await expectRefusal(world, inputs, {
      code: "input-invalid",
      names: "line 1 is a recipient, which only seals",
      contact: "nothing",
    });
  });
});
