import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { parse } from "yaml";

export interface ActionInput {
  /** Absent: the input is not set at all when the workflow does not give it. */
  readonly default?: string;
  readonly deprecationMessage?: string;
}

/** What the runner reads of an action.yml. */
export interface ActionManifest {
  readonly name: string;
  readonly inputs: ReadonlyMap<string, ActionInput>;
  /** Relative to the action's directory. */
  readonly main: string;
  readonly post?: string;
}

/** Throws for a manifest that is not of a Node 24 action. */
export async function readActionManifest(directory: string): Promise<ActionManifest> {
  const document: unknown = parse(await readFile(join(directory, "action.yml"), "utf8"));
  const manifest = asRecord(document);
  const runs = asRecord(manifest["runs"]);
  if (runs["using"] !== "node24") throw new Error("action.yml: runs.using is not node24");
  if (typeof runs["main"] !== "string") throw new Error("action.yml: runs.main is missing");
  return {
    name: asText(manifest["name"]) ?? "action",
    inputs: new Map(Object.entries(asRecord(manifest["inputs"])).map(([name, input]) => [name, asInput(input)])),
    main: runs["main"],
    ...(typeof runs["post"] === "string" ? { post: runs["post"] } : {}),
  };
}

function asInput(value: unknown): ActionInput {
  const input = asRecord(value);
  const fallback = asText(input["default"]);
  const deprecationMessage = asText(input["deprecationMessage"]);
  return {
    ...(fallback === undefined ? {} : { default: fallback }),
    ...(deprecationMessage === undefined ? {} : { deprecationMessage }),
  };
}

/** Scalars arrive as the runner's templates make them: text. */
function asText(value: unknown): string | undefined {
  if (typeof value === "string") return value;
  return typeof value === "number" || typeof value === "boolean" ? value.toString() : undefined;
}

function asRecord(value: unknown): Record<string, unknown> {
  return typeof value === "object" && value !== null ? { ...value } : {};
}
