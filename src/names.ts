/**
 * Names that come from inputs, answers and objects, each by one rule. The rules of AWS hold for AWS alone: other stores
 * have regions in capitals (`GRA`, `NL`) and buckets with capitals or underscores.
 */

/** A namespace (RFC 1123 label). */
export function isNamespace(text: string): boolean {
  return text.length <= 63 && /^[a-z0-9](?:[a-z0-9-]*[a-z0-9])?$/.test(text);
}

/** An object of Kubernetes (RFC 1123 subdomain: labels between dots), safe as one step of a path. */
export function isObjectName(text: string): boolean {
  return text.length <= 253 && /^[a-z0-9](?:[a-z0-9-]*[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]*[a-z0-9])?)*$/.test(text);
}

/** A region of any store; it becomes a part of the signature's scope, between slashes. */
export function isRegion(text: string): boolean {
  return /^[A-Za-z0-9][A-Za-z0-9_-]{0,62}$/.test(text);
}

export function isAwsRegion(text: string): boolean {
  return /^[a-z0-9][a-z0-9-]{0,62}$/.test(text);
}

/** A bucket of any store, safe as one step of a path. */
export function isBucketName(text: string): boolean {
  return /^[A-Za-z0-9_](?:[A-Za-z0-9_-]|\.(?!\.)){1,253}[A-Za-z0-9_]$/.test(text) && !isAddress(text);
}

/** Source of the rule: the S3 user guide's bucket naming rules; dots are allowed, no dot beside another. */
export function isAwsBucketName(text: string): boolean {
  return /^[a-z0-9](?:[a-z0-9-]|\.(?!\.)){1,61}[a-z0-9]$/.test(text) && !isAddress(text);
}

function isAddress(text: string): boolean {
  return /^\d+\.\d+\.\d+\.\d+$/.test(text);
}
