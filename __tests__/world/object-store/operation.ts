import { notImplemented } from "./s3-error.ts";
import type { RequestTarget } from "./request-target.ts";

interface Shape {
  readonly method: "GET" | "HEAD" | "PUT" | "POST" | "DELETE";
  readonly on: "bucket" | "key";
  /** Query parameters that make a request this operation; `name=value` fixes the value. */
  readonly requires: readonly string[];
  readonly allows: readonly string[];
  /** The permission it needs: "Actions defined by Amazon S3" of the Service Authorization Reference. */
  readonly action: string;
  /** The permission where the request names a version. */
  readonly versionAction?: string;
}

const shapes = {
  HeadBucket: { method: "HEAD", on: "bucket", requires: [], allows: [], action: "s3:ListBucket" },
  ListObjectsV2: {
    method: "GET",
    on: "bucket",
    requires: ["list-type=2"],
    allows: ["prefix", "delimiter", "max-keys", "continuation-token", "start-after", "encoding-type", "fetch-owner"],
    action: "s3:ListBucket",
  },
  ListObjectVersions: {
    method: "GET",
    on: "bucket",
    requires: ["versions"],
    allows: ["prefix", "encoding-type"],
    action: "s3:ListBucketVersions",
  },
  ListMultipartUploads: {
    method: "GET",
    on: "bucket",
    requires: ["uploads"],
    allows: ["prefix", "delimiter", "max-uploads", "key-marker", "upload-id-marker", "encoding-type"],
    action: "s3:ListBucketMultipartUploads",
  },
  GetBucketVersioning: {
    method: "GET",
    on: "bucket",
    requires: ["versioning"],
    allows: [],
    action: "s3:GetBucketVersioning",
  },
  GetBucketLocation: {
    method: "GET",
    on: "bucket",
    requires: ["location"],
    allows: [],
    action: "s3:GetBucketLocation",
  },
  DeleteObjects: { method: "POST", on: "bucket", requires: ["delete"], allows: [], action: "s3:DeleteObject" },
  PutObject: { method: "PUT", on: "key", requires: [], allows: [], action: "s3:PutObject" },
  HeadObject: {
    method: "HEAD",
    on: "key",
    requires: [],
    allows: ["versionId"],
    action: "s3:GetObject",
    versionAction: "s3:GetObjectVersion",
  },
  GetObject: {
    method: "GET",
    on: "key",
    requires: [],
    allows: ["versionId"],
    action: "s3:GetObject",
    versionAction: "s3:GetObjectVersion",
  },
  DeleteObject: {
    method: "DELETE",
    on: "key",
    requires: [],
    allows: ["versionId"],
    action: "s3:DeleteObject",
    versionAction: "s3:DeleteObjectVersion",
  },
  CreateMultipartUpload: { method: "POST", on: "key", requires: ["uploads"], allows: [], action: "s3:PutObject" },
  UploadPart: { method: "PUT", on: "key", requires: ["partNumber", "uploadId"], allows: [], action: "s3:PutObject" },
  ListParts: {
    method: "GET",
    on: "key",
    requires: ["uploadId"],
    allows: ["max-parts", "part-number-marker", "encoding-type"],
    action: "s3:ListMultipartUploadParts",
  },
  CompleteMultipartUpload: { method: "POST", on: "key", requires: ["uploadId"], allows: [], action: "s3:PutObject" },
  AbortMultipartUpload: {
    method: "DELETE",
    on: "key",
    requires: ["uploadId"],
    allows: [],
    action: "s3:AbortMultipartUpload",
  },
} as const satisfies Record<string, Shape>;

export type OperationName = keyof typeof shapes;

const names = Object.keys(shapes).filter((name): name is OperationName => name in shapes);

/** The operation of a request; undefined for one that this store does not have. */
export function findOperation(method: string, target: RequestTarget): OperationName | undefined {
  const on = target.key === undefined ? "bucket" : "key";
  const has = (required: string) => {
    const [name, value] = required.split("=");
    return target.query.some((parameter) => parameter.name === name && [undefined, parameter.value].includes(value));
  };
  return names
    .filter((name) => shapes[name].method === method && shapes[name].on === on && shapes[name].requires.every(has))
    .sort((a, b) => shapes[b].requires.length - shapes[a].requires.length)[0];
}

/** Throws NotImplemented for a parameter that the operation does not take here, such as `acl`. */
export function checkParameters(operation: OperationName, target: RequestTarget): void {
  const shape: Shape = shapes[operation];
  const known = [...shape.requires.map((required) => required.split("=")[0]), ...shape.allows, "x-id"];
  for (const { name } of target.query)
    if (!known.includes(name) && !name.toLowerCase().startsWith("x-amz-")) throw notImplemented(name);
}

/** The IAM action that a request needs. */
export function findAction(operation: OperationName, namesVersion: boolean): string {
  const shape: Shape = shapes[operation];
  return namesVersion ? (shape.versionAction ?? shape.action) : shape.action;
}
