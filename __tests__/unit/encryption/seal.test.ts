import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { armor, generateHybridIdentity, generateX25519Identity, identityToRecipient } from "age-encryption";
import { describe, expect, onTestFinished, test } from "vitest";
import { assertSealable, openSealed, seal } from "../../../src/encryption/seal.ts";
import { ActionError } from "../../../src/errors.ts";

const identity = await generateX25519Identity();
const other = await generateX25519Identity();
const hybridIdentity = await generateHybridIdentity();
const recipient = await identityToRecipient(identity);
const plain = Buffer.from("every key of a cluster\n");

describe("what is sealed", () => {
  test.each([
    ["X25519", identity],
    ["a post-quantum hybrid", hybridIdentity],
  ])("to %s is opened by its identity", async (_, key) => {
    const sealed = await seal(plain, [await identityToRecipient(key)]);
    expect(sealed.includes(plain)).toBe(false);
    expect(await openSealed(sealed, [key])).toEqual({ plain });
  });

  test("to several is opened by each of them, and with the wrong ones beside it", async () => {
    const sealed = await seal(plain, [recipient, await identityToRecipient(other)]);
    expect(await openSealed(sealed, [other])).toEqual({ plain });
    expect(await openSealed(sealed, [hybridIdentity, identity])).toEqual({ plain });
  });

  test("is locked to everybody else", async () => {
    const sealed = await seal(plain, [recipient]);
    expect(await openSealed(sealed, [other, hybridIdentity])).toEqual({ problem: "locked" });
  });

  test("and damaged is never opened: a bit at each place of it", async () => {
    const sealed = await seal(plain, [recipient]);
    const results = await Promise.all(
      Array.from({ length: sealed.length }, (_, at) => {
        const damaged = Buffer.from(sealed);
        damaged[at] = (damaged[at] ?? 0) ^ 1;
        return openSealed(damaged, [identity]);
      }),
    );
    expect(results.filter((result) => "plain" in result)).toEqual([]);
    expect(results.filter((result) => "problem" in result && result.problem === "damaged").length).toBeGreaterThan(50);
  });

  test.each([
    ["cut", (sealed: Buffer) => sealed.subarray(0, -1)],
    ["cut in its header", (sealed: Buffer) => sealed.subarray(0, 30)],
    ["longer", (sealed: Buffer) => Buffer.concat([sealed, Buffer.from("x")])],
    ["empty", () => Buffer.alloc(0)],
    ["in text, which the action never writes", (sealed: Buffer) => Buffer.from(armor.encode(sealed))],
    ["another file", () => Buffer.from('{"schemaVersion": 1}')],
  ])("%s is damaged", async (_, change) => {
    expect(await openSealed(change(await seal(plain, [recipient])), [identity])).toEqual({ problem: "damaged" });
  });
});

test("a well-formed recipient that no key can be agreed on with is refused without a word of the package", async () => {
  // The point of order one: its checksum is right, and every secret shared with it is zero.
  const weak = "age1qqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqq5cu47z";
  const failure = await assertSealable([recipient, weak]).catch((error: unknown) => error);
  expect(failure).toMatchObject({ code: "input-invalid" });
  expect(failure instanceof ActionError && failure.cause).toBeUndefined();
  await expect(assertSealable([recipient])).resolves.toBeUndefined();
  await expect(assertSealable([])).resolves.toBeUndefined();
});

const age = spawnSync("age", ["--version"]).status === 0;

describe.skipIf(!age)("beside the program age, which is not on every machine", () => {
  function folder(): string {
    const path = mkdtempSync(join(tmpdir(), "age-"));
    onTestFinished(() => {
      rmSync(path, { recursive: true });
    });
    writeFileSync(join(path, "identity.txt"), `${identity}\n`, { mode: 0o600 });
    return path;
  }

  test("age opens what the action seals", async () => {
    const path = folder();
    writeFileSync(join(path, "sealed.age"), await seal(plain, [recipient]));
    expect(execFileSync("age", ["-d", "-i", "identity.txt", "sealed.age"], { cwd: path })).toEqual(plain);
  });

  test("the action opens what age seals, as after a change of recipients", async () => {
    const sealed = execFileSync("age", ["-r", recipient], { input: plain });
    expect(await openSealed(sealed, [identity])).toEqual({ plain });
  });

  test("age-keygen makes identities that the action takes", async () => {
    const file = execFileSync("age-keygen", { stdio: ["ignore", "pipe", "ignore"] }).toString();
    const made = /^AGE-SECRET-KEY-.*$/m.exec(file)?.[0] ?? "";
    const given = /public key: (age1.*)$/m.exec(file)?.[1] ?? "";
    expect(await openSealed(await seal(plain, [given]), [made])).toEqual({ plain });
  });
});
