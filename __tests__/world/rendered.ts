import { readFile } from "node:fs/promises";
import { parseAllDocuments } from "yaml";
import { at, stringAt } from "../../src/json-path.ts";
import type { StepResult } from "./runner/step.ts";

/** What restore-render wrote. */
export interface Rendered {
  readonly text: string;
  readonly documents: readonly unknown[];
  readonly url: string;
  readonly key: Buffer;
}

/** The manifest that an output `rendered-manifest` names. */
export async function readRendered({ outputs }: StepResult): Promise<Rendered> {
  return parseRendered(await readFile(outputs["rendered-manifest"] ?? "", "utf8"));
}

/** URL and key are empty where the text has none. */
export function parseRendered(text: string): Rendered {
  const documents = parseDocuments(text);
  return {
    text,
    documents,
    url:
      stringAt(findKind(documents, "HostedCluster"), "spec", "etcd", "managed", "storage", "restoreSnapshotURL", 0) ??
      "",
    key: Buffer.from(stringAt(findKind(documents, "Secret"), "data", "key") ?? "", "base64"),
  };
}

export function parseDocuments(text: string): readonly unknown[] {
  return parseAllDocuments(text).map((document) => {
    const value: unknown = document.toJS();
    return value;
  });
}

export function findKind(documents: readonly unknown[], kind: string): unknown {
  return documents.find((document) => at(document, "kind") === kind);
}
