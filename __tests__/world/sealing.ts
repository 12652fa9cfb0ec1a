import { createHash } from "node:crypto";
import { generateHybridIdentity, identityToRecipient } from "age-encryption";
import { parseKeyFile, type KeyFile } from "../../src/encryption/key-file.ts";
import { openSealed } from "../../src/encryption/seal.ts";

/**
 * An identity and its recipient. They are post-quantum, whose arithmetic needs no other thread: a timeline would not wait for one.
 */
export const ageIdentity = await generateHybridIdentity();
export const ageRecipient = await identityToRecipient(ageIdentity);

/** What is sealed in `bytes`. Throws where the identity does not open it. */
export async function readSealed(bytes: Buffer, identity = ageIdentity): Promise<KeyFile> {
  const opened = await openSealed(bytes, [identity]);
  const file = "plain" in opened ? parseKeyFile(opened.plain) : undefined;
  if (file === undefined) throw new Error(`it is not a file of keys: ${JSON.stringify(opened)}`);
  return file;
}

export function sha256(bytes: Buffer): string {
  return createHash("sha256").update(bytes).digest("hex");
}
