/** One request as it was received. */
export interface LoggedRequest {
  /** Milliseconds since the epoch, of this machine. */
  readonly at: number;
  readonly verb: string;
  /** With its subresource: `deployments/scale`; the path where it names none. */
  readonly resource: string;
  readonly group: string;
  readonly namespace: string | undefined;
  readonly name: string | undefined;
  readonly dryRun: boolean;
  readonly user: string | undefined;
  readonly userAgent: string | undefined;
  readonly query: Readonly<Record<string, string>>;
  readonly contentType: string | undefined;
  /** Parsed JSON of the request. */
  readonly body: unknown;
  /** Of an exec. */
  readonly argv: readonly string[] | undefined;
  /** Of the answer, 101 for an exec; undefined while there is none, and where the connection was reset. */
  status: number | undefined;
}
