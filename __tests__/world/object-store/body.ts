import { createHash } from "node:crypto";
import { open, rm } from "node:fs/promises";
import { createChecksum, findStatedChecksum, type Checksum, type RunningChecksum } from "./checksums.ts";
import { S3Error } from "./s3-error.ts";

/** What the headers of a request say of its body. */
export interface BodyClaims {
  readonly lengthBytes: number;
  readonly sha256: string | undefined;
  readonly md5: Buffer | undefined;
  readonly checksum: Checksum | undefined;
}

export interface ReceivedFile {
  readonly path: string;
  readonly sizeBytes: number;
  readonly md5: string;
  readonly checksum: Checksum | undefined;
}

/** One PUT carries at most 5 GiB. */
const lengthMaxBytes = 5 * 1024 ** 3;
/** A completion of 10 000 parts with checksums is about 2 MiB. */
const textMaxBytes = 4 * 1024 ** 2;

/** Throws MissingContentLength, EntityTooLarge, InvalidDigest, or what a malformed checksum is answered with. */
export function parseBodyClaims(headers: ReadonlyMap<string, string>, payloadSha256: string | undefined): BodyClaims {
  const length = headers.get("content-length");
  if (length === undefined)
    throw new S3Error("MissingContentLength", "You must provide the Content-Length HTTP header.");
  const lengthBytes = Number(length);
  if (lengthBytes > lengthMaxBytes)
    throw new S3Error("EntityTooLarge", "Your proposed upload exceeds the maximum allowed size", {
      fields: { ProposedSize: length, MaxSizeAllowed: String(lengthMaxBytes) },
    });
  const stated = headers.get("content-md5");
  const md5 = stated === undefined ? undefined : Buffer.from(stated, "base64");
  if (md5 !== undefined && (md5.length !== 16 || md5.toString("base64") !== stated))
    throw new S3Error("InvalidDigest", "The Content-MD5 you specified was invalid.", {
      fields: { "Content-MD5": stated ?? "" },
    });
  return { lengthBytes, sha256: payloadSha256, md5, checksum: findStatedChecksum(headers) };
}

/**
 * Writes a body to `path` and hashes it on its way. The file is gone when the body was not what the headers say; then BadDigest
 * or XAmzContentSHA256Mismatch is thrown, or the stream's error when the client went away.
 */
export async function receiveFile(
  chunks: AsyncIterable<Uint8Array>,
  claims: BodyClaims,
  path: string,
): Promise<ReceivedFile> {
  const file = await open(path, "wx", 0o600);
  const digest = createDigest(claims);
  try {
    for await (const chunk of chunks) {
      digest.update(chunk);
      for (let written = 0; written < chunk.byteLength;)
        written += (await file.write(chunk, written, chunk.byteLength - written)).bytesWritten;
    }
    return { path, ...digest.check() };
  } catch (error) {
    await rm(path, { force: true });
    throw error;
  } finally {
    await file.close();
  }
}

/** The body as text, checked like a file. */
export async function receiveText(chunks: AsyncIterable<Uint8Array>, claims: BodyClaims): Promise<string> {
  if (claims.lengthBytes > textMaxBytes) throw new S3Error("MalformedXML", "The XML you provided was not well-formed");
  const digest = createDigest(claims);
  const parts: Uint8Array[] = [];
  for await (const chunk of chunks) {
    digest.update(chunk);
    parts.push(chunk);
  }
  digest.check();
  return Buffer.concat(parts).toString("utf8");
}

interface BodyDigest {
  update(chunk: Uint8Array): void;
  check(): { readonly sizeBytes: number; readonly md5: string; readonly checksum: Checksum | undefined };
}

function createDigest(claims: BodyClaims): BodyDigest {
  const md5 = createHash("md5");
  const sha256 = claims.sha256 === undefined ? undefined : createHash("sha256");
  const sum: RunningChecksum | undefined = claims.checksum && createChecksum(claims.checksum.algorithm);
  let sizeBytes = 0;
  return {
    update: (chunk) => {
      sizeBytes += chunk.byteLength;
      md5.update(chunk);
      sha256?.update(chunk);
      sum?.update(chunk);
    },
    check: () => {
      // Node ends the stream with an error when fewer bytes came than Content-Length says.
      const md5Bytes = md5.digest();
      const computed = sha256?.digest("hex");
      if (claims.sha256 !== undefined && computed !== claims.sha256)
        throw new S3Error(
          "XAmzContentSHA256Mismatch",
          "The provided 'x-amz-content-sha256' header does not match what was computed.",
          { fields: { ClientComputedContentSHA256: claims.sha256, S3ComputedContentSHA256: computed ?? "" } },
        );
      if (claims.md5 !== undefined && !claims.md5.equals(md5Bytes))
        throw new S3Error("BadDigest", "The Content-MD5 you specified did not match what we received.", {
          fields: { ExpectedDigest: claims.md5.toString("hex"), CalculatedDigest: md5Bytes.toString("base64") },
        });
      if (claims.checksum !== undefined && sum?.digest().toString("base64") !== claims.checksum.value)
        throw new S3Error(
          "BadDigest",
          `The ${claims.checksum.algorithm.toUpperCase()} you specified did not match the calculated checksum.`,
        );
      return { sizeBytes, md5: md5Bytes.toString("hex"), checksum: claims.checksum };
    },
  };
}
