import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";

/** One run of a program that the workflows call beside the action. */
export interface Call {
  readonly program: string;
  readonly args: readonly string[];
  /** Content of the file that KUBECONFIG names. */
  readonly kubeconfig?: string;
  /** Content of the file after `--filename`. */
  readonly manifest?: string;
}

/** Standard output by program and first arguments, as `kubectl get` and `gh issue list`; nothing for others. */
export type Answers = Readonly<Record<string, string>>;

/** What a role of AWS gives to the job that takes it on. */
export interface RoleSession {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken: string;
}

const programs = ["kubectl", "gh", "npm", "attest"];
const callsFile = "calls.jsonl";

/** Puts programs into a folder that answer, do nothing, and note how they were called. */
export async function installStandIns(folder: string, answers: Answers): Promise<void> {
  await mkdir(folder);
  await writeFile(join(folder, callsFile), "");
  const source = `#!${process.execPath}
const { appendFileSync, existsSync, readFileSync } = require("node:fs");
const args = process.argv.slice(2);
const read = (path) => (path && existsSync(path) ? readFileSync(path, "utf8") : undefined);
const program = require("node:path").basename(process.argv[1]);
const manifest = args.includes("--filename") ? read(args[args.indexOf("--filename") + 1]) : undefined;
// act itself asks gh for a token before it runs anything; it gets none.
if (process.env.GITHUB_ACTIONS === "true") appendFileSync(
  ${JSON.stringify(join(folder, callsFile))},
  JSON.stringify({ program, args, kubeconfig: read(process.env.KUBECONFIG), manifest }) + "\\n",
);
const answers = ${JSON.stringify(answers)};
process.stdout.write(answers[[program, args[0], args[1]].join(" ")] ?? answers[program + " " + args[0]] ?? "");
`;
  for (const program of programs) await writeFile(join(folder, program), source, { mode: 0o755 });
}

/**
 * Folders of actions that stand in the place of others, by the names of those. Files go from job to job through a folder of this
 * machine, a role gives the session that `roles` has for its ARN, and who attests is noted as a call.
 */
export async function installActions(
  folder: string,
  roles: Readonly<Record<string, RoleSession>>,
): Promise<Readonly<Record<string, string>>> {
  const stored = join(folder, "stored");
  // In a file: act prints the scripts of its steps.
  const sessions = join(folder, "sessions.json");
  await mkdir(folder);
  await writeFile(sessions, JSON.stringify(roles));
  const scripts: Readonly<Record<string, { readonly inputs: readonly string[]; readonly run: string }>> = {
    "actions/upload-artifact": {
      inputs: ["name", "path", "if-no-files-found", "retention-days"],
      run: `mkdir -p "${stored}/$NAME" && if [ -d "$FILES" ]; then cp -r "$FILES/." "${stored}/$NAME/"; else cp "$FILES" "${stored}/$NAME/"; fi`,
    },
    "actions/download-artifact": {
      inputs: ["name", "path", "pattern", "merge-multiple"],
      run: `mkdir -p "$FILES" && cp ${stored}/*/* "$FILES/"`,
    },
    "actions/setup-node": { inputs: ["node-version-file", "package-manager-cache"], run: "node --version" },
    "actions/attest": { inputs: ["subject-path", "sbom-path"], run: 'attest $SUBJECTS "$SBOM"' },
    "aws-actions/configure-aws-credentials": {
      inputs: ["role-to-assume", "role-duration-seconds", "aws-region"],
      // As the real one does it: hidden first, then for every step that follows.
      run: `set -o pipefail
for name in accessKeyId secretAccessKey sessionToken; do
  value=$(jq --exit-status --raw-output --arg role "$ROLE" --arg name "$name" '.[$role][$name]' "${sessions}")
  echo "::add-mask::$value"
  echo "AWS_$(sed 's/[A-Z]/_&/g' <<<"$name" | tr a-z A-Z)=$value" >>"$GITHUB_ENV"
done`,
    },
  };
  const env = {
    NAME: "${{ inputs.name }}",
    FILES: "${{ inputs.path }}",
    SUBJECTS: "${{ inputs.subject-path }}",
    SBOM: "${{ inputs.sbom-path }}",
    ROLE: "${{ inputs.role-to-assume }}",
  };
  const places = Object.entries(scripts).map(async ([name, { inputs, run }]) => {
    const place = join(folder, name);
    await mkdir(place, { recursive: true });
    const declared = Object.fromEntries(inputs.map((input) => [input, { description: input }]));
    const runs = { using: "composite", steps: [{ shell: "bash", run, env }] };
    await writeFile(join(place, "action.yml"), JSON.stringify({ name, description: name, inputs: declared, runs }));
    return [name, place] as const;
  });
  return Object.fromEntries(await Promise.all(places));
}

export async function readCalls(folder: string): Promise<readonly Call[]> {
  const lines = (await readFile(join(folder, callsFile), "utf8")).split("\n");
  return lines.filter((line) => line !== "").map((line) => JSON.parse(line) as Call);
}
