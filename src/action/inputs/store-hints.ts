import { isBucketName } from "../../names.ts";

/** A URL, a path or an ARN, taken apart; else the commonest mistake. */
export function hintBucket(text: string, isAws: boolean): string {
  if (/^arn:[\w-]+:s3[\w-]*:[\w-]+:/.test(text))
    return "give the name of the bucket itself: access points have their own rules, and are not supported";
  const found = findBucket(text);
  if (found !== undefined) {
    const asPrefix = found.prefix === "" ? "" : ` and s3-prefix: ${found.prefix}`;
    return `give it as s3-bucket: ${found.bucket}${asPrefix}`;
  }
  return isAws && /[A-Z_]/.test(text)
    ? "AWS has no capitals and no _ in the name of a bucket; for another store set s3-endpoint, too"
    : "give the name of the bucket alone, as the store lists it";
}

/** The bucket that an address of any kind names, and the path behind it. */
function findBucket(text: string): { readonly bucket: string; readonly prefix: string } | undefined {
  const [, hostBucket] = /^https?:\/\/([^/:?]+)\.s3[.-][^/]*(?:\/|$)/i.exec(text) ?? [];
  const path = text
    .replace(/\?.*$/s, "")
    .replace(/^https?:\/\/[^/]*\/?(?:s3\/buckets\/)?/i, "")
    .replace(/^(?:s3:\/\/|arn:[\w-]+:s3:::|\/)/i, "");
  const [first = "", ...others] = (hostBucket === undefined ? path : `${hostBucket}/${path}`).split("/");
  const prefix = others.filter((segment) => segment !== "" && segment !== "*").join("/");
  if (first === text || !isBucketName(first)) return undefined;
  return { bucket: first, prefix: /^[\w/.-]*$/.test(prefix) ? prefix : "" };
}

/** What a prefix that is refused may mean. */
export function hintPrefix(text: string): string {
  if (text.startsWith("s3://")) return "the bucket stands in s3-bucket: give what follows it, such as etcd/prod";
  const withoutStar = text.replace(/\/\*$/, "");
  return withoutStar !== text && /^[\w/.-]+$/.test(withoutStar)
    ? `the star belongs to the policy alone: give ${withoutStar}`
    : "choose a plain path such as etcd/prod";
}
