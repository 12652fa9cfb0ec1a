import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import path from "node:path";

export interface AccessKey {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
}

/** An S3 server over TLS that verifies signatures; it holds no buckets but those that a suite made. */
export interface S3Server {
  readonly title: string;
  readonly version: string;
  /** `https://127.0.0.1:port` */
  readonly endpoint: string;
  /** PEM of the certificate that is to be trusted, and a file that holds it. */
  readonly certificateAuthority: string;
  readonly certificateAuthorityFile: string;
  /** Of a user who may do everything. */
  readonly owner: AccessKey;
  /** Of a user without any permission. */
  readonly stranger: AccessKey;
}

export interface RunningServer {
  readonly server: S3Server;
  close(): Promise<void>;
}

/** Servers written by others, and the scripts that start them. */
export const serverTitles = { "rados-gateway": "RADOS gateway", versitygw: "versitygw" } as const;
export type ServerName = keyof typeof serverTitles;

/** What a script exits with when the machine has not what its server needs. */
const lackingExitCode = 3;

/** The machine has not what a server needs; the message is one line that says what. */
export class ServerLacking extends Error {
  override readonly name = "ServerLacking";
}

/**
 * Starts a server by its script, which ends it together with this process, in whatever way that ends. Throws ServerLacking, or an
 * Error with the script's own words.
 */
export async function startServer(name: ServerName): Promise<RunningServer> {
  const script = path.resolve(import.meta.dirname, `../../scripts/${name}.sh`);
  // Detached: a Ctrl-C in the terminal is for this process, and the script hears of it by the end of its input.
  const child = spawn(script, [], { stdio: ["pipe", "pipe", "pipe"], detached: true });
  const exited = once(child, "exit");
  child.stdin.on("error", () => undefined);
  let errors = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    errors += text;
  });
  const close = async (): Promise<void> => {
    child.stdin.end();
    await exited;
  };
  const values = await readAnswer(child.stdout);
  if (!values.has("S3_STRANGER_SECRET_KEY")) {
    await close();
    const reason = errors.trim().split("\n").at(-1) ?? "";
    throw child.exitCode === lackingExitCode ? new ServerLacking(reason) : new Error(reason || `${name} did not start`);
  }
  const value = (key: string): string => values.get(key) ?? "";
  const key = (user: string): AccessKey => ({
    accessKeyId: value(`S3_${user}_ACCESS_KEY`),
    secretAccessKey: value(`S3_${user}_SECRET_KEY`),
  });
  const certificateAuthorityFile = value("S3_CA_FILE");
  return {
    server: {
      title: serverTitles[name],
      version: value("S3_VERSION"),
      endpoint: value("S3_ENDPOINT"),
      certificateAuthority: await readFile(certificateAuthorityFile, "utf8"),
      certificateAuthorityFile,
      owner: key("OWNER"),
      stranger: key("STRANGER"),
    },
    close,
  };
}

/** NAME=value lines up to the last one that is announced, or up to the end. */
async function readAnswer(output: AsyncIterable<Buffer>): Promise<ReadonlyMap<string, string>> {
  const values = new Map<string, string>();
  let text = "";
  for await (const chunk of output) {
    text += chunk.toString();
    if (/^S3_STRANGER_SECRET_KEY=.*\n/m.test(text)) break;
  }
  for (const line of text.split("\n")) {
    const at = line.indexOf("=");
    if (at > 0) values.set(line.slice(0, at), line.slice(at + 1));
  }
  return values;
}
