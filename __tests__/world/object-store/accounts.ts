import { S3Error } from "./s3-error.ts";

/** What an access key may do: `s3:GetObject`, or with `*` and `?` as in a policy. */
export interface AllowedAction {
  readonly action: string;
  /** Only on keys that start with it; for `s3:ListBucket`, only with a `prefix` that does. */
  readonly keyPrefix?: string;
  /** Only on this bucket. */
  readonly bucket?: string;
}

export interface Account {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  /** Makes the key a temporary one. */
  readonly sessionToken?: string;
  readonly expiresAt?: Date;
  /** What is not listed is denied. */
  readonly actions: readonly (string | AllowedAction)[];
}

export interface Resource {
  readonly bucket: string;
  /** Key of the object; for a listing its prefix; undefined where the request names none. */
  readonly key: string | undefined;
}

export function isAllowed(account: Account, action: string, resource: Resource): boolean {
  return account.actions
    .map((entry): AllowedAction => (typeof entry === "string" ? { action: entry } : entry))
    .some(
      (entry) =>
        matchesPattern(entry.action, action) &&
        (entry.bucket === undefined || entry.bucket === resource.bucket) &&
        // A condition on a value that the request does not have is not met, as IAM's StringLike has it.
        (entry.keyPrefix === undefined || resource.key?.startsWith(entry.keyPrefix) === true),
    );
}

/** Throws AccessDenied. */
export function checkAllowed(account: Account, action: string, resource: Resource): void {
  if (isAllowed(account, action, resource)) return;
  const path = resource.key === undefined || action.startsWith("s3:List") ? "" : `/${resource.key}`;
  throw new S3Error(
    "AccessDenied",
    `User: arn:aws:iam::000000000000:user/${account.accessKeyId} is not authorized to perform: ${action} on resource: ` +
      `"arn:aws:s3:::${resource.bucket}${path}" because no identity-based policy allows the ${action} action`,
  );
}

function matchesPattern(pattern: string, action: string): boolean {
  const source = pattern
    .replaceAll(/[\\^$.+()[\]{}|]/g, "\\$&")
    .replaceAll("*", ".*")
    .replaceAll("?", ".");
  // Names of actions are compared without regard to case, as IAM does.
  return new RegExp(`^${source}$`, "i").test(action);
}
