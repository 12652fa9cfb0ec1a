import { ActionError } from "../errors.ts";
import type { HostedCluster } from "../hypershift/hosted-cluster.ts";
import type { ManagementCluster, ObjectRef } from "../ports.ts";
import { quote } from "../shown-text.ts";
import { isKey, type ExpectedKeys, type KeyWorld, type TakenKeys } from "./expected-keys.ts";
import { encryptionKeyName } from "./key.ts";
import { listKeySecrets } from "./secret.ts";
import { readSigningKey } from "./signing-key.ts";

/** The management cluster in which a hosted cluster lives, or whose Secrets outlived it. It is only read. */
export interface LivingCluster {
  readonly cluster: Pick<ManagementCluster, "findHostedCluster" | "findSecret">;
  readonly hostedCluster: ObjectRef;
}

/**
 * The keys of the Secrets that the living HostedCluster names, and of the recorded Secret: of all that are there those that the record
 * names, without a record all. Throws `hosted-cluster-not-found` where no Secret is known, `hosted-cluster-differs` for another
 * cluster of the same name, `encryption-key-missing`, `encryption-key-mismatch`, and as the cluster does.
 */
export async function readLivingKeys(
  { cluster, hostedCluster: ref }: LivingCluster,
  expected: ExpectedKeys,
  world: KeyWorld,
): Promise<TakenKeys> {
  const found = await cluster.findHostedCluster(ref);
  refuseOther(ref, found, expected);
  const secrets = listSecrets(ref, found, expected);
  const keys = new Map<string, Buffer>();
  for (const { namespace, name } of expected.keys?.length === 0 ? [] : secrets) {
    const key = (await cluster.findSecret({ namespace, name }))?.["key"];
    if (key === undefined) continue;
    world.onSecret(key);
    keys.set(name, key);
  }
  const encryptionKeys = choose(secrets, keys, expected);
  if (encryptionKeys.length > 0)
    world.log.info(
      `the keys are those of ${renderSecrets(secrets.filter(({ name }) => keys.has(name)))} in the management cluster: ${nameKeys(encryptionKeys)}`,
    );
  const signingKey = await findSigningKey(ref, found, { expected, cluster, ...world });
  return { encryptionKeys, ...(signingKey === undefined ? {} : { signingKey }) };
}

function refuseOther(ref: ObjectRef, found: HostedCluster | undefined, { hostedCluster }: ExpectedKeys): void {
  const [living, recorded] = [found?.clusterID, hostedCluster?.clusterID];
  if (living === undefined || recorded === undefined || living === recorded) return;
  throw new ActionError(
    "hosted-cluster-differs",
    `hosted cluster ${ref.namespace}/${ref.name} in the management cluster has clusterID ${quote(living)}, the snapshot's ${quote(recorded)}`,
    {
      hint: "give the kubeconfig of the management cluster in which the snapshot's cluster lives, or its key as encryption-key",
    },
  );
}

/** Each once, the active one first. */
function listSecrets(
  { namespace, name }: ObjectRef,
  found: HostedCluster | undefined,
  { secret, keys }: ExpectedKeys,
): readonly ObjectRef[] {
  // HyperShift keeps it beside the HostedCluster: a record that names another namespace is asking for something else.
  const recorded = secret?.namespace === namespace ? [secret] : [];
  const named = [...(found === undefined ? [] : listKeySecrets(found)), ...recorded];
  const secrets = named.filter(
    (one, index) => one.name !== "" && named.findIndex((other) => other.name === one.name) === index,
  );
  if (found === undefined && secrets.length === 0 && keys?.length !== 0)
    throw new ActionError(
      "hosted-cluster-not-found",
      `there is no hosted cluster ${namespace}/${name}, so no Secret of its key`,
      {
        hint: "give the kubeconfig of the management cluster in which it lives; where it is deleted, so is its key: give the saved one as encryption-key",
      },
    );
  return secrets;
}

function choose(
  secrets: readonly ObjectRef[],
  keys: ReadonlyMap<string, Buffer>,
  { keys: recorded }: ExpectedKeys,
): readonly Buffer[] {
  const all = [...keys.values()];
  if (secrets.length > 0 && all.length === 0 && recorded?.length !== 0)
    throw new ActionError("encryption-key-missing", `${renderSecrets(secrets)} is missing, or has no data.key`, {
      hint: "it is deleted with its hosted cluster; give the saved key as encryption-key",
    });
  if (recorded === undefined) return all;
  return recorded.map((each) => {
    const key = all.find((candidate) => isKey(candidate, each));
    if (key !== undefined) return key;
    throw new ActionError(
      "encryption-key-mismatch",
      `${renderSecrets(secrets)} has ${nameKeys(all) || "no key"}, and the record names ${each.name}`,
      { hint: "the key was rotated since the snapshot was made; give the saved one as encryption-key" },
    );
  });
}

/** Undefined where the record names none, and where it is not the recorded one or cannot be read, which is told. */
async function findSigningKey(
  { namespace }: ObjectRef,
  found: HostedCluster | undefined,
  {
    expected: { keys, signingKey: recorded },
    cluster,
    log,
    onSecret,
  }: KeyWorld & Pick<LivingCluster, "cluster"> & { readonly expected: ExpectedKeys },
): Promise<TakenKeys["signingKey"]> {
  if (keys !== undefined && recorded === undefined) return undefined;
  const secretName = found?.serviceAccountSigningKey ?? recorded?.secretName;
  if (secretName === undefined) return undefined;
  const { read } = await readSigningKey({ namespace, name: secretName }, { cluster, onSecret });
  const problem =
    "unread" in read
      ? read.unread
      : recorded?.sha256 !== undefined && read.sha256 !== recorded.sha256
        ? "it is another one than the record's"
        : undefined;
  log.info(
    problem === undefined
      ? `the signing key is that of Secret ${secretName} in the management cluster`
      : `the signing key of Secret ${secretName} in the management cluster is not taken: ${problem}`,
  );
  return "bytes" in read && problem === undefined ? { secretName, bytes: read.bytes } : undefined;
}

function renderSecrets(secrets: readonly ObjectRef[]): string {
  const names = secrets.map(({ namespace, name }) => `${namespace}/${name}`);
  return `Secret${names.length > 1 ? "s" : ""} ${names.join(" and ")}`;
}

function nameKeys(keys: readonly Buffer[]): string {
  return keys.map((key) => encryptionKeyName(key)).join(", ");
}
