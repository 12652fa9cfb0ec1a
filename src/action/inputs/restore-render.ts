import { acceptableCodes, type ErrorCode } from "../../errors.ts";
import type { StoreSettings } from "../../adapters/s3/client.ts";
import type { RestoreRequest } from "../../restore/world.ts";
import type { ObjectRef } from "../../ports.ts";
import type { Kubeconfig } from "../../kubeconfig/context.ts";
import { readKubeconfig } from "./cluster.ts";
import { readAgeIdentities, readEncryptionKeys } from "./keys.ts";
import type { Given, ReadInput } from "./names.ts";
import {
  findMaxAge,
  findNamedBucket,
  listUnrecordedOptOut,
  pathMaxCharacters,
  readPins,
  readSnapshotUri,
  readUnrecorded,
} from "./snapshot.ts";
import { findKey, listStoreOptOuts, readPresignExpiry, readSigningStore } from "./store.ts";
import { findLine, findText, invalidInput, missingInput, readBoolean, readFields, refuseTrue } from "./value.ts";

export interface RestoreRenderInputs {
  readonly store: StoreSettings;
  readonly request: RestoreRequest;
  /** The management cluster whose Secrets may have the key; absent where none is given. */
  readonly kubeconfig?: Kubeconfig;
}

/** The comment on the pull request. */
interface CommentInputs {
  readonly wanted: boolean;
  readonly githubToken: string | undefined;
  /** Absent where none is pinned. */
  readonly hostedCluster: ObjectRef | undefined;
}

/** Nothing is contacted. Throws all that is wrong at once; see readFields. */
export function readRestoreRenderInputs(given: Given): RestoreRenderInputs {
  const { read } = given;
  const { store, request, kubeconfig } = readFields({
    kubeconfig: () => (findText(read, "kubeconfig") === undefined ? undefined : readKubeconfig(given)),
    store: () => readSigningStore(given, findNamedBucket(read)),
    comment: () => readBoolean(read, "comment", false),
    githubToken: () => findKey(read, "github-token"),
    dryRun: () => {
      refuseTrue(read, "dry-run", {
        rule: "absent in restore-render, which changes no cluster",
        hint: "leave dry-run out; the result is a file, and nothing applies it",
      });
    },
    request: () =>
      readFields({
        snapshot: () => readSnapshotUri(read),
        manifest: () => readManifestPath(read),
        output: () => findLine(read, "output", pathMaxCharacters),
        encryptionKeys: () => readEncryptionKeys(read),
        identities: () => readAgeIdentities(read),
        presignExpiresInSeconds: () => readPresignExpiry(read),
        pins: () => readPins(read),
        maxAgeMs: () => findMaxAge(read),
        allowUnrecorded: () => readUnrecorded(read),
        allowUnsafeRestore: () => readAcceptedCodes(read),
      }),
  });
  return {
    store,
    request,
    ...(kubeconfig === undefined ? {} : { kubeconfig }),
  };
}

/** What the comment needs, also of a run whose inputs are wrong, which it is to say: one of these that is wrong counts as absent. */
export function readCommentInputs({ read }: Given): CommentInputs {
  const orAbsent = <T>(look: () => T): T | undefined => {
    try {
      return look();
    } catch {
      return undefined;
    }
  };
  return {
    wanted: orAbsent(() => readBoolean(read, "comment", false)) ?? false,
    githubToken: orAbsent(() => findKey(read, "github-token")),
    hostedCluster: orAbsent(() => readPins(read).hostedCluster),
  };
}

/** One sentence for each safety that these inputs switch off, for a warning. */
export function listRestoreOptOuts({ store, request }: RestoreRenderInputs): readonly string[] {
  return [
    ...listStoreOptOuts(store),
    ...(request.allowUnsafeRestore.length > 0
      ? [`allow-unsafe-restore: ${request.allowUnsafeRestore.join(", ")} does not stop this restore`]
      : []),
    ...listUnrecordedOptOut(request),
  ];
}

function readManifestPath(read: ReadInput): string {
  const path = findLine(read, "manifest", pathMaxCharacters);
  if (path === undefined) throw missingInput("manifest", "the path of the rendered HostedCluster");
  return path;
}

/** Each finding is accepted by its code: a word for all would also accept the next one, that nobody has read. */
function readAcceptedCodes(read: ReadInput): readonly ErrorCode[] {
  const text = findText(read, "allow-unsafe-restore") ?? "";
  return text.split(/\s+/).flatMap((word) => {
    if (word === "") return [];
    const code = acceptableCodes.find((known) => known === word);
    if (code === undefined)
      throw invalidInput("allow-unsafe-restore", word, {
        rule: "the codes of the findings that are accepted, one a line",
        hint: word.includes(",")
          ? `write one a line, without commas, of ${acceptableCodes.join(" ")}`
          : `leave it out, or name the findings that you have looked at: ${acceptableCodes.join(", ")}`,
      });
    return [code];
  });
}
