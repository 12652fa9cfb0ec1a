import { afterAll, beforeAll, describe, expect, inject, it } from "vitest";
import { readTable, writeTable, type Table } from "./compatibility-table.ts";
import { startEmbeddedStore } from "./embedded-store.ts";
import { createProbeWorld, type ProbeWorld } from "./probe.ts";
import { probes } from "./probes.ts";
import { serverTitles, type RunningServer, type S3Server } from "./server.ts";

const writes = process.env["S3_TABLE"] === "write";
const reports = inject("s3Servers");
const committed = await readTable();
const observed = new Map<string, Map<string, string>>();
let embedded: RunningServer;

beforeAll(async () => {
  embedded = await startEmbeddedStore();
});

afterAll(async () => {
  await embedded.close();
  if (writes) await writeTable(observed satisfies Table);
});

if (writes && reports.some(({ server }) => server === undefined))
  throw new Error("the table needs every server: npm run test:s3 says what is missing");

// The table has a column for the store that plays AWS, too.
if (writes) describeAnswers("embedded store", () => embedded.server);
for (const { name, server, lacking } of reports) {
  if (server !== undefined) describeAnswers(`${serverTitles[name]} ${server.version}`, () => server);
  else
    describe.skip(`${serverTitles[name]}: skipped, ${lacking}`, () => {
      it("answers as the table says");
    });
}

/** Asks every question; the answers are the committed ones, or become them. */
function describeAnswers(title: string, find: () => S3Server): void {
  const expected = committed.get(title);
  observed.set(title, new Map());
  // Another version than those of the table: what is known of it is in the contract, which holds for all.
  const describeKnown = expected !== undefined || writes ? describe : describe.skip;
  describeKnown(`${title} answers as docs/s3-compatibility.md says`, () => {
    let world: ProbeWorld;
    beforeAll(() => {
      world = createProbeWorld(find());
    });
    afterAll(() => {
      world.close();
    });
    for (const [area, list] of probes)
      it.each(list)(`${area}: $question`, async ({ question, ask }) => {
        const answer = await ask(world);
        observed.get(title)?.set(question, answer);
        if (!writes) expect(answer).toBe(expected?.get(question));
      });
  });
}
