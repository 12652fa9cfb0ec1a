import fc from "fast-check";
import { expect, test } from "vitest";
import { seed } from "../seed.ts";
import { withTrailer, writeMetaChecksum } from "../world/snapshot/database.ts";
import { readBytes } from "../world/snapshot/read.ts";
import { buildDatabase, writes } from "../world/snapshot/snapshot.ts";
import { judge } from "./verdict.ts";

const seconds = Number(process.env["FUZZ_SECONDS"] ?? 30);
/** Where the seed is fixed, a quicker machine plays no more than others. */
const runs = Number(process.env["FUZZ_RUNS"] ?? 1_000_000);
const pageBytes = 1024;
const database = buildDatabase({
  changes: writes(60, "v".repeat(90)),
  entriesInLeaf: 6,
  pageSizeBytes: pageBytes,
  freelist: "listed",
  freePages: 5,
});
const pages = database.length / pageBytes;

/** Numbers that a head or an element has, or nearly has. */
const number = fc.oneof(
  fc.integer({ min: 0, max: pages + 2 }),
  fc.nat(2000),
  fc.constantFrom(0xffff, 0xffffffff, 0x80000000),
);
const edits = fc.array(
  fc.record({
    page: fc.nat(pages - 1),
    /** Offsets of 32 bits in the head and the first elements; or anywhere. */
    offset: fc.oneof(
      fc.nat(40).map((word) => word * 4),
      fc.nat(pageBytes - 4),
    ),
    value: number,
  }),
  { minLength: 1, maxLength: 6 },
);

test(
  "pages with anything in them are refused with a code, or read to the same or other figures",
  { timeout: (seconds + 60) * 1000 },
  async () => {
    process.stdout.write(`fuzz: seed ${String(seed)}, ${String(seconds)} s\n`);
    const whole = await readBytes(withTrailer(database));
    const counts = { refused: 0, "told by hash": 0, harmless: 0, missed: 0 };
    await fc.assert(
      fc.asyncProperty(edits, fc.boolean(), async (plan, fixesMetas) => {
        const bytes = Buffer.from(database);
        for (const { page, offset, value } of plan) bytes.writeUInt32LE(value, page * pageBytes + offset);
        if (fixesMetas)
          for (const meta of [0, 1]) writeMetaChecksum(bytes.subarray(meta * pageBytes, (meta + 1) * pageBytes));
        const { verdict } = await judge(whole, withTrailer(bytes));
        counts[verdict] += 1;
        expect(verdict).not.toBe("missed");
      }),
      { seed, numRuns: runs, interruptAfterTimeLimit: seconds * 1000, markInterruptAsFailure: false },
    );
    process.stdout.write(`fuzz: ${JSON.stringify(counts)}\n`);
    expect(counts.refused).toBeGreaterThan(0);
  },
);
