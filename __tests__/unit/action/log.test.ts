import { expect, test } from "vitest";
import { describeCauses, printFailure } from "../../../src/action/failure.ts";
import { createLog, type Phase } from "../../../src/action/log.ts";
import { createClock } from "../../../src/adapters/clock.ts";
import { ActionError, describeError } from "../../../src/errors.ts";

test("each method prints one neutral line of its kind", async () => {
  const printed: string[] = [];
  let nowMs = 0;
  const phases: Phase[] = [];
  const core: Parameters<typeof createLog>[0] = {
    info: (message) => printed.push(`info ${message}`),
    warning: (message) => printed.push(`warning ${message}`),
    debug: (message) => printed.push(`debug ${message}`),
    group: async (name, run) => {
      printed.push(`group ${name}`);
      const result = await run();
      printed.push("end");
      return result;
    },
  };
  const log = createLog(core, { ...createClock(), nowMs: () => (nowMs += 500) }, phases);
  const result = await log.group("title\n::x::", () => {
    log.info("::a::");
    log.warning("b\nc");
    log.debug("##[d]");
    return Promise.resolve(7);
  });
  expect(result).toBe(7);
  expect(printed).toStrictEqual(["group title ::x::", "info : :a::", "warning b c", "debug # #[d]", "end"]);
  expect(phases).toEqual([{ title: "title ::x::", seconds: 0.5, result: ": :a::" }]);
});

function print(error: ActionError): { message: string; title: string; debug: string[] } {
  const debug: string[] = [];
  const errors: { message: string; title: string }[] = [];
  printFailure(
    { error: (message, { title }) => errors.push({ message, title }), debug: (message) => debug.push(message) },
    error,
  );
  expect(errors).toHaveLength(1);
  return { ...(errors[0] ?? { message: "", title: "" }), debug };
}

test("a failure is one annotation with the code as its title and the hint at its end", () => {
  const error = new ActionError("bucket-not-found", "the bucket backups was not found", { hint: "create it" });
  expect(print(error)).toMatchObject({
    title: "bucket-not-found",
    message: "the bucket backups was not found\nTo do: create it",
  });
});

test("findings stay on lines of their own; a long message is cut between them, its hint is not", () => {
  const long = `two things:\n- a\n::error::b\n${"s3cret".repeat(1_000)}`;
  const { message } = print(new ActionError("preflight-failed", long, { hint: "mend them" }));
  // A part of the last line would be a part of a secret, which no mask hides.
  expect(message).toBe("two things:\n- a\n: :error::b\n…\nTo do: mend them");
  const line = print(new ActionError("preflight-failed", "x".repeat(5_000), { hint: "mend them" })).message;
  expect(line.length).toBeLessThanOrEqual(4096);
  expect(line).toMatch(/^x{4000,}…\nTo do: mend them$/);
});

test("empty lines of a message are left out", () => {
  expect(print(new ActionError("preflight-failed", "two things:\n\n \n- a")).message).toBe("two things:\n- a");
});

test("what was thrown is told in the debug log by name and place, not by its words", () => {
  const thrown = new TypeError("canary body\n    at canary-frame");
  const { message, debug } = print(describeError(thrown));
  expect(message).toContain("unexpected TypeError");
  expect(debug).toContain("caused by TypeError");
  expect(debug.some((line) => line.includes("log.test.ts"))).toBe(true);
  expect(debug.join("\n")).not.toContain("canary");
});

test("what is no error has no causes", () => {
  expect(describeCauses("canary")).toStrictEqual([]);
});

test("the result of a phase is its own last line, not that of what runs beside it, also when it fails", async () => {
  const phases: Phase[] = [];
  const core = { info: () => undefined, warning: () => undefined, debug: () => undefined };
  const log = createLog({ ...core, group: (_name, run) => run() }, createClock(), phases);
  const transferred = Promise.withResolvers<undefined>();
  const beside = transferred.promise.then(() => {
    log.info("the API servers are back");
  });
  const transfer = log.group("Transfer", async () => {
    log.info("sent 8 MiB");
    transferred.resolve(undefined);
    await beside;
    throw new Error("cut");
  });
  await expect(transfer).rejects.toThrow("cut");
  expect(phases).toMatchObject([{ title: "Transfer", result: "sent 8 MiB" }]);
});
