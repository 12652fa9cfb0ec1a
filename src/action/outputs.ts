import { ActionError } from "../errors.ts";
import { writeRunnerFile } from "./runner-file.ts";

/** Every output of action.yml; what was not made is absent. */
export interface Outputs {
  readonly snapshotUri?: string;
  /** Secret: it must be masked before it is set. */
  readonly presignedUrl?: string;
  readonly presignedUrlExpiresAt?: string;
  readonly encryptionKeySecretName?: string;
  readonly recordUri?: string;
  /** Of the snapshot, as is what follows. */
  readonly sha256?: string;
  readonly sizeBytes?: number;
  readonly revision?: number;
  readonly etcdVersion?: string;
  readonly apiDowntimeSeconds?: number;
  readonly recovered?: boolean;
  /** Absolute path. */
  readonly renderedManifest?: string;
}

/** The name of each output in action.yml, in its order. */
export const outputNames = {
  snapshotUri: "snapshot-uri",
  presignedUrl: "presigned-url",
  presignedUrlExpiresAt: "presigned-url-expires-at",
  encryptionKeySecretName: "encryption-key-secret-name",
  recordUri: "record-uri",
  sha256: "snapshot-sha256",
  sizeBytes: "snapshot-size-bytes",
  revision: "snapshot-revision",
  etcdVersion: "etcd-version",
  apiDowntimeSeconds: "api-downtime-seconds",
  recovered: "recovered",
  renderedManifest: "rendered-manifest",
} as const satisfies Record<keyof Outputs, string>;

const outputFields = Object.keys(outputNames).filter((field): field is keyof Outputs => field in outputNames);

/** Sets what `outputs` holds, whatever else is in it; may be called more than once. Throws `runner-unwritable`, and `internal` for a value with a line feed, or no number. */
export function writeOutputs(setOutput: (name: string, value: string) => void, outputs: Outputs): void {
  for (const field of outputFields) {
    const value = outputs[field];
    const name = outputNames[field];
    if (value === undefined) continue;
    const text = renderOutput(name, value);
    writeRunnerFile("GITHUB_OUTPUT", () => {
      setOutput(name, text);
    });
  }
}

function renderOutput(name: string, value: string | number | boolean): string {
  const text = String(value);
  if (/\p{Cc}/u.test(text) || (typeof value === "number" && !Number.isFinite(value)))
    throw new ActionError("internal", `the output ${name} would not be one line of text or a number`);
  return text;
}
