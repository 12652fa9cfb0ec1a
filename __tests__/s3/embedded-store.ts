import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { createCertificateAuthority } from "../world/certificates.ts";
import { startObjectStore } from "../world/object-store/object-store.ts";
import { buckets } from "./probe.ts";
import type { RunningServer } from "./server.ts";

/** The project's own object store, as one server among the others. */
export async function startEmbeddedStore(): Promise<RunningServer> {
  const folder = await mkdtemp(path.join(tmpdir(), "embedded-store-"));
  const certificateAuthorityFile = path.join(folder, "ca.pem");
  const authority = await createCertificateAuthority("embedded object store");
  await writeFile(certificateAuthorityFile, authority.certificate);
  const owner = { accessKeyId: "OWNERACCESSKEY000001", secretAccessKey: "owner/secret" };
  const stranger = { accessKeyId: "STRANGERACCESSKEY001", secretAccessKey: "stranger/secret" };
  const place = { region: "us-east-1", owner: "111122223333" };
  const store = await startObjectStore({
    certificateAuthority: authority,
    buckets: [
      { ...place, name: buckets.plain },
      { ...place, name: buckets.versions, versioning: "enabled" },
      { ...place, name: buckets.locked, objectLock: true },
    ],
    accounts: [
      { ...owner, actions: ["s3:*"] },
      { ...stranger, actions: [] },
    ],
  });
  return {
    server: {
      title: "embedded store",
      version: "",
      endpoint: store.endpoint,
      certificateAuthority: authority.certificate,
      certificateAuthorityFile,
      owner,
      stranger,
    },
    close: async () => {
      await store.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
}
