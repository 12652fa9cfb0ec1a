import fc from "fast-check";
import { expect, test } from "vitest";
import { crc32c, joinCrc32c } from "../../../src/etcd/crc32c.ts";
import { seed } from "../../seed.ts";

const ascending = Buffer.from(Array.from({ length: 32 }, (_, index) => index));

// The first five: RFC 3720, appendix B.4; the last: the check value of CRC-32/ISCSI.
test.each([
  ["32 zeros", Buffer.alloc(32), 0x8a9136aa],
  ["32 ones", Buffer.alloc(32, 0xff), 0x62a8ab43],
  ["32 ascending bytes", ascending, 0x46dd794e],
  ["32 descending bytes", Buffer.from(ascending).reverse(), 0x113fdb5c],
  [
    "an iSCSI read command",
    Buffer.from(
      "01c000000000000000000000000000001400000000000400000000140000001828000000000000000200000000000000",
      "hex",
    ),
    0xd9963a56,
  ],
  ["the check value", Buffer.from("123456789"), 0xe3069283],
])("published: %s", (_, bytes, expected) => {
  expect(crc32c(bytes)).toBe(expected);
});

test("two texts have the checksum of their whole, computed on or joined", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 400 }), fc.uint8Array({ maxLength: 400 }), (first, second) => {
      const whole = crc32c(Buffer.concat([first, second]));
      expect(crc32c(second, crc32c(first))).toBe(whole);
      expect(joinCrc32c(crc32c(first), crc32c(second), second.length)).toBe(whole);
    }),
    { seed },
  );
});

test("a second text of more than 16 MiB is joined, too", () => {
  const second = Buffer.alloc(17 * 1024 * 1024 + 3, 7);
  expect(joinCrc32c(crc32c(ascending), crc32c(second), second.length)).toBe(crc32c(second, crc32c(ascending)));
});
