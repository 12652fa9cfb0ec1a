import { expect, test } from "vitest";
import { encryptionKeyName } from "../../../src/encryption/key.ts";

test.each([
  ["the bytes 0 to 31", Buffer.from(Array.from({ length: 32 }, (_, index) => index)), "key-3283587397"],
  ["32 times a", Buffer.alloc(32, "a"), "key-3361029349"],
  [
    "a key of HyperShift's own tests",
    Buffer.from("7o9RQL/BlcNrBWfNBVrJg55oKrDDaDu2kfoULl9MNIE=", "base64"),
    "key-2835225111",
  ],
  ["nothing", Buffer.alloc(0), "key-2166136261"],
])("the API server calls %s as HyperShift does", (_, key, name) => {
  expect(encryptionKeyName(key)).toBe(name);
});
