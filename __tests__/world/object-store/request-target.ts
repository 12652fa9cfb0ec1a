import { S3Error } from "./s3-error.ts";

export interface QueryParameter {
  readonly name: string;
  readonly value: string;
}

/** Path and query of a path-style request, percent-decoded, nothing normalised: S3 takes `..` in a key as it is. */
export interface RequestTarget {
  readonly path: string;
  readonly bucket: string | undefined;
  readonly key: string | undefined;
  readonly query: readonly QueryParameter[];
}

/** Throws InvalidURI. */
export function parseTarget(url: string): RequestTarget {
  const mark = url.indexOf("?");
  const path = decode(mark === -1 ? url : url.slice(0, mark));
  const slash = path.indexOf("/", 1);
  const bucket = slash === -1 ? path.slice(1) : path.slice(1, slash);
  const key = slash === -1 ? "" : path.slice(slash + 1);
  return {
    path,
    bucket: bucket === "" ? undefined : bucket,
    key: key === "" ? undefined : key,
    query: mark === -1 ? [] : parseQuery(url.slice(mark + 1)),
  };
}

export function findParameter(query: readonly QueryParameter[], name: string): string | undefined {
  return query.find((parameter) => parameter.name === name)?.value;
}

function parseQuery(text: string): QueryParameter[] {
  return text
    .split("&")
    .filter((part) => part !== "")
    .map((part) => {
      const equals = part.indexOf("=");
      const name = equals === -1 ? part : part.slice(0, equals);
      const value = equals === -1 ? "" : part.slice(equals + 1);
      // In a query, unlike in a path, S3 reads a plus sign as a blank.
      return { name: decode(name.replaceAll("+", " ")), value: decode(value.replaceAll("+", " ")) };
    });
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw new S3Error("InvalidURI", "Couldn't parse the specified URI.", { fields: { URI: text } });
  }
}
