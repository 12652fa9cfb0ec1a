import type { ActionManifest } from "./action-manifest.ts";
import type { Stage } from "./masks.ts";
import type { StepLog } from "./step-log.ts";

export interface StepDetails {
  readonly manifest: ActionManifest;
  readonly given: Readonly<Record<string, string>>;
  readonly inputs: ReadonlyMap<string, string>;
  readonly env: Readonly<Record<string, string>>;
}

/** What the runner prints before a stage starts: warnings on its inputs, then all that it hands over (Handler.cs). */
export function printDetails(log: StepLog, stage: Stage, details: StepDetails): void {
  warnOfInputs(log, details);
  if (stage === "post") {
    log.print("Post job cleanup.");
    return;
  }
  const print = (line: string) => {
    log.print(line, "details");
  };
  log.read("##[group]Run ./", "runner");
  const inputs = [...details.inputs].filter(([, value]) => value !== "");
  if (inputs.length > 0) print("with:");
  for (const [name, value] of inputs) print(`  ${name}: ${value}`);
  const env = Object.entries(details.env);
  if (env.length > 0) print("env:");
  for (const [name, value] of env) print(`  ${name}: ${value}`);
  log.read("##[endgroup]", "runner");
}

function warnOfInputs(log: StepLog, { manifest, given }: StepDetails): void {
  const declared = new Map([...manifest.inputs].map(([name, input]) => [name.toLowerCase(), input]));
  const unexpected = Object.keys(given).filter((name) => !declared.has(name.toLowerCase()));
  for (const name of Object.keys(given)) {
    const message = declared.get(name.toLowerCase())?.deprecationMessage;
    if (message !== undefined) log.report("warning", `Input '${name}' has been deprecated with message: ${message}`);
  }
  if (unexpected.length > 0) {
    const valid = [...manifest.inputs.keys()].join("', '");
    log.report("warning", `Unexpected input(s) '${unexpected.join("', '")}', valid inputs are ['${valid}']`);
  }
}
