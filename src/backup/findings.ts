import { ActionError, describeError } from "../errors.ts";
import type { Log } from "../ports.ts";

/** What preflight found, so that a user sees everything in one run. */
export class Findings {
  readonly #found: ActionError[] = [];
  readonly #log: Log;
  readonly #allowUnhealthy: boolean;

  constructor(log: Log, allowUnhealthy: boolean) {
    this.#log = log;
    this.#allowUnhealthy = allowUnhealthy;
  }

  get none(): boolean {
    return this.#found.length === 0;
  }

  /** A read that is denied because of a permission found missing already says nothing new. */
  add(finding: ActionError): void {
    const known = this.#found.some(({ code, message }) => code === finding.code && message === finding.message);
    const follows = finding.code === "permission-missing" && this.#found.some(({ code }) => code === finding.code);
    if (!known && !(follows && finding.cause !== undefined)) this.#found.push(finding);
  }

  /** A finding about health, which `allow-unhealthy: true` turns into a warning. */
  addHealth(finding: ActionError): void {
    if (this.#allowUnhealthy) this.#log.warning(`${finding.code}: ${finding.message} (allow-unhealthy)`);
    else this.add(finding);
  }

  /**
   * What `read` returns, or undefined and a finding when it throws: one about health where an etcd member is not healthy.
   * A cancelled or unreachable cluster ends the search.
   */
  async collect<T>(read: () => Promise<T>): Promise<T | undefined> {
    try {
      return await read();
    } catch (error) {
      const finding = describeError(error);
      if (["cancelled", "internal", "cluster-unreachable", "cluster-unauthorized"].includes(finding.code))
        throw finding;
      if (finding.code === "etcd-unhealthy") this.addHealth(finding);
      else this.add(finding);
      return undefined;
    }
  }

  /** One finding as it is; several as `preflight-failed` with all of them. */
  error(): ActionError {
    const [first, ...others] = this.#found;
    if (first === undefined) return new ActionError("internal", "preflight ended without a plan and without a finding");
    if (others.length === 0) return first;
    const lines = this.#found.map(
      ({ code, message, hint }) => `- ${code}: ${message}${hint === undefined ? "" : ` (${hint})`}`,
    );
    return new ActionError(
      "preflight-failed",
      `${String(this.#found.length)} things stand in the way of a backup:\n${lines.join("\n")}`,
      {
        hint: "nothing was changed; mend what is listed and run again",
      },
    );
  }
}
