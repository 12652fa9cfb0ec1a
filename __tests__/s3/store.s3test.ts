import tls from "node:tls";
import { describe, inject, it } from "vitest";
import { describeSnapshotStore } from "../adapters/snapshot-store-contract.ts";
import { serverTitles } from "./server.ts";

const reports = inject("s3Servers");

// What NODE_EXTRA_CA_CERTS does for a process that starts.
tls.setDefaultCACertificates([
  ...tls.getCACertificates("default"),
  ...reports.flatMap(({ server }) => server?.certificateAuthority ?? []),
]);

for (const { name, server, lacking } of reports) {
  if (server === undefined) {
    describe.skip(`${serverTitles[name]}: skipped, ${lacking}`, () => {
      it("is a snapshot store");
    });
    continue;
  }
  describeSnapshotStore(`${serverTitles[name]} ${server.version}`, () => ({
    settings: {
      bucket: "snapshots",
      endpoint: server.endpoint,
      forcePathStyle: true,
      credentials: server.owner,
      checksums: "auto",
    },
    stranger: server.stranger,
    versionedBucket: "versioned",
    certificateAuthorityFile: server.certificateAuthorityFile,
  }));
}
