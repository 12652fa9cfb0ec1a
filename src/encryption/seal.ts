import { Decrypter, Encrypter } from "age-encryption";
import { ActionError } from "../errors.ts";

/**
 * Encrypts `plain` to age recipients; whoever seals cannot open it again. Throws `input-invalid` for a recipient that is well
 * formed and that no key can be agreed on with. No error of the package is kept: it may hold what it was given.
 */
export async function seal(plain: Buffer, recipients: readonly string[]): Promise<Buffer> {
  try {
    const encrypter = new Encrypter();
    for (const recipient of recipients) encrypter.addRecipient(recipient);
    return Buffer.from(await encrypter.encrypt(plain));
  } catch {
    throw new ActionError("input-invalid", "the input key-recipients has a recipient that nothing can be sealed to", {
      hint: "take each recipient again as age-keygen printed it; age -r <recipient> tells which one it is",
    });
  }
}

/** Throws as `seal` does, before anything depends on it. */
export async function assertSealable(recipients: readonly string[]): Promise<void> {
  if (recipients.length > 0) await seal(Buffer.alloc(0), recipients);
}

/** `locked`: whole as far as it can be seen, and of none of the identities; `damaged`: not a whole file of age. */
export type Opened = { readonly plain: Buffer } | { readonly problem: "locked" | "damaged" };

/** Decrypts what was sealed to one of `identities`. */
export async function openSealed(sealed: Buffer, identities: readonly string[]): Promise<Opened> {
  const asked = { last: false };
  const decrypter = new Decrypter();
  for (const identity of identities) decrypter.addIdentity(identity);
  // Identities are tried in their order: this one is asked where all others do not match.
  decrypter.addIdentity({
    unwrapFileKey: () => {
      asked.last = true;
      return null;
    },
  });
  try {
    return { plain: Buffer.from(await decrypter.decrypt(sealed)) };
  } catch {
    return { problem: asked.last ? "locked" : "damaged" };
  }
}
