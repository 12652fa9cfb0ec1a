import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { embeddedTitle, readTable } from "./compatibility-table.ts";
import { startEmbeddedStore } from "./embedded-store.ts";
import { createProbeWorld, type ProbeWorld } from "./probe.ts";
import { probes } from "./probes.ts";
import type { RunningServer } from "./server.ts";

const table = await readTable();
const questions = [...probes.values()].flatMap((list) => list.map(({ question }) => question));

/** Where the embedded store follows AWS, although the servers that were asked agree on something else. */
const followsAws: Readonly<Record<string, string>> = {
  "PUT with `AES256`, and a HEAD after it": "AWS encrypts every object and says so",
  "upload that was started with `AES256`": "AWS encrypts every object and says so",
  "PUT and part without a digest where Object Lock holds versions": "AWS wants Content-MD5 or a checksum there",
  "by a clock that is 20 minutes early": "AWS takes a URL 15 minutes before its date at most",
};

describe("the embedded store answers as docs/s3-compatibility.md says", () => {
  let running: RunningServer;
  let world: ProbeWorld;
  beforeAll(async () => {
    running = await startEmbeddedStore();
    world = createProbeWorld(running.server);
  });
  afterAll(async () => {
    world.close();
    await running.close();
  });
  for (const [area, list] of probes)
    it.each(list)(`${area}: $question`, async ({ question, ask }) => {
      expect(await ask(world)).toBe(table.get(embeddedTitle)?.get(question));
    });
});

describe("the table", () => {
  it("has an answer of each server to each question, and no other", () => {
    expect(table.size).toBeGreaterThan(2);
    for (const column of table.values()) expect([...column.keys()].sort()).toEqual(questions.toSorted());
  });

  it("has the embedded store answer as all the others do where they agree", () => {
    const [embedded, ...others] = [...table.values()];
    const wrong = questions.filter((question) => {
      const answers = new Set(others.map((column) => column.get(question)));
      return answers.size === 1 && !answers.has(embedded?.get(question)) && !(question in followsAws);
    });
    expect(wrong).toEqual([]);
  });
});
