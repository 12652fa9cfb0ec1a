import { listAt, stringAt } from "../../../src/json-path.ts";
import type { AllowedAction } from "./accounts.ts";

/**
 * What an IAM policy allows, as the store takes it. Throws for what it does not know: other effects than Allow, and
 * resources that are neither a bucket nor all objects below a prefix.
 */
export function actionsFromPolicy(text: string): readonly AllowedAction[] {
  const policy: unknown = JSON.parse(text);
  return listAt(policy, "Statement").flatMap((statement) => {
    const resource = stringAt(statement, "Resource") ?? "";
    const [, bucket, keyPrefix] = /^arn:aws:s3:::([^/*]+)(?:\/([^*]*)\*)?$/.exec(resource) ?? [];
    if (stringAt(statement, "Effect") !== "Allow" || bucket === undefined)
      throw new Error(`the policy has a statement that is not known here, on ${resource}`);
    return listAt(statement, "Action").map((action) => ({
      action: String(action),
      bucket,
      ...(keyPrefix === undefined ? {} : { keyPrefix }),
    }));
  });
}
