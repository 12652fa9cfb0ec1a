import { expect, test } from "vitest";
import { hasCode } from "../../../src/errors.ts";
import { findHold, isPost, isSettled, markMain, markSettled, saveHold } from "../../../src/action/state.ts";
import type { Journal } from "../../../src/hypershift/journal.ts";

const journal: Journal = {
  v: 1,
  nonce: "0123456789abcdef0123456789abcdef",
  run: { repository: "acme/fleet", runId: "1", runAttempt: "1", url: "" },
  acquired: "2026-11-24T12:00:00Z",
  deadline: "2026-11-24T12:05:00Z",
  phase: "hold",
  original: { pausedUntil: null, replicas: { "kube-apiserver": 3 } },
  members: ["etcd-0"],
};

function createState(): { save: (name: string, value: string) => void; get: (name: string) => string } {
  const values = new Map<string, string>();
  return { save: (name, value) => values.set(name, value), get: (name) => values.get(name) ?? "" };
}

test("the last saved journal is read again, from one line", () => {
  const state = createState();
  saveHold(state.save, journal);
  saveHold(state.save, { ...journal, deadline: "2026-11-24T12:10:00Z" });
  expect(state.get("hold")).not.toContain("\n");
  expect(findHold(state.get)).toStrictEqual({ ...journal, deadline: "2026-11-24T12:10:00Z" });
});

test.each(["", "{", "null", JSON.stringify({ ...journal, nonce: "x" })])("odd state %j is no journal", (text) => {
  expect(findHold(() => text)).toBeUndefined();
});

test("a hold is found by a runner whose clock is hours behind the API server's", () => {
  const state = createState();
  const ahead = { acquired: "2099-01-01T00:00:00Z", deadline: "2099-01-01T00:05:00Z" };
  saveHold(state.save, { ...journal, ...ahead });
  expect(findHold(state.get)).toMatchObject(ahead);
});

test("main marks itself, and that it came to its end", () => {
  const state = createState();
  expect([isPost(state.get), isSettled(state.get)]).toEqual([false, false]);
  markMain(state.save);
  markSettled(state.save);
  expect([isPost(state.get), isSettled(state.get)]).toEqual([true, true]);
});

test("a state that cannot be written is told as such, not as a mistake of the action", () => {
  const full = (): void => {
    throw new Error("ENOSPC: no space left on device");
  };
  for (const write of [
    () => {
      saveHold(full, journal);
    },
    () => {
      markMain(full);
    },
    () => {
      markSettled(full);
    },
  ])
    expect(write).toThrow(expect.toSatisfy((error: unknown) => hasCode(error, "runner-unwritable")));
});
