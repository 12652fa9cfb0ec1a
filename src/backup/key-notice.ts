import { renderSaveCommands, tellUnsealed } from "../encryption/key-commands.ts";
import type { Encryption } from "../encryption/secret.ts";
import type { SigningKey } from "../encryption/signing-key.ts";
import type { Log } from "../ports.ts";
import type { BackupReport } from "./world.ts";

/** The keys that a restore of the snapshot needs. */
export interface KeyFacts {
  readonly encryption: Encryption;
  readonly signingKey: SigningKey;
}

/** Tells at once which keys nobody seals, with the commands that save them; returns that, and what cannot be sealed, for the summary. */
export function tellKeys(
  plan: KeyFacts,
  recipients: readonly string[],
  log: Log,
): Pick<BackupReport, "keysToSave" | "unsealedSigningKey"> {
  if (recipients.length > 0) {
    const { signingKey } = plan;
    if (signingKey.origin === "hypershift" || !("unread" in signingKey.read)) return {};
    return { unsealedSigningKey: { secretName: signingKey.secret.name, reason: signingKey.read.unread } };
  }
  const facts = listUnsealed(plan);
  if (facts.keysToSave !== undefined) {
    log.warning(tellUnsealed(facts.keysToSave));
    for (const command of renderSaveCommands(facts.keysToSave)) log.info(`  ${command}`);
  }
  return facts;
}

/** The Secrets whose keys somebody has to save; absent where the snapshot needs no key of a Secret. */
export function listUnsealed({ encryption }: Pick<KeyFacts, "encryption">): Pick<BackupReport, "keysToSave"> {
  return encryption.keys.length === 0 ? {} : { keysToSave: encryption.keys.map(({ secret }) => secret) };
}
