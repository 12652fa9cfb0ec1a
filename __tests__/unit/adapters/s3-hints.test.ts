import { expect, test } from "vitest";
import { checkKey, type StoreContext } from "../../../src/adapters/s3/calls.ts";
import { readObject } from "../../../src/adapters/s3/reading.ts";
import { incomplete } from "../../../src/adapters/s3/writing.ts";
import { ActionError } from "../../../src/errors.ts";

/** A store that answers every call with nothing. */
const context = {
  settings: { bucket: "backups", forcePathStyle: false },
  connection: { client: { send: () => Promise.resolve({}) }, limits: { storeTries: 1 } },
  checkCredentials: () => Promise.resolve(),
} as unknown as StoreContext;

test.each<[string, () => unknown]>([
  ["a body that is not sent", () => readObject(context, "a.db").next()],
  ["an upload that the store does not name", () => Promise.reject(incomplete(context, "a.db", "it names no upload"))],
  ["a key that is none", () => Promise.resolve("a/../b").then(checkKey)],
])("an error says what to do: %s", async (_, run) => {
  const error: unknown = await Promise.resolve(run()).catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(ActionError);
  expect(error).toMatchObject({ hint: expect.any(String) as unknown });
});
