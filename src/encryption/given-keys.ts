import { ActionError } from "../errors.ts";
import type { Log } from "../ports.ts";
import { isKey, type ExpectedKeys, type KeyWorld, type TakenKeys } from "./expected-keys.ts";
import { encryptionKeyName } from "./key.ts";
import { readLivingKeys, type LivingCluster } from "./living-keys.ts";
import { openSealedKeys, type SealedFile } from "./sealed-keys.ts";

/** The places that a workflow gives to take keys from. */
export interface GivenKeys {
  /** Raw bytes. */
  readonly encryptionKeys: readonly Buffer[];
  /** Private keys of age. */
  readonly identities: readonly string[];
  /** Absent where no management cluster is to be asked. */
  readonly living?: LivingCluster;
}

/** An input that says where keys are, and the look there. */
interface Place {
  readonly input: string;
  /** Reads whatever `wanted` names. */
  readonly read: (wanted: ExpectedKeys) => Promise<TakenKeys>;
}

/**
 * The keys to open a snapshot with: those of `encryption-key`, else those that are sealed beside it, else those of the living
 * cluster's Secrets. The next place is tried where one lacks what the record names, and each try is told. A signing key that is
 * not found is no failure. Throws what the places throw; with several failures, under the code of the first.
 */
export async function takeKeys(given: GivenKeys, file: SealedFile, world: KeyWorld): Promise<TakenKeys> {
  const { log } = world;
  const { expected } = file;
  const { living, identities } = given;
  const places: readonly Place[] = [
    ...(identities.length === 0
      ? []
      : [{ input: "age-identity", read: () => openSealedKeys(file, identities, world) }]),
    ...(living === undefined
      ? []
      : [{ input: "kubeconfig", read: (wanted: ExpectedKeys) => readLivingKeys(living, wanted, world) }]),
  ];
  let taken: TakenKeys = { encryptionKeys: given.encryptionKeys };
  const failures = places.length === 0 ? [] : listUnfit(given.encryptionKeys, expected);
  tellGiven(given, failures, log);
  for (const [index, { input, read }] of places.entries()) {
    const hasKeys = isWhole(taken.encryptionKeys, expected);
    if (hasKeys && (expected.signingKey === undefined || taken.signingKey !== undefined)) {
      log.info(`${input} is not used: no key is missing without it`);
      continue;
    }
    try {
      const found = await read(hasKeys ? { ...expected, keys: [] } : expected);
      taken = { ...found, ...taken, encryptionKeys: hasKeys ? taken.encryptionKeys : found.encryptionKeys };
    } catch (error) {
      if (!(error instanceof ActionError) || isFinal(error)) throw error;
      failures.push(error);
      const isTheEnd = index === places.length - 1 && !hasKeys;
      if (!isTheEnd) log.warning(`${input} gave no key: ${error.message}`);
    }
  }
  const [first, ...others] = failures;
  if (first === undefined || isWhole(taken.encryptionKeys, expected)) return taken;
  if (others.length === 0) throw first;
  throw new ActionError(
    first.code,
    `no place has the keys of the snapshot:\n${failures.map(({ message }) => `- ${message}`).join("\n")}`,
    first.hint === undefined ? {} : { hint: first.hint },
  );
}

/** No other place helps where the run was cancelled, or the action has a mistake. */
function isFinal({ code }: ActionError): boolean {
  return code === "cancelled" || code === "internal";
}

function tellGiven({ encryptionKeys, identities, living }: GivenKeys, unfit: readonly ActionError[], log: Log): void {
  for (const { message } of unfit) log.warning(`${message}; the next place is tried`);
  if (encryptionKeys.length > 0 && unfit.length === 0) log.info("the key is that of encryption-key");
  if (encryptionKeys.length === 0 && identities.length === 0 && living === undefined) log.info("no key is given");
}

/** The failure of `encryption-key`, where there is another place to go on to; else the comparison with the record tells it. */
function listUnfit(keys: readonly Buffer[], expected: ExpectedKeys): ActionError[] {
  if (keys.length === 0 || isWhole(keys, expected)) return [];
  const names = keys.map((key) => encryptionKeyName(key)).join(", ");
  const wanted = expected.keys?.map(({ name }) => name).join(", ") ?? "";
  return [
    new ActionError("encryption-key-mismatch", `encryption-key has ${names}, and the record names ${wanted}`, {
      hint: "take the key of the Secret that the backup's output encryption-key-secret-name names, as base64",
    }),
  ];
}

/** Whether `keys` are all that the record names; without a record one may be all. */
function isWhole(keys: readonly Buffer[], { keys: expected }: ExpectedKeys): boolean {
  return expected === undefined ? keys.length > 0 : expected.every((each) => keys.some((key) => isKey(key, each)));
}
