import http from "node:http";
import https from "node:https";
import { listenDuringTest } from "./test-server.ts";

/** What came in; `name` is the S3 operation that method and query stand for. */
export interface ScriptedRequest {
  readonly name: string;
  readonly method: string;
  readonly url: URL;
  readonly headers: http.IncomingHttpHeaders;
  readonly body: Buffer;
  /** 1 for the first request of this name. */
  readonly count: number;
}

export interface ScriptedAnswer {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Buffer;
  /** Ends the connection, or falls silent, after so many bytes of the body; `content-length` promises all of it. */
  readonly cutAt?: number;
  readonly stallAt?: number;
  /** Sends the body again and again, without an end: so many milliseconds lie between two times. */
  readonly dripMs?: number;
}

/** An answer, a connection that is cut without one, or silence. */
export type Script = (request: ScriptedRequest) => ScriptedAnswer | "cut" | "silence";

export interface ScriptedStore {
  readonly endpoint: string;
  /** In order of arrival. */
  readonly requests: readonly ScriptedRequest[];
  names(): readonly string[];
}

/** A server for one test that answers as it says: for faults no real store can be asked for. With `tls`, over TLS. */
export async function startScriptedStore(
  script: Script,
  tls?: { readonly certificate: string; readonly privateKey: string },
): Promise<ScriptedStore> {
  const requests: ScriptedRequest[] = [];
  const listener = (incoming: http.IncomingMessage, response: http.ServerResponse): void => {
    const chunks: Buffer[] = [];
    incoming.on("data", (chunk: Buffer) => chunks.push(chunk));
    incoming.on("end", () => {
      const url = new URL(incoming.url ?? "/", "http://store");
      const method = incoming.method ?? "";
      const name = operationName(method, url.searchParams);
      const count = requests.filter((request) => request.name === name).length + 1;
      const request = { name, method, url, headers: incoming.headers, body: Buffer.concat(chunks), count };
      requests.push(request);
      send(script(request), response, method);
    });
  };
  const server = tls
    ? https.createServer({ cert: tls.certificate, key: tls.privateKey }, listener)
    : http.createServer(listener);
  const port = await listenDuringTest(server);
  return {
    endpoint: `${tls ? "https" : "http"}://127.0.0.1:${port}`,
    requests,
    names: () => requests.map((request) => request.name),
  };
}

function send(answer: ScriptedAnswer | "cut" | "silence", response: http.ServerResponse, method: string): void {
  if (answer === "silence") return;
  if (answer === "cut") {
    response.destroy();
    return;
  }
  const body = Buffer.from(answer.body ?? "");
  if (answer.dripMs !== undefined) {
    response.writeHead(answer.status, { ...answer.headers });
    const timer = setInterval(() => response.write(body), answer.dripMs);
    response.on("close", () => {
      clearInterval(timer);
    });
    return;
  }
  const isChunked = answer.headers?.["transfer-encoding"] !== undefined;
  response.writeHead(answer.status, { ...(isChunked ? {} : { "content-length": body.byteLength }), ...answer.headers });
  const end = answer.cutAt ?? answer.stallAt;
  if (method === "HEAD" || end === undefined) {
    response.end(method === "HEAD" ? undefined : body);
    return;
  }
  response.write(body.subarray(0, end), () => {
    // Later, so that the client has read what was sent.
    if (answer.cutAt !== undefined) setTimeout(() => response.destroy(), 50);
  });
}

function operationName(method: string, query: URLSearchParams): string {
  if (method === "HEAD") return "HeadObject";
  if (method === "DELETE") return query.has("uploadId") ? "AbortMultipartUpload" : "DeleteObject";
  if (method === "PUT") return query.has("uploadId") ? "UploadPart" : "PutObject";
  if (method === "POST") return query.has("uploads") ? "CreateMultipartUpload" : "CompleteMultipartUpload";
  if (query.get("list-type") === "2") return "ListObjects";
  return query.has("uploads") ? "ListMultipartUploads" : "GetObject";
}

/** An error as S3 sends it. */
export function refusal(status: number, code: string, more = ""): ScriptedAnswer {
  const body = `<?xml version="1.0" encoding="UTF-8"?><Error><Code>${code}</Code><Message>secret words</Message>${more}</Error>`;
  return { status, headers: { "content-type": "application/xml" }, body };
}

/** The answer to a HEAD of an object. */
export function head(sizeBytes: number, metadata: Readonly<Record<string, string>>, etag = "feed"): ScriptedAnswer {
  const headers: Record<string, string> = { "content-length": String(sizeBytes), etag: `"${etag}"` };
  for (const [name, value] of Object.entries(metadata)) headers[`x-amz-meta-${name}`] = value;
  return { status: 200, headers };
}

export const absent: ScriptedAnswer = refusal(404, "NoSuchKey");

export const created: ScriptedAnswer = {
  status: 200,
  headers: { "content-type": "application/xml" },
  body: '<?xml version="1.0"?><InitiateMultipartUploadResult><UploadId>upload-1</UploadId></InitiateMultipartUploadResult>',
};

export const completed: ScriptedAnswer = {
  status: 200,
  headers: { "content-type": "application/xml" },
  body: '<?xml version="1.0"?><CompleteMultipartUploadResult><ETag>"a-1"</ETag></CompleteMultipartUploadResult>',
};
