import { BlockList, isIP } from "node:net";
import { ActionError } from "../../errors.ts";
import { invalidInput, invalidSecret } from "./value.ts";

/**
 * Addresses where a cloud gives credentials to whoever asks from the machine: the link-local ranges, and those outside
 * of them of AWS (IPv6), Azure's WireServer, Alibaba Cloud, Oracle Cloud and Google Cloud (IPv6). IPv4 written inside
 * IPv6 (NAT64, 6to4, "compatible") is listed by hand, since only the mapped form is recognised by itself.
 */
const metadataAddresses = new BlockList();
metadataAddresses.addSubnet("169.254.0.0", 16, "ipv4");
metadataAddresses.addAddress("168.63.129.16", "ipv4");
metadataAddresses.addAddress("100.100.100.200", "ipv4");
metadataAddresses.addAddress("192.0.0.192", "ipv4");
metadataAddresses.addSubnet("fe80::", 10, "ipv6");
metadataAddresses.addAddress("fd00:ec2::254", "ipv6");
metadataAddresses.addAddress("fd20:ce::254", "ipv6");
metadataAddresses.addSubnet("64:ff9b::a9fe:0", 112, "ipv6");
metadataAddresses.addSubnet("2002:a9fe::", 32, "ipv6");
metadataAddresses.addSubnet("::a9fe:0", 112, "ipv6");

const metadataNames = new Set([
  "metadata",
  "metadata.google.internal",
  "metadata.goog",
  "instance-data",
  "instance-data.ec2.internal",
]);

/** The endpoint, as the S3 client takes it, without a slash at its end; throws `input-invalid`. Nothing is looked up. */
export function parseEndpoint(text: string, allowInsecure: boolean): string {
  // Userinfo may hold a password, and a query a signature: such a value is not shown.
  if (/[@?#]/.test(text))
    throw invalidSecret("s3-endpoint", {
      rule: "a URL without user, password, query and fragment",
      hint: "give the keys as s3-access-key-id and s3-secret-access-key; a signed URL is no endpoint",
    });
  const expected = allowInsecure ? "an https:// or http:// URL" : "an https:// URL";
  const url = /[\s\p{Cc}\\]/u.test(text) || !/^https?:\/\/[^/]/i.test(text) ? null : URL.parse(text);
  if (url === null)
    throw invalidInput("s3-endpoint", text, {
      rule: expected,
      hint: "begin it with https:// as in https://s3.example.com; leave it out for AWS",
    });
  if (url.protocol === "http:" && !allowInsecure)
    throw new ActionError("input-invalid", "the input s3-endpoint is an http:// URL; it must be an https:// URL", {
      hint: "use https://, or set allow-insecure-endpoint to true: the snapshot then crosses the network in clear",
    });
  if (isMetadataHost(url.hostname))
    throw invalidInput("s3-endpoint", text, {
      rule: "the address of an object store, not of a cloud's metadata service",
      hint: "that service hands out the credentials of the machine; name the host of the store",
    });
  return (url.origin + url.pathname).replace(/\/+$/, "");
}

/**
 * Throws `input-invalid` for an endpoint that holds the bucket, as some consoles show it: objects would land in a folder of
 * that name, at an address that works with this endpoint alone. `styleGiven`: s3-force-path-style is set, so a host whose
 * name begins as the bucket's is meant.
 */
export function refuseBucketInEndpoint(endpoint: string, bucket: string, styleGiven: boolean): void {
  const url = new URL(endpoint);
  const segments = url.pathname.split("/").filter((segment) => segment !== "");
  if ([segments[0], segments.at(-1)].some((segment) => segment !== undefined && decode(segment) === bucket))
    throw new ActionError("input-invalid", `the input s3-endpoint has the bucket ${bucket} in its path`, {
      hint: `remove /${bucket} from s3-endpoint: s3-bucket names the bucket`,
    });
  if (!styleGiven && url.hostname.startsWith(`${bucket.toLowerCase()}.`))
    throw new ActionError("input-invalid", `the input s3-endpoint has the bucket ${bucket} in its host name`, {
      hint: `remove "${bucket}." from s3-endpoint; if the host only happens to be called so, set s3-force-path-style`,
    });
}

function decode(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch {
    return segment;
  }
}

/** True for S3 at AWS itself, where a region cannot be guessed. */
export function isAwsEndpoint(endpoint: string): boolean {
  return /(?:^|\.)amazonaws\.com(?:\.cn)?$/.test(new URL(endpoint).hostname);
}

function isMetadataHost(hostname: string): boolean {
  const host = hostname.replace(/^\[|\]$/g, "").replace(/\.$/, "");
  const version = isIP(host);
  if (version === 0) return metadataNames.has(host);
  return metadataAddresses.check(host, version === 6 ? "ipv6" : "ipv4");
}
