import { generateHybridIdentity, identityToRecipient } from "age-encryption";
import { describe, expect, test } from "vitest";
import { parseRecord, type SnapshotRecord } from "../../../src/snapshots/record.ts";
import { createRecoverStep, runRecover } from "../../world/memory-world/recover-step.ts";
import { createStep, runMain, type StageEnd, type Step } from "../../world/memory-world/step.ts";
import { hostedClusterRef, MemoryWorld, type MemoryWorldOptions } from "../../world/memory-world/world.ts";
import { encodeSecret } from "../../world/runner/leaks.ts";
import { ageIdentity, ageRecipient, readSealed, sha256 } from "../../world/sealing.ts";
import { findLeft, findWrong, lookBefore } from "../oracle.ts";
import { describeEnd } from "../trial.ts";

const other = await generateHybridIdentity();
const recipients = [ageRecipient, await identityToRecipient(other)];
const request = { quiesce: false, recipients };
const pem = "-----BEGIN RSA PRIVATE KEY-----\nMIIEowIBAAKCAQEAq2\n-----END RSA PRIVATE KEY-----\n";
const signing = { hostedClusterPatch: { spec: { serviceAccountSigningKey: { name: "example-signing-key" } } } };

interface Run {
  readonly world: MemoryWorld;
  readonly step: Step;
  readonly end: StageEnd;
}

async function backUp(
  options: MemoryWorldOptions = {},
  prepare: (world: MemoryWorld) => void = () => {},
): Promise<Run> {
  const world = new MemoryWorld({ request, ...options });
  prepare(world);
  const step = createStep(world);
  return { world, step, end: await world.timeline.play(runMain(world, step)) };
}

function addSigningKey(world: MemoryWorld): void {
  const { namespace } = hostedClusterRef;
  const data = { key: Buffer.from(pem).toString("base64") };
  world.objects.create("secrets", { metadata: { name: "example-signing-key", namespace }, type: "Opaque", data });
}

function find(world: MemoryWorld, ending: string): string {
  return world.bucket.keys.find((key) => key.endsWith(ending)) ?? "";
}

function recordOf(world: MemoryWorld): SnapshotRecord {
  const key = find(world, ".json");
  return parseRecord(world.bucket.read(key).toString(), key);
}

test("the keys of a snapshot are sealed beside it, and each recipient can open them", async () => {
  const { world, step, end } = await backUp();
  expect(describeEnd(end)).toBe("green");
  const key = find(world, ".key.age");
  const bytes = world.bucket.read(key);
  const record = recordOf(world);
  expect(key).toBe(find(world, ".db").replace(/\.db$/, ".key.age"));
  expect(step.report.encryptionKeyUri).toBe(`s3://backups/${key}`);
  expect(record.encryption).toMatchObject({
    sealedKeyUri: `s3://backups/${key}`,
    sealedKeySha256: sha256(bytes),
    recipients,
  });
  expect(record).not.toHaveProperty("serviceAccountSigningKey");
  for (const identity of [ageIdentity, other]) {
    const file = await readSealed(bytes, identity);
    expect(file).toMatchObject({
      run: { nonce: record.nonce, name: key.split("/").at(-1)?.replace(".key.age", "") },
      hostedCluster: { ...hostedClusterRef, clusterID: record.hostedCluster.clusterID },
      encryptionKeys: [
        {
          secretNamespace: "clusters",
          secretName: "example-etcd-encryption-key",
          role: "active",
          name: record.encryption.keys?.[0]?.name,
          bytes: world.aesKey.toString("base64"),
          sha256: sha256(world.aesKey),
        },
      ],
      serviceAccountSigningKey: { origin: "hypershift" },
    });
  }
  expect(step.lines.join("\n")).not.toContain("save the key");
  expect(findWrong(world, lookBefore(world), step.lines)).toEqual([]);
});

