import { viewOf } from "./span.ts";

/**
 * CRC-32C, by which etcd hashes its keyspace: the Castagnoli polynomial, reflected. The `crc32` of node:zlib is another.
 * Source: Go's hash/crc32 with crc32.Castagnoli, in server/storage/mvcc/hash.go and etcdutl/snapshot.
 */
const polynomial = 0x82f63b78;
const laneCount = 16;

// Sixteen bytes are looked up at once ("slicing by 16"): table k holds the CRC of a byte with k zero bytes behind it.
const tables = new Int32Array(256 * laneCount);
for (let byte = 0; byte < 256; byte += 1) {
  let crc = byte;
  for (let bit = 0; bit < 8; bit += 1) crc = crc & 1 ? (crc >>> 1) ^ polynomial : crc >>> 1;
  tables[byte] = crc;
}
for (let index = 256; index < tables.length; index += 1) {
  const before = tables[index - 256] ?? 0;
  tables[index] = lookUp(before & 255) ^ (before >>> 8);
}

/** The CRC-32C of `bytes`; `crc` is that of what stands before them. An unsigned 32-bit number. */
export function crc32c(bytes: Uint8Array, crc = 0): number {
  return crc32cOfRange(bytes, { start: 0, end: bytes.length }, crc);
}

/** The same of a part of `bytes`. */
export function crc32cOfRange(
  bytes: Uint8Array,
  range: { readonly start: number; readonly end: number },
  crc = 0,
): number {
  const view = viewOf(bytes);
  const { end } = range;
  let state = ~crc;
  let position = range.start;
  for (; position <= end - laneCount; position += laneCount) {
    state =
      lookUpWord(3072, state ^ view.getInt32(position, true)) ^
      lookUpWord(2048, view.getInt32(position + 4, true)) ^
      lookUpWord(1024, view.getInt32(position + 8, true)) ^
      lookUpWord(0, view.getInt32(position + 12, true));
  }
  for (; position < end; position += 1) state = lookUp((state ^ view.getUint8(position)) & 255) ^ (state >>> 8);
  return ~state >>> 0;
}

/** Four bytes, of which the first has the most bytes behind it. */
function lookUpWord(base: number, word: number): number {
  return (
    lookUp(base + 768 + (word & 255)) ^
    lookUp(base + 512 + ((word >>> 8) & 255)) ^
    lookUp(base + 256 + ((word >>> 16) & 255)) ^
    lookUp(base + (word >>> 24))
  );
}

function lookUp(index: number): number {
  return tables[index] ?? 0;
}

/** x^0 and x^8 modulo the polynomial; the highest bit stands for the lowest power. */
const one = 0x80000000;
const oneByte = 0x00800000;

// shifts[256 * k + v] is x^(8 * v * 256^k), by which a CRC is multiplied where v * 256^k bytes follow.
const shifts = new Int32Array(256 * 4);
for (let digit = 0, step = oneByte; digit < 4; digit += 1) {
  let power = one;
  for (let value = 0; value < 256; value += 1) {
    shifts[256 * digit + value] = power;
    power = multiply(power, step);
  }
  step = power;
}

/** The product of the shifts of a length; 0 where it was not needed yet. Most values are shorter. */
const knownShifts = new Int32Array(65536);

/**
 * The CRC-32C of two texts, one behind the other, from those of each: the bytes need not be read again. The length in
 * bytes of the second is below 4 GiB. `crc32_combine` of zlib does the same for CRC-32.
 */
export function joinCrc32c(first: number, second: number, secondLength: number): number {
  let shift = knownShifts[secondLength] ?? 0;
  if (shift === 0) {
    shift = shiftOf(secondLength);
    if (secondLength < knownShifts.length) knownShifts[secondLength] = shift;
  }
  return (multiply(shift, first) ^ second) >>> 0;
}

function shiftOf(length: number): number {
  let shift = one;
  for (let digit = 0, rest = length; rest > 0; digit += 1, rest >>>= 8)
    shift = multiply(shifts[256 * digit + (rest & 255)] ?? 0, shift);
  return shift;
}

/** The product of two polynomials modulo CRC-32C's. */
function multiply(left: number, right: number): number {
  let product = 0;
  let factor = right;
  for (let rest = left; rest !== 0; rest <<= 1) {
    // All ones where the bit is set: nobody can foresee it, and a jump would be guessed wrong half of the time.
    product ^= factor & (rest >> 31);
    factor = (factor >>> 1) ^ (polynomial & -(factor & 1));
  }
  return product;
}
