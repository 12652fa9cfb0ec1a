import { readFile, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import {
  createKeptAuthority,
  loadAuthority,
  type CertificateAuthority,
  type KeyPair,
} from "../__tests__/world/certificates.ts";
import { isJsonObject } from "../__tests__/world/management-cluster/json.ts";
import { cacheFolder } from "./binaries.ts";

const file = join(cacheFolder, "store-authority.json");

/**
 * The authority that signs the certificates of object stores, and that the images trust as those of a release trust public ones:
 * made once, since images are. Nothing outside of these tests trusts it.
 */
export async function openStoreAuthority(): Promise<CertificateAuthority> {
  return loadAuthority((await findKept()) ?? (await keep()));
}

async function findKept(): Promise<KeyPair | undefined> {
  const text = await readFile(file, "utf8").catch(() => undefined);
  const kept: unknown = text === undefined ? undefined : JSON.parse(text);
  if (!isJsonObject(kept)) return undefined;
  const { certificate, privateKey } = kept;
  return typeof certificate === "string" && typeof privateKey === "string" ? { certificate, privateKey } : undefined;
}

async function keep(): Promise<KeyPair> {
  const made = await createKeptAuthority("object-store");
  const part = `${file}.${String(process.pid)}`;
  await writeFile(part, JSON.stringify(made), { mode: 0o600 });
  await rename(part, file);
  return made;
}
