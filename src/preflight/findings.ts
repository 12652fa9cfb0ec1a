import { ActionError, describeError } from "../errors.ts";
import type { Log } from "../ports.ts";

/** The findings of preflight, so that a user sees everything in one run. */
export class Findings {
  readonly #found: ActionError[] = [];
  readonly #log: Log;
  readonly #terms: { readonly allowUnhealthy: boolean; readonly quiesce: boolean };

  constructor(log: Log, terms: { readonly allowUnhealthy: boolean; readonly quiesce: boolean }) {
    this.#log = log;
    this.#terms = terms;
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
    if (this.#terms.allowUnhealthy) this.#log.warning(`${finding.code}: ${finding.message} (allow-unhealthy)`);
    else this.add(finding);
  }

  /** A finding that hinders only those who stop the API servers and must see them back: a warning in an online backup. */
  addStopping(finding: ActionError): void {
    if (this.#terms.quiesce) this.add(finding);
    else this.#log.warning(`${finding.code}: ${finding.message} (quiesce: false)`);
  }

  /**
   * The value that `read` returns, or undefined and a finding when it throws: one about health where an etcd member is
   * not healthy. A cancelled or unreachable cluster ends the search.
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
    // The holder stopped what else is found: who brought that back would break its backup.
    const held = this.#found.find(({ code }) => code === "hosted-cluster-held");
    if (held !== undefined || others.length === 0) return held ?? first;
    const lines = this.#found.map(({ code, message, hint }, index) => {
      // A hint for several in a row is said behind the last of them.
      const isSaid = hint === undefined || this.#found[index + 1]?.hint === hint;
      return `- ${code}: ${message}${isSaid ? "" : ` (${hint})`}`;
    });
    return new ActionError(
      "preflight-failed",
      `${String(this.#found.length)} things stand in the way of a backup:\n${lines.join("\n")}`,
      {
        hint: "nothing was changed; mend what is listed and run again",
      },
    );
  }
}
