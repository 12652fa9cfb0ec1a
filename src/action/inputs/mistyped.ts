import { ActionError } from "../../errors.ts";
import { inputNames, type InputName } from "./names.ts";
import { quote } from "../../shown-text.ts";
import { findNear } from "./value.ts";

/** The names that people and other actions have for an input, whatever letters of its name they have. */
const synonyms: Readonly<Record<string, InputName>> = {
  action: "mode",
  command: "mode",
  operation: "mode",
  "kube-config": "kubeconfig",
  context: "kubeconfig-context",
  cluster: "hosted-cluster",
  "cluster-name": "hosted-cluster",
  "cluster-namespace": "hosted-cluster-namespace",
  namespace: "hosted-cluster-namespace",
  token: "github-token",
  "gh-token": "github-token",
  "aws-region": "s3-region",
  "aws-access-key-id": "s3-access-key-id",
  "aws-secret-access-key": "s3-secret-access-key",
  "aws-session-token": "s3-session-token",
  "endpoint-url": "s3-endpoint",
  "path-style": "s3-force-path-style",
  folder: "s3-prefix",
  "bucket-prefix": "s3-prefix",
  "stop-api-servers": "quiesce",
  "hot-backup": "quiesce",
  plan: "dry-run",
  "plan-only": "dry-run",
  preview: "dry-run",
  validate: "dry-run",
  "check-only": "dry-run",
  "check-mode": "dry-run",
  "read-only": "dry-run",
  "what-if": "dry-run",
  noop: "dry-run",
  timeout: "max-pause",
  force: "allow-unhealthy",
  retention: "keep-last",
  "retention-count": "keep-last",
  "retention-days": "keep-within",
  "keep-days": "keep-within",
  "keep-n": "keep-last",
  "keep-count": "keep-last",
  snapshot: "snapshot-uri",
  "snapshot-url": "snapshot-uri",
  key: "encryption-key",
  "aes-key": "encryption-key",
  "age-recipient": "key-recipients",
  "age-recipients": "key-recipients",
  "age-identities": "age-identity",
  "age-key": "age-identity",
};

/** Words that mean one input whatever stands around them: a run that was to stop nothing must not stop everything. */
const words: Readonly<Record<string, InputName>> = {
  quiesce: "quiesce",
  quiesced: "quiesce",
  online: "quiesce",
  offline: "quiesce",
  pause: "quiesce",
  writers: "quiesce",
  downtime: "quiesce",
  dry: "dry-run",
  dryrun: "dry-run",
  simulate: "dry-run",
  simulation: "dry-run",
};

const joinedSynonyms = new Map(Object.entries(synonyms).map(([name, meant]) => [join(name), meant]));

/** The input that was meant by a name that is none; undefined where it is near to none. */
export function findMeant(given: string): InputName | undefined {
  const name = given.replaceAll(/[_ .]/g, "-");
  return (
    inputNames.find((known) => squeeze(known) === squeeze(name)) ??
    joinedSynonyms.get(join(name)) ??
    inputNames.find((known) => isPart(name, known)) ??
    findNear(name, inputNames) ??
    name
      .toLowerCase()
      .split("-")
      .flatMap((word) => (Object.hasOwn(words, word) ? (words[word] ?? []) : []))[0]
  );
}

/**
 * Tells unknown inputs apart: `mistyped` are near to one that exists, and each is the error `input-unknown`; `foreign`
 * are those of jobs and of actions around this one, which set INPUT_* of their own.
 */
export function sortUnknown(unknown: readonly string[]): {
  readonly mistyped: readonly ActionError[];
  readonly foreign: readonly string[];
} {
  const found = unknown.map((given) => ({ shown: show(given), meant: findMeant(given) }));
  return {
    mistyped: found.flatMap(({ shown, meant }) =>
      meant === undefined
        ? []
        : new ActionError("input-unknown", `there is no input ${shown}; did you mean ${meant}?`, {
            hint: `write ${meant} in place of ${shown}, or leave it out`,
          }),
    ),
    foreign: found.flatMap(({ shown, meant }) => (meant === undefined ? shown : [])),
  };
}

/** Equal for names that differ in case, hyphens, underscores and a plural. */
function squeeze(name: string): string {
  return join(name).replace(/s$/, "");
}

function join(name: string): string {
  return name.toLowerCase().replaceAll("-", "");
}

/** The last words of a name, or a name of several words with more around it. */
function isPart(given: string, known: string): boolean {
  return (
    (given.length >= 4 && known.endsWith(`-${given}`)) || (known.includes("-") && `-${given}-`.includes(`-${known}-`))
  );
}

function show(name: string): string {
  return /^[\w-]{1,60}$/.test(name) ? name : quote(name);
}