test("both keys of a rotation are sealed", async () => {
  const second = { secretEncryption: { aescbc: { backupKey: { name: "older" } } } };
  const { world, end } = await backUp({ hostedClusterPatch: { spec: second } }, ({ objects }) => {
    const data = { key: Buffer.alloc(16, 7).toString("base64") };
    objects.create("secrets", { metadata: { name: "older", namespace: "clusters" }, type: "Opaque", data });
  });
  expect(describeEnd(end)).toBe("green");
  const { encryptionKeys } = await readSealed(world.bucket.read(find(world, ".key.age")));
  expect(encryptionKeys.map(({ secretName, role }) => [secretName, role])).toEqual([
    ["example-etcd-encryption-key", "active"],
    ["older", "backup"],
  ]);
});

describe("the signing key of ServiceAccounts", () => {
  test("is sealed where the HostedCluster names its Secret, and stands in no log", async () => {
    const { world, step, end } = await backUp(signing, addSigningKey);
    expect(describeEnd(end)).toBe("green");
    const { serviceAccountSigningKey } = await readSealed(world.bucket.read(find(world, ".key.age")));
    expect(Buffer.from(serviceAccountSigningKey.bytes ?? "", "base64").toString()).toBe(pem);
    expect(recordOf(world).serviceAccountSigningKey).toEqual({
      secretName: "example-signing-key",
      sha256: sha256(Buffer.from(pem)),
    });
    expect(step.secrets).toContainEqual(Buffer.from(pem));
    const said = Buffer.from([...step.lines, ...step.state.values(), JSON.stringify(recordOf(world))].join("\n"));
    expect(encodeSecret("signing key", pem).filter(({ bytes }) => said.includes(bytes))).toEqual([]);
  });

  test.each<[string, MemoryWorldOptions, (world: MemoryWorld) => void, RegExp]>([
    ["whose Secret is missing", signing, () => {}, /the Secret is missing/],
    [
      "whose Secret has no key",
      signing,
      ({ objects }) => {
        objects.create("secrets", { metadata: { name: "example-signing-key", namespace: "clusters" }, data: {} });
      },
      /no data\.key/,
    ],
  ])("%s is told, and the run is green", async (_, options, prepare, reason) => {
    const { world, step, end } = await backUp(options, prepare);
    expect(describeEnd(end)).toBe("green");
    const { serviceAccountSigningKey } = await readSealed(world.bucket.read(find(world, ".key.age")));
    expect(serviceAccountSigningKey).toMatchObject({
      origin: "secret",
      unread: expect.stringMatching(reason) as string,
    });
    expect(serviceAccountSigningKey).not.toHaveProperty("bytes");
    expect(recordOf(world).serviceAccountSigningKey).toEqual({ secretName: "example-signing-key" });
    expect(step.lines.join("\n")).toMatch(/Signing key: not sealed: Secret example-signing-key could not be read/);
  });

  test("is not read where nothing is sealed", async () => {
    const { world, end } = await backUp({ ...signing, request: { quiesce: false } }, addSigningKey);
    expect(describeEnd(end)).toBe("green");
    expect(recordOf(world).serviceAccountSigningKey).toEqual({ secretName: "example-signing-key" });
    expect(world.wire.requests.filter(({ operation }) => operation === "get secrets")).toHaveLength(1);
  });
});

test("without recipients log and summary say what to save, and the log before anything is stopped", async () => {
  const { world, step, end } = await backUp({ request: { quiesce: true } });
  expect(describeEnd(end)).toBe("green");
  expect(find(world, ".key.age")).toBe("");
  const told = step.lines.findIndex((line) =>
    line.includes("save the key of Secret clusters/example-etcd-encryption-key"),
  );
  const stopped = step.lines.findIndex((line) => line.includes("stopped after"));
  expect(told).toBeGreaterThanOrEqual(0);
  expect(told).toBeLessThan(stopped);
  expect(step.lines[told]).toMatch(/deleted with the hosted cluster/);
  expect(step.lines[told + 2]).toMatch(/oc get secret -n clusters example-etcd-encryption-key .* > /);
  expect(step.lines[told + 3]).toMatch(/age -r AGE_RECIPIENT/);
  expect(step.lines.some((line) => line.startsWith("Save the key: "))).toBe(true);
});

