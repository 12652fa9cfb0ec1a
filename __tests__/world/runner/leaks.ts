import { readdir, readFile } from "node:fs/promises";
import { join, relative } from "node:path";
import { percentEncode } from "./masks.ts";
import { eventFolder, fileCommandsFolder } from "./step-environment.ts";
import type { StageResult, StepResult } from "./step.ts";

/** Where a secret can be read by someone who must not. */
export interface Leak {
  /** Name of the secret as the caller gave it. */
  readonly secret: string;
  readonly encoding: string;
  /** `main log`, `post summary`, `main output presigned-url`, `file rendered.yaml`. */
  readonly place: string;
}

export interface LeakOptions {
  /** Outputs that are secret by contract. */
  readonly allowedOutputs?: readonly string[];
  /** What the step wrote elsewhere by calls of its own, such as comments. */
  readonly written?: readonly string[];
  /** Files that may hold secrets: paths relative to the workspace or to RUNNER_TEMP. */
  readonly allowedFiles?: readonly string[];
}

/**
 * Every place of a finished step where a secret is found, plain or encoded: what a user sees (log, annotations, summary),
 * outputs, state, exported environment, what it wrote elsewhere, files in the workspace and in RUNNER_TEMP. Not looked at: the inputs and
 * environment that the runner prints itself. Empty when nothing leaks. Throws for a secret too short to tell anything.
 */
export async function findLeaks(
  result: StepResult,
  secrets: Readonly<Record<string, string | Buffer>>,
  options: LeakOptions = {},
): Promise<Leak[]> {
  const needles = Object.entries(secrets).flatMap(([name, secret]) => encodeSecret(name, secret));
  const places: { place: string; content: Buffer }[] = [
    ...listPlaces(result, options),
    ...(result.post === undefined ? [] : listPlaces(result.post, options)),
    ...(options.written ?? []).map((text) => ({ place: "call", content: Buffer.from(text) })),
    ...(await listFiles(result, options)),
  ];
  return places.flatMap(({ place, content }) => {
    // The same text can be two encodings of one secret; the first says enough.
    const found = new Map<string, Leak>();
    for (const { secret, encoding, bytes } of needles) {
      if (!found.has(secret) && content.includes(bytes)) found.set(secret, { secret, encoding, place });
    }
    return [...found.values()];
  });
}

/** One way in which a secret could be written. */
export interface Needle {
  readonly secret: string;
  readonly encoding: string;
  readonly bytes: Buffer;
}

/** Under this length an encoding is found by chance. */
const minimumBytes = 6;

/** Every way in which a secret could be written; throws for one that is too short to tell anything. */
export function encodeSecret(secret: string, value: string | Buffer): Needle[] {
  const bytes = Buffer.from(value);
  if (bytes.length < minimumBytes) throw new Error(`The secret ${secret} is too short to be looked for.`);
  const text = bytes.toString("utf8");
  const uri = encodeURIComponent(text);
  const strictUri = uri.replace(/[!'()*]/g, percentEncode);
  const json = JSON.stringify(text).slice(1, -1);
  const encoded: [string, string | Buffer][] = [
    ["plain", bytes],
    ["trimmed", text.trim()],
    ...findLongLines(text).map((line): [string, string] => ["one line of it", line]),
    ...[0, 1, 2].flatMap((offset): [string, string][] => {
      const base64 = encodeBase64At(bytes, offset);
      return [
        [`base64 at offset ${offset}`, base64],
        [`base64url at offset ${offset}`, base64.replaceAll("+", "-").replaceAll("/", "_")],
      ];
    }),
    ["hex", bytes.toString("hex")],
    ["HEX", bytes.toString("hex").toUpperCase()],
    ["URL-encoded", uri],
    ["URL-encoded", strictUri],
    ["URL-encoded", strictUri.replace(/%[0-9A-F]{2}/g, (escape) => escape.toLowerCase())],
    ["form-encoded", new URLSearchParams({ "": text }).toString().slice(1)],
    ["JSON-escaped", json],
    ["JSON-escaped", json.replaceAll("/", "\\/")],
  ];
  return encoded
    .map(([encoding, needle]) => ({ secret, encoding, bytes: Buffer.from(needle) }))
    .filter((needle) => needle.bytes.length >= minimumBytes);
}

/** The base64 digits that the bytes alone decide when they stand at `offset` (mod 3) of what is encoded. */
function encodeBase64At(bytes: Buffer, offset: number): string {
  const digits = Buffer.concat([Buffer.alloc(offset), bytes]).toString("base64");
  return digits.slice(Math.ceil((offset * 8) / 6), Math.floor(((offset + bytes.length) * 8) / 6));
}

/** Lines of a key in PEM or the like are secret one by one; its first and last line are not. */
function findLongLines(text: string): string[] {
  const lines = text.split(/\r?\n/).map((line) => line.trim());
  return lines.length === 1 ? [] : lines.filter((line) => line.length >= 20 && !line.startsWith("-----"));
}

function listPlaces(stage: StageResult, options: LeakOptions): { place: string; content: Buffer }[] {
  const shown = stage.lines.flatMap((line) => (line.origin === "details" ? [] : (line.shown ?? [])));
  const places: [place: string, text: string][] = [
    // As a whole, since a secret of several lines is in none of them.
    ["log", shown.join("\n")],
    ["summary", stage.summary],
    ["state", stage.stateFile],
    ["PATH", stage.exportedPath.join("\n")],
    ...stage.annotations.map(({ level, title, message }): [string, string] => [
      `${level} annotation`,
      `${title}\n${message}`,
    ]),
    ...Object.entries(stage.outputs)
      .filter(([name]) => !options.allowedOutputs?.includes(name))
      .map(([name, value]): [string, string] => [`output ${name}`, value]),
    ...Object.entries(stage.exportedEnv).map(([name, value]): [string, string] => [`environment ${name}`, value]),
  ];
  return places.map(([place, text]) => ({ place: `${stage.stage} ${place}`, content: Buffer.from(text) }));
}

async function listFiles(result: StepResult, options: LeakOptions): Promise<{ place: string; content: Buffer }[]> {
  const files: { place: string; content: Buffer }[] = [];
  for (const root of new Set([result.directories.workspace, result.directories.temp])) {
    for (const entry of await readdir(root, { recursive: true, withFileTypes: true })) {
      const path = join(entry.parentPath, entry.name);
      const name = relative(root, path);
      if (!entry.isFile() || name.startsWith(fileCommandsFolder) || name.startsWith(eventFolder)) continue;
      if (options.allowedFiles?.includes(name)) continue;
      files.push({ place: `file ${name}`, content: await readFile(path) });
    }
  }
  return files;
}
