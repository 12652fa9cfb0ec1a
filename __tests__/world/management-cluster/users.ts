import { randomBytes } from "node:crypto";
import { TLSSocket } from "node:tls";
import type { IncomingMessage } from "node:http";
import { stringify } from "yaml";
import type { CertificateAuthority } from "../certificates.ts";
import type { WorldClock } from "./clock.ts";
import { anonymous } from "./rbac.ts";
import { unauthorized } from "./status.ts";

export interface KubeconfigOptions {
  /** Default: the user of the cluster's options. */
  readonly user?: string;
  /** Default `token`. */
  readonly auth?: "token" | "certificate";
  /** Lifetime of the token (its `exp`) or certificate; default 8 h, and `never` for a token that does not say. */
  readonly lifetimeMs?: number | "never";
  /** Default: the cluster's own URL. */
  readonly server?: string;
}

/** Who may talk to the cluster: bearer tokens it gave out, and client certificates of its authority. */
export class Users {
  readonly #tokens = new Map<string, { readonly user: string; readonly expiresAtMs: number }>();
  readonly #ca: CertificateAuthority;
  readonly #clock: WorldClock;

  constructor(ca: CertificateAuthority, clock: WorldClock) {
    this.#ca = ca;
    this.#clock = clock;
  }

  /**
   * The name of the user of a request; `system:anonymous` without credentials. One of a certificate and a token that is
   * known is enough. Throws ApiError 401 for credentials of which none is.
   */
  authenticate(request: IncomingMessage): string {
    const certificate = readCertificate(request);
    if (certificate?.valid === true && certificate.endsAtMs > this.#clock.nowMs()) return certificate.name;
    const bearer = /^Bearer (.+)$/i.exec(request.headers.authorization ?? "")?.[1];
    const known = bearer === undefined ? undefined : this.#tokens.get(bearer);
    if (known && known.expiresAtMs > this.#clock.nowMs()) return known.user;
    if (certificate !== undefined || bearer !== undefined) throw unauthorized();
    return anonymous;
  }

  /** Takes back every token that was given out. */
  revokeTokens(): void {
    this.#tokens.clear();
  }

  /** A new token; one that ends is a JWT with `exp`, as ServiceAccounts have. */
  createToken(user: string, lifetimeMs: number | "never" = 8 * 3_600_000): string {
    const expiresAtMs = lifetimeMs === "never" ? Infinity : this.#clock.nowMs() + lifetimeMs;
    const encode = (value: object): string => Buffer.from(JSON.stringify(value)).toString("base64url");
    const token =
      lifetimeMs === "never"
        ? randomBytes(24).toString("hex")
        : [
            encode({ alg: "RS256", kid: "management" }),
            encode({ sub: user, exp: Math.floor(expiresAtMs / 1000), iat: Math.floor(this.#clock.nowMs() / 1000) }),
            randomBytes(32).toString("base64url"),
          ].join(".");
    this.#tokens.set(token, { user, expiresAtMs });
    return token;
  }

  async renderKubeconfig(server: string, user: string, options: KubeconfigOptions): Promise<string> {
    const credentials =
      options.auth === "certificate"
        ? await this.#certificateCredentials(user, options.lifetimeMs)
        : { token: this.createToken(user, options.lifetimeMs) };
    return stringify({
      apiVersion: "v1",
      kind: "Config",
      "current-context": "management",
      clusters: [
        {
          name: "management",
          cluster: {
            server: options.server ?? server,
            "certificate-authority-data": Buffer.from(this.#ca.certificate).toString("base64"),
          },
        },
      ],
      users: [{ name: "etcd-backup", user: credentials }],
      contexts: [{ name: "management", context: { cluster: "management", user: "etcd-backup" } }],
    });
  }

  async #certificateCredentials(user: string, lifetimeMs: number | "never" = 8 * 3_600_000): Promise<object> {
    const notAfter = lifetimeMs === "never" ? {} : { notAfter: new Date(this.#clock.nowMs() + lifetimeMs) };
    const pair = await this.#ca.issue({ commonName: user }, notAfter);
    return {
      "client-certificate-data": Buffer.from(pair.certificate).toString("base64"),
      "client-key-data": Buffer.from(pair.privateKey).toString("base64"),
    };
  }
}

/** The client certificate of a connection, trusted or not; undefined where none was shown. */
function readCertificate(
  request: IncomingMessage,
): { readonly name: string; readonly valid: boolean; readonly endsAtMs: number } | undefined {
  const { socket } = request;
  if (!(socket instanceof TLSSocket)) return undefined;
  const certificate: Partial<ReturnType<TLSSocket["getPeerCertificate"]>> = socket.getPeerCertificate();
  const name: unknown = certificate.subject?.CN;
  if (typeof name !== "string") return undefined;
  return { name, valid: socket.authorized, endsAtMs: Date.parse(certificate.valid_to ?? "") };
}