test("a cluster whose Secrets are in clear needs no key, and none is asked to be saved", async () => {
  const { world, step, end } = await backUp(
    { request: { quiesce: false }, hostedClusterPatch: { spec: { secretEncryption: null } } },
    (changed) => {
      changed.secretsKey = undefined;
    },
  );
  expect(describeEnd(end)).toBe("green");
  expect(recordOf(world).encryption).toEqual({ type: "none" });
  expect(step.lines.join("\n")).not.toMatch(/save the key/i);
});

describe("keys that cannot be sealed leave the whole snapshot recorded, and the run red", () => {
  /** Something becomes of the first request of the store with this operation after the snapshot was proven. */
  function atSeal(operation: string, fate: "refused" | "reset"): MemoryWorldOptions["weather"] & object {
    let puts = 0;
    return (wired) => {
      if (wired.operation === "put object") puts += 1;
      return wired.operation === operation && puts === 1 ? { fate } : undefined;
    };
  }

  test.each([
    ["the store refuses the object", atSeal("put object", "refused"), "store-access-denied"],
    ["the store does not let it be read back", atSeal("get object", "refused"), "store-access-denied"],
    ["the store is away for it", atSeal("get object", "reset"), "store-unreachable"],
  ])("%s", async (_, weather, code) => {
    const { world, step, end } = await backUp({ weather });
    expect(end).toMatchObject({ kind: "red", failure: { code } });
    const { encryption } = recordOf(world);
    expect(encryption).not.toHaveProperty("sealedKeyUri");
    expect(encryption).not.toHaveProperty("recipients");
    expect(encryption.keys).toHaveLength(1);
    expect(step.report.encryptionKeyUri).toBeUndefined();
    expect(step.lines.some((line) => line.startsWith("Save the key: "))).toBe(true);
    expect(findLeft(world, lookBefore(world))).toEqual([]);
  });
});

test("a recipient that nothing can be sealed to stops the run before anything is asked", async () => {
  const weak = "age1qqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqq5cu47z";
  const world = new MemoryWorld({ request: { recipients: [weak] } });
  const end = await runMain(world, createStep(world));
  expect(end).toMatchObject({ kind: "red", failure: { code: "input-invalid" } });
  expect(world.wire.requests).toEqual([]);
});

describe("sealed keys of a run that died before its record", () => {
  const name = "etcd/nightly/clusters/example/20261101T000000Z-abcdef01";
  const nonce = "abcdef01".repeat(4);

  async function recoverAfter(days: number, keys: readonly string[], ofNonce = nonce): Promise<readonly string[]> {
    const world = new MemoryWorld();
    for (const ending of keys) world.bucket.put(`${name}${ending}`, Buffer.from("x"), { nonce: ofNonce });
    await world.timeline.pass(days * 86_400_000);
    expect(describeEnd(await world.timeline.play(runRecover(world, createRecoverStep(world))))).toBe("green");
    return world.bucket.keys.map((key) => key.slice(name.length));
  }

  test("are removed together with its snapshot, and alone, when they are days old", async () => {
    expect(await recoverAfter(8, [".db", ".key.age"])).toEqual([]);
    expect(await recoverAfter(8, [".key.age"])).toEqual([]);
  });

  test("stay while they are young, where they are another run's, and beside a record", async () => {
    expect(await recoverAfter(1, [".db", ".key.age"])).toEqual([".db", ".key.age"]);
    expect(await recoverAfter(8, [".key.age"], "f".repeat(32))).toEqual([".key.age"]);
    expect(await recoverAfter(8, [".json", ".key.age"])).toEqual([".json", ".key.age"]);
  });
});
