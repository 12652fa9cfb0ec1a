import type { StoreSettings } from "../../adapters/s3/client.ts";
import type { LatestOf } from "../../snapshots/latest.ts";
import { findMeantUri, type SnapshotUri } from "../../snapshots/location.ts";
import type { VerifyRequest } from "../../verify/world.ts";
import { readAgeIdentities, readEncryptionKeys } from "./keys.ts";
import type { Given } from "./names.ts";
import {
  findMaxAge,
  findNamedBucket,
  isLatest,
  listUnrecordedOptOut,
  pathMaxCharacters,
  readPins,
  readSnapshotUri,
  readUnrecorded,
} from "./snapshot.ts";
import { listStoreOptOuts, readStore } from "./store.ts";
import { findLine, findText, invalidInput, readFields, refuseTrue } from "./value.ts";

/** An object, or a file relative to GITHUB_WORKSPACE. */
export type SourceInputs =
  | { readonly kind: "stored"; readonly store: StoreSettings; readonly snapshot: SnapshotUri | LatestOf }
  | { readonly kind: "file"; readonly path: string };

export interface VerifyInputs {
  readonly source: SourceInputs;
  readonly request: VerifyRequest;
}

/** Nothing is contacted. Throws all that is wrong at once; see readFields. */
export function readVerifyInputs(given: Given): VerifyInputs {
  const { read } = given;
  const { source, request } = readFields({
    source: () => readSource(given),
    dryRun: () => {
      refuseTrue(read, "dry-run", {
        rule: "absent in verify, which only reads",
        hint: "leave dry-run out; nothing is written to the store",
      });
    },
    request: () =>
      readFields({
        encryptionKeys: () => readEncryptionKeys(read),
        identities: () => readAgeIdentities(read),
        pins: () => readPins(read),
        maxAgeMs: () => findMaxAge(read),
        allowUnrecorded: () => readUnrecorded(read),
      }),
  });
  return { source, request };
}

/** One sentence for each safety that these inputs switch off, for a warning. */
export function listVerifyOptOuts({ source, request }: VerifyInputs): readonly string[] {
  return [...(source.kind === "stored" ? listStoreOptOuts(source.store) : []), ...listUnrecordedOptOut(request)];
}

function readSource(given: Given): SourceInputs {
  const { read } = given;
  const text = findText(read, "snapshot-uri");
  if (text !== undefined && !isLatest(read) && !/:\/\/|\?/.test(text)) return { kind: "file", path: readPath(given) };
  const { store, snapshot } = readFields({
    store: () => readStore(given, findNamedBucket(read)),
    snapshot: () => readSnapshotUri(read),
  });
  return { kind: "stored", store, snapshot };
}

function readPath({ read }: Given): string {
  const path = findLine(read, "snapshot-uri", pathMaxCharacters) ?? "";
  if (path.endsWith(".db")) return path;
  throw invalidInput("snapshot-uri", path, {
    rule: "s3://<bucket>/<key>.db, latest, or the path of a file whose name ends in .db",
    hint:
      findMeantUri(path) ??
      "take the output snapshot-uri of a backup; the record of a file lies beside it, with .json in place of .db",
  });
}
