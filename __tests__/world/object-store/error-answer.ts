import { createHash, randomBytes } from "node:crypto";
import type { Answer } from "./s3-request.ts";
import { renderXml } from "./xml.ts";

export interface ErrorFacts {
  readonly status: number;
  readonly code: string;
  readonly message?: string;
  readonly fields?: Readonly<Record<string, string>>;
  readonly headers?: Readonly<Record<string, string>>;
}

/** An error as S3 sends it; a server leaves out the body where the method or the status forbids one. */
export function renderErrorAnswer({ status, code, message, fields, headers }: ErrorFacts): Answer {
  const ids = createRequestIds();
  return {
    status,
    headers: {
      "content-type": "application/xml",
      "x-amz-request-id": ids.requestId,
      "x-amz-id-2": ids.hostId,
      ...headers,
    },
    body: renderXml("Error", [
      ["Code", code],
      ["Message", message ?? code],
      ...Object.entries(fields ?? {}),
      ["RequestId", ids.requestId],
      ["HostId", ids.hostId],
    ]),
  };
}

/** The two ids that every answer carries. */
export function createRequestIds(): { readonly requestId: string; readonly hostId: string } {
  const requestId = randomBytes(8).toString("hex").toUpperCase();
  return { requestId, hostId: createHash("sha512").update(requestId).digest("base64") };
}
