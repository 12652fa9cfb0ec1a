import { ActionError, acceptableCodes, type ErrorCode } from "../errors.ts";
import type { Log } from "../ports.ts";

/** The result of one comparison or guard; text and hint name no secret. */
export interface Finding {
  /** The field of the manifest, or the property of the snapshot, that was looked at. */
  readonly guard: string;
  readonly verdict: "equal" | "unknown" | "filled" | "differs" | "warning" | "refused";
  /** Code of a refusal, also of one that was accepted, and of a warning that docs/errors.md says more about. */
  readonly code?: ErrorCode;
  readonly text: string;
  readonly hint?: string;
}

/** A finding that stops the restore. */
export function refuse(guard: string, code: ErrorCode, text: string, hint: string): Finding {
  return { guard, verdict: "refused", code, text, hint };
}

/** The findings of `look`; an ActionError that it throws is one more refusal. */
export function collect(guard: string, look: () => readonly Finding[]): readonly Finding[] {
  try {
    return look();
  } catch (error) {
    if (!(error instanceof ActionError) || error.code === "internal") throw error;
    const { code, message: text, hint } = error;
    return [{ guard, verdict: "refused", code, text, ...(hint === undefined ? {} : { hint }) }];
  }
}

/** The refusal that `look` throws as an ActionError; none where it throws nothing. */
export function refusalOf(guard: string, look: () => void): readonly Finding[] {
  return collect(guard, () => {
    look();
    return [];
  });
}

/** Refusals whose code is in `accepted`, and may be accepted at all, as warnings; the other findings as they are. */
export function acceptFindings(findings: readonly Finding[], accepted: readonly ErrorCode[]): readonly Finding[] {
  return findings.map((finding) =>
    finding.verdict === "refused" && acceptableCodes.some((code) => code === finding.code && accepted.includes(code))
      ? { ...finding, verdict: "warning", text: `${finding.text} (accepted by allow-unsafe-restore)` }
      : finding,
  );
}

/** Prints the table, and each difference as a warning; a refusal is told by the error that `findRefusal` makes. */
export function logFindings(findings: readonly Finding[], log: Log): void {
  for (const { guard, verdict, code, text } of findings) {
    const line = `${guard}${code === undefined ? "" : ` (${code})`}: ${text}`;
    if (verdict === "differs" || verdict === "warning") log.warning(line);
    else log.info(`${verdict.padEnd(7)} ${line}`);
  }
}

/** One refusal as it is; several as `restore-refused` with all of them; undefined when nothing is refused. */
export function findRefusal(findings: readonly Finding[]): ActionError | undefined {
  const refusals = findings.filter(({ verdict }) => verdict === "refused");
  const [first, ...others] = refusals;
  if (first === undefined) return undefined;
  const details = first.hint === undefined ? {} : { hint: first.hint };
  if (others.length === 0) return new ActionError(first.code ?? "restore-refused", first.text, details);
  const lines = refusals.map(
    ({ code, text, hint }) => `- ${code ?? "refused"}: ${text}${hint === undefined ? "" : ` (${hint})`}`,
  );
  return new ActionError(
    "restore-refused",
    `${String(refusals.length)} things stand in the way of this restore:\n${lines.join("\n")}`,
    { hint: "nothing was written; mend what is listed and render again" },
  );
}
