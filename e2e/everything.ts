import { test } from "vitest";

/** True for `npm run e2e -- --all`: every row, also those whose promise another row or a suite with embedded servers shows, too. */
export const everything = process.env["E2E_ALL"] === "yes";

/** A row that is always run, or one for `--all`, of which it is said else that it was skipped. */
export function testWhere(always: boolean): ReturnType<typeof test.runIf> {
  return test.runIf(always || everything);
}

/** True for `npm run e2e -- --drill`: every row of the drill, and nothing else. */
export const everyDrill = process.env["E2E_DRILL"] === "yes";

/** A row of the drill that is always run, or one for `--drill`. */
export function testDrill(always: boolean): ReturnType<typeof test.runIf> {
  return test.runIf(always || everyDrill);
}
