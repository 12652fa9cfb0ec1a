import type { StepInputs } from "./world.ts";

const plainInputs = ["github-token", "s3-secret-access-key", "s3-session-token", "presign-secret-access-key"];
const secretVariables = ["AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"];
/** What is shorter is found by chance; no secret of a real workflow is. */
const shortestSecret = 6;

/** The secrets in `with:` and `env:` of a step, by name, for the leak oracle. */
export function listStepSecrets(inputs: StepInputs, env: StepInputs = {}): Readonly<Record<string, string | Buffer>> {
  const found: Record<string, string | Buffer> = {};
  for (const name of plainInputs) found[name] = inputs[name] ?? "";
  for (const name of secretVariables) found[name] = env[name] ?? "";
  found["encryption-key"] = Buffer.from(inputs["encryption-key"] ?? "", "base64");
  // As a file of age-keygen has it, with lines that are no secret.
  const identities = (inputs["age-identity"] ?? "").split("\n").filter((line) => line.startsWith("AGE-SECRET-KEY-"));
  for (const [index, identity] of identities.entries()) found[`age-identity ${String(index)}`] = identity;
  for (const [index, secret] of kubeconfigSecrets(inputs["kubeconfig"] ?? "").entries())
    found[`kubeconfig ${String(index)}`] = secret;
  return Object.fromEntries(Object.entries(found).filter(([, secret]) => secret.length >= shortestSecret));
}

/** Signatures of signed URLs in a text. */
export function listSignatures(text: string): Readonly<Record<string, string>> {
  const signatures = [...text.matchAll(/X-Amz-Signature=([0-9a-f]{64})/g)].map((match) => match[1] ?? "");
  return Object.fromEntries(signatures.map((signature, index) => [`signature ${String(index)}`, signature]));
}

function kubeconfigSecrets(given: string): readonly string[] {
  const text = given.includes(":") ? given : Buffer.from(given, "base64").toString();
  return [...text.matchAll(/\b(?:token|password|client-key-data)["']?: *["']?([^\s"',}]+)/g)].flatMap(
    ([line, secret = ""]) =>
      line.startsWith("client-key-data") ? [secret, Buffer.from(secret, "base64").toString()] : [secret],
  );
}
