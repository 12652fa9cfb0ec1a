import { expect, test } from "vitest";
import { hasCode } from "../../../src/errors.ts";
import {
  findHeld,
  findMade,
  isSettled,
  listProxies,
  markSettled,
  restoreProxies,
  saveHeld,
  saveMade,
  type Held,
} from "../../../src/action/state.ts";
import type { Journal } from "../../../src/hold/journal.ts";

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

const held: Held = {
  hostedCluster: { namespace: "clusters", name: "example", uid: "0f0f" },
  journal,
  ready: { "kube-apiserver": 2 },
  isRecorded: true,
  server: "0".repeat(64),
  store: { bucket: "backups", prefix: "etcd" },
  proxies: { HTTPS_PROXY: "http://proxy:3128" },
};

function createState(): { saveState: (name: string, value: string) => void; get: (name: string) => string } {
  const values = new Map<string, string>();
  return { saveState: (name, value) => values.set(name, value), get: (name) => values.get(name) ?? "" };
}

test("a run without s3-prefix is read again as well", () => {
  const state = createState();
  const atTop = { ...held, store: { bucket: "backups", prefix: "" } };
  saveHeld(state, atTop);
  expect(findHeld(state.get)).toStrictEqual(atTop);
});

test("what was saved last is read again, from one line, without a field more", () => {
  const state = createState();
  saveHeld(state, held);
  const hostedCluster = { ...held.hostedCluster, annotations: {} };
  const next = { ...held, hostedCluster, journal: { ...journal, deadline: "2026-11-24T12:10:00Z" } };
  saveHeld(state, next);
  expect(state.get("held")).not.toMatch(/\n|annotations/);
  expect(findHeld(state.get)).toStrictEqual({ ...next, hostedCluster: held.hostedCluster });
});

test.each([
  "",
  "{",
  "null",
  "{}",
  JSON.stringify({ ...held, journal: "{}" }),
  JSON.stringify({ ...held, hostedCluster: {} }),
])("odd state %j is none", (text) => {
  expect(findHeld(() => text)).toBeUndefined();
});

test("a hold is found by a runner whose clock is hours behind the API server's", () => {
  const state = createState();
  const ahead = { acquired: "2099-01-01T00:00:00Z", deadline: "2099-01-01T00:05:00Z" };
  saveHeld(state, { ...held, journal: { ...journal, ...ahead } });
  expect(findHeld(state.get)?.journal).toMatchObject(ahead);
});

test("main marks that nothing is left to put back", () => {
  const state = createState();
  expect(isSettled(state.get)).toBe(false);
  markSettled(state);
  expect(isSettled(state.get)).toBe(true);
});

test.each(["drill", "file"] as const)(
  "a %s that is made is found again, unless anything about it is odd: its nonce ends processes",
  (what) => {
    const made = {
      what,
      pod: { namespace: "clusters-example", name: "etcd-0" },
      nonce: "0f".repeat(16),
      server: "0".repeat(64),
    };
    const state = createState();
    saveMade(state, made);
    expect(findMade(state.get)).toStrictEqual(made);
    const odd = [{ nonce: "*" }, { pod: {} }, { what: "pod" }].map((part) => JSON.stringify({ ...made, ...part }));
    for (const text of ["", "{", "{}", "[]", ...odd]) expect(findMade(() => text)).toBeUndefined();
  },
);

test("a state that cannot be written is told as such, not as a mistake of the action", () => {
  const full = {
    saveState: (): void => {
      throw new Error("ENOSPC: no space left on device");
    },
  };
  const isTold = expect.toSatisfy((error: unknown) => hasCode(error, "runner-unwritable")) as Error;
  expect(() => {
    saveHeld(full, held);
  }).toThrow(isTold);
  expect(() => {
    markSettled(full);
  }).toThrow(isTold);
});

test("proxies are saved without users and passwords", () => {
  const proxies = listProxies({ HTTPS_PROXY: "http://user:pass@proxy:3128", no_proxy: ".example", PATH: "/bin" });
  expect(proxies).toStrictEqual({ HTTPS_PROXY: "http://proxy:3128", no_proxy: ".example" });
});

test.each([
  "http:///user:secret@proxy:1",
  "http:/user:secret@proxy:1",
  "http:\\\\user:secret@proxy:1",
  "http://us/er:secret@proxy:1",
  "socks5://user:sec/ret@proxy:1",
  "secret:@proxy:1",
])("the password in %s is in no state", (proxy) => {
  const saved = listProxies({ ALL_PROXY: proxy })["ALL_PROXY"];
  expect(saved).toMatch(/proxy:1$/);
  expect(saved).not.toMatch(/sec/);
});

test.each([
  ["is the same but for its user", "http://user:pass@proxy:3128", "http://user:pass@proxy:3128"],
  ["is another", "http://other:1", "http://proxy:3128"],
  ["is gone", undefined, "http://proxy:3128"],
])("post takes main's proxy where its own %s", (_, current, expected) => {
  const environment = restoreProxies({ HTTPS_PROXY: current, HTTP_PROXY: "http://later:1" }, held.proxies);
  expect([environment["HTTPS_PROXY"], environment["HTTP_PROXY"]]).toStrictEqual([expected, undefined]);
});
