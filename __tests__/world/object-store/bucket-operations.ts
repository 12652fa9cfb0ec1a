import { answerXml, type Answer, type S3Request } from "./s3-request.ts";

export function headBucket({ bucket }: S3Request): Answer {
  return {
    status: 200,
    headers: { "x-amz-bucket-region": bucket.options.region, "x-amz-access-point-alias": "false" },
  };
}

export function getBucketVersioning({ bucket }: S3Request): Answer {
  const { versioning, objectLock } = bucket.options;
  const status = objectLock === true || versioning === "enabled" ? "Enabled" : versioning && "Suspended";
  return answerXml("VersioningConfiguration", status === undefined ? [] : [["Status", status]]);
}

/** Empty for us-east-1, as it always was. */
export function getBucketLocation({ bucket }: S3Request): Answer {
  const { region } = bucket.options;
  return answerXml("LocationConstraint", region === "us-east-1" ? "" : region);
}
