/** Says what is wrong with a file that could not be read; completes "<path> …". */
export function describeFileError(error: unknown): string {
  const errno = errnoOf(error);
  switch (errno) {
    case "ENOENT":
      return "does not exist";
    case "ELOOP":
      return "is a symbolic link";
    default:
      return `cannot be read (${errno})`;
  }
}

/** The code of a failed system call, such as `ENOENT`; `unknown` for any other error. */
export function errnoOf(error: unknown): string {
  const code: unknown = error instanceof Error && "code" in error ? error.code : undefined;
  return typeof code === "string" && /^[A-Z0-9_]{1,40}$/.test(code) ? code : "unknown";
}
