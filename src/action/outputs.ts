import { ActionError, describeError } from "../errors.ts";
import { parseTime } from "../time.ts";
import { writeRunnerFile } from "./runner-file.ts";

/** Every output of action.yml; what was not made is absent. */
export interface Outputs {
  readonly snapshotUri?: string;
  /** Secret: it must be masked before it is set. */
  readonly presignedUrl?: string;
  readonly presignedUrlExpiresAt?: string;
  readonly encryptionKeySecretName?: string;
  readonly encryptionKeyUri?: string;
  readonly recordUri?: string;
  /** SHA-256 of the snapshot; size, revision and etcd version are the snapshot's too. */
  readonly sha256?: string;
  readonly sizeBytes?: number;
  readonly revision?: number;
  readonly etcdVersion?: string;
  readonly apiDowntimeSeconds?: number;
  readonly recovered?: boolean;
  /** Absolute path. */
  readonly renderedManifest?: string;
  readonly errorCode?: string;
  /** Of the newest proven snapshot before this one. */
  readonly previousAgeSeconds?: number;
  /** Of a restore of the data, as a drill measured it. */
  readonly rtoSeconds?: number;
  readonly drillUri?: string;
}

interface Form {
  /** In action.yml. */
  readonly name: string;
  readonly fits: (text: string) => boolean;
}

const matches =
  (pattern: RegExp) =>
  (text: string): boolean =>
    pattern.test(text);
const number = matches(/^\d+(?:\.\d+)?$/);
const path = matches(/^\/\P{Cc}*$/u);
const uri = matches(/^s3:\/\/[!-~]+$/);

/** Each output and the form that it must have, in the order of action.yml: workflows put them into commands. */
export const outputForms: Readonly<Record<keyof Outputs, Form>> = {
  snapshotUri: { name: "snapshot-uri", fits: uri },
  presignedUrl: { name: "presigned-url", fits: matches(/^https?:\/\/[!-~]+$/) },
  presignedUrlExpiresAt: { name: "presigned-url-expires-at", fits: (text) => parseTime(text) !== undefined },
  encryptionKeySecretName: { name: "encryption-key-secret-name", fits: matches(/^[a-z0-9][a-z0-9.-]{0,252}$/) },
  encryptionKeyUri: { name: "encryption-key-uri", fits: uri },
  recordUri: { name: "record-uri", fits: uri },
  sha256: { name: "snapshot-sha256", fits: matches(/^[0-9a-f]{64}$/) },
  sizeBytes: { name: "snapshot-size-bytes", fits: number },
  revision: { name: "snapshot-revision", fits: number },
  etcdVersion: { name: "etcd-version", fits: matches(/^\d+\.\d+\.\d+[-+.\w]{0,50}$/) },
  apiDowntimeSeconds: { name: "api-downtime-seconds", fits: number },
  recovered: { name: "recovered", fits: matches(/^(?:true|false)$/) },
  renderedManifest: { name: "rendered-manifest", fits: path },
  errorCode: { name: "error-code", fits: matches(/^[a-z0-9-]+$/) },
  previousAgeSeconds: { name: "previous-age-seconds", fits: number },
  rtoSeconds: { name: "rto-seconds", fits: number },
  drillUri: { name: "drill-uri", fits: uri },
};

const outputFields = Object.keys(outputForms).filter((field): field is keyof Outputs => field in outputForms);

/**
 * Sets what `outputs` holds, whatever else is in it; one that cannot be set loses no other. Throws the first problem at
 * the end: `output-malformed` for a text of a cluster or a store that is not what it must be, `runner-unwritable`.
 */
export function writeOutputs(setOutput: (name: string, value: string) => void, outputs: Outputs): void {
  const problems = outputFields.flatMap((field) => {
    const value = outputs[field];
    try {
      if (value !== undefined) writeOutput(setOutput, outputForms[field], String(value));
      return [];
    } catch (error) {
      return [describeError(error)];
    }
  });
  if (problems[0] !== undefined) throw problems[0];
}

function writeOutput(setOutput: (name: string, value: string) => void, { name, fits }: Form, text: string): void {
  if (!fits(text))
    throw new ActionError(
      "output-malformed",
      `the output ${name} is left out: it is not of the form that it must have`,
      {
        hint: "look at the summary and the record for its value; the other outputs are set",
      },
    );
  writeRunnerFile("GITHUB_OUTPUT", () => {
    setOutput(name, text);
  });
}
