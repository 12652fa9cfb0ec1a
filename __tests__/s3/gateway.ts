import { execFile } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer, type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { promisify } from "node:util";
import { createCertificateAuthority } from "../fakes/certificates.ts";

export interface GatewayKey {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
}

/** A running RADOS gateway; see scripts/rados-gateway.sh. */
export interface RadosGateway {
  /** `https://127.0.0.1:port` */
  readonly endpoint: string;
  /** PEM of the authority that signed the gateway's certificate, and a file that holds it. */
  readonly certificateAuthority: string;
  readonly certificateAuthorityFile: string;
  readonly owner: GatewayKey;
  /** A user without any permission. */
  readonly stranger: GatewayKey;
  close(): Promise<void>;
}

const run = promisify(execFile);
const script = path.resolve(import.meta.dirname, "../../scripts/rados-gateway.sh");

/** Starts a gateway on free ports in a folder of its own, in about 15 s. Rejects when Ceph's packages are not installed. */
export async function startRadosGateway(): Promise<RadosGateway> {
  const folder = await mkdtemp(path.join(tmpdir(), "rados-gateway-"));
  const authority = await createCertificateAuthority("RADOS gateway of a test");
  const server = await authority.issue({ commonName: "localhost" }, { names: ["localhost", "127.0.0.1"] });
  const file = (name: string): string => path.join(folder, name);
  await writeFile(file("ca.pem"), authority.certificate);
  await writeFile(file("server.pem"), server.certificate, { mode: 0o600 });
  await writeFile(file("server.key.pem"), server.privateKey, { mode: 0o600 });
  const env = {
    ...process.env,
    RADOS_DIR: file("ceph"),
    RADOS_CERTIFICATE: file("server.pem"),
    RADOS_PRIVATE_KEY: file("server.key.pem"),
    RADOS_PORT: String(await findFreePort(1)),
    RADOS_MONITOR_PORT: String(await findFreePort(2)),
  };
  const close = async (): Promise<void> => {
    await run(script, ["stop"], { env });
    await rm(folder, { recursive: true, force: true });
  };
  try {
    const { stdout } = await run(script, ["start"], { env });
    const values = new Map(stdout.split("\n").map((line) => split(line)));
    const value = (name: string): string => values.get(name) ?? "";
    return {
      endpoint: value("RADOS_ENDPOINT"),
      certificateAuthority: authority.certificate,
      certificateAuthorityFile: file("ca.pem"),
      owner: { accessKeyId: value("RADOS_OWNER_ACCESS_KEY"), secretAccessKey: value("RADOS_OWNER_SECRET_KEY") },
      stranger: {
        accessKeyId: value("RADOS_STRANGER_ACCESS_KEY"),
        secretAccessKey: value("RADOS_STRANGER_SECRET_KEY"),
      },
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

function split(line: string): [string, string] {
  const at = line.indexOf("=");
  return [line.slice(0, at), line.slice(at + 1)];
}

/** The first of `count` ports in a row that are free now. */
async function findFreePort(count: number): Promise<number> {
  for (;;) {
    const first = await listenOnce(0);
    const rest = Array.from({ length: count - 1 }, (_, index) => first + 1 + index);
    const free = await Promise.all(
      rest.map((port) =>
        listenOnce(port).then(
          () => true,
          () => false,
        ),
      ),
    );
    if (free.every(Boolean)) return first;
  }
}

function listenOnce(port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.on("error", reject);
    server.listen(port, "127.0.0.1", () => {
      const { port: taken } = server.address() as AddressInfo;
      server.close(() => {
        resolve(taken);
      });
    });
  });
}
