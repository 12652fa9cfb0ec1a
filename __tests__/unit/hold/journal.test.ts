import { describe, expect, test } from "vitest";
import {
  describableRun,
  isDead,
  journalAnnotation,
  parseJournal,
  renderJournal,
  type Journal,
} from "../../../src/hold/journal.ts";

const now = new Date("2026-11-24T12:00:00Z");

const journal: Journal = {
  v: 1,
  nonce: "0123456789abcdef0123456789abcdef",
  run: {
    repository: "acme/fleet",
    runId: "17",
    runAttempt: "1",
    url: "https://github.example/acme/fleet/actions/runs/17",
  },
  acquired: "2026-11-24T11:58:00Z",
  deadline: "2026-11-24T12:03:00Z",
  phase: "capture",
  original: { pausedUntil: null, replicas: { "kube-apiserver": 3, "openshift-apiserver": 3 } },
  members: ["etcd-0"],
};

test("a journal is read as it was written", () => {
  expect(parseJournal(renderJournal(journal), now)).toEqual(journal);
});

test.each([null, "false", "soon", "2026-11-24T12:00:30Z"])(
  "an original that is no pause is read: %j",
  (pausedUntil) => {
    const paused = { ...journal, original: { pausedUntil, replicas: {} } };
    expect(parseJournal(renderJournal(paused), now).original.pausedUntil).toBe(pausedUntil);
  },
);

test.each<readonly [string, Partial<Journal>]>([
  ["the longest lock", { deadline: "2026-11-24T14:00:00Z" }],
  ["a lock that ends as it begins", { acquired: journal.deadline }],
  [
    "one replica and ten",
    { original: { pausedUntil: null, replicas: { "kube-apiserver": 1, "openshift-apiserver": 10 } } },
  ],
  ["the longest original", { original: { pausedUntil: "x".repeat(255), replicas: {} } }],
  ["members of two digits", { members: ["etcd-0", "etcd-10"] }],
  ["a run whose address is as long as one may be", { run: { ...journal.run, url: "x".repeat(300) } }],
])("a journal is read up to its bounds: %s", (_, changes) => {
  const bounded = { ...journal, ...changes };
  expect(parseJournal(renderJournal(bounded), now)).toEqual(bounded);
});

test("a journal names a run by the texts alone that every reader takes", () => {
  const run = { repository: "acme/fleet", runId: "1\n7", runAttempt: "1", url: "x".repeat(301), runner: "läufer" };
  const describable = { repository: "acme/fleet", runId: "", runAttempt: "1", url: "", runner: "" };
  expect(describableRun(run)).toEqual(describable);
  expect(parseJournal(renderJournal({ ...journal, run: describable }), now).run).toEqual(describable);
  expect(describableRun(journal.run)).toEqual(journal.run);
});

test("a journal is dead from its deadline on", () => {
  expect(isDead(journal, new Date("2026-11-24T12:02:59Z"))).toBe(false);
  expect(isDead(journal, new Date("2026-11-24T12:03:00Z"))).toBe(true);
});

describe("what anyone could have written is refused", () => {
  const odd: readonly (readonly [string, unknown])[] = [
    ["no JSON", "{"],
    ["another version", { ...journal, v: 2 }],
    ["a nonce that is a path", { ...journal, nonce: "../../../../etc/passwd" }],
    ["a nonce with something before it", { ...journal, nonce: ` ${journal.nonce}` }],
    ["a nonce with something after it", { ...journal, nonce: `${journal.nonce}0` }],
    ["an unknown phase", { ...journal, phase: "done" }],
    ["a deadline in three hours", { ...journal, deadline: "2026-11-24T15:00:01Z" }],
    ["a deadline a second after the longest lock", { ...journal, deadline: "2026-11-24T14:00:01Z" }],
    ["a deadline without zone", { ...journal, deadline: "2026-11-24T12:03:00" }],
    ["a deployment of somebody else", { ...journal, original: { pausedUntil: null, replicas: { router: 3 } } }],
    ["no replicas", { ...journal, original: { pausedUntil: null, replicas: { "kube-apiserver": 0 } } }],
    ["too many replicas", { ...journal, original: { pausedUntil: null, replicas: { "kube-apiserver": 11 } } }],
    ["half a replica", { ...journal, original: { pausedUntil: null, replicas: { "kube-apiserver": 1.5 } } }],
    ["an original of another type", { ...journal, original: { pausedUntil: true, replicas: {} } }],
    ["a pause for ever as the original", { ...journal, original: { pausedUntil: "true", replicas: {} } }],
    ["a pause as the original", { ...journal, original: { pausedUntil: "2026-11-24T13:00:00Z", replicas: {} } }],
    ["an original that is too long", { ...journal, original: { pausedUntil: "x".repeat(256), replicas: {} } }],
    ["members that are no list", { ...journal, members: "etcd-0" }],
    ["a member that is an option", { ...journal, members: ["--all"] }],
    ["a member with a command behind it", { ...journal, members: ["etcd-0;reboot"] }],
    ["a member with a path before it", { ...journal, members: ["../etcd-0"] }],
    ["a member of three digits", { ...journal, members: ["etcd-100"] }],
    ["a URL that is too long", { ...journal, run: { ...journal.run, url: "x".repeat(301) } }],
    ["a URL that ends a line", { ...journal, run: { ...journal.run, url: "https://a\n::error::b" } }],
    ["a deadline in 2099", { ...journal, deadline: "2099-01-01T00:00:00Z" }],
    ["an end before its begin", { ...journal, acquired: "2026-11-24T12:03:01Z" }],
    ["a file under etcd's data directory", { ...journal, file: "/var/lib/data/member/snap/db" }],
    ["a key of another cluster", { ...journal, s3: { key: "clusters/other/20261124T115800Z-01234567.db" } }],
    ["a run of more than the action knows", { ...journal, run: { ...journal.run, host: "elsewhere" } }],
    ["an original of more than the action stops", { ...journal, original: { ...journal.original, etcd: 3 } }],
    ["a thousand replicas", { ...journal, original: { pausedUntil: null, replicas: { "kube-apiserver": 1000 } } }],
    ["another tool's", { holder: "other-tool", until: "2026-11-24T12:03:00Z" }],
    ["a list", []],
    ["nothing", null],
  ];
  const parse = (value: unknown): Journal =>
    parseJournal(typeof value === "string" ? value : JSON.stringify(value), now);

  test.each(odd)("%s", (_name, value) => {
    expect(() => parse(value)).toThrow(expect.objectContaining({ code: "journal-unreadable" }));
  });

  test.each([
    ["is no JSON", "{"],
    ["is of an unknown version", { ...journal, v: 2 }],
    ["has no valid nonce", { ...journal, nonce: "" }],
    ["names an unknown phase", { ...journal, phase: "done" }],
    ["has a deadline over 2 h ahead", { ...journal, deadline: "2099-01-01T00:00:00Z" }],
    ["ends before it was acquired", { ...journal, acquired: "2026-11-24T12:03:01Z" }],
    ["names an odd member", { ...journal, members: [0] }],
  ])("and told: it %s", (problem, value) => {
    const told = {
      message: `the annotation ${journalAnnotation} of the hosted cluster ${problem}`,
      hint: expect.stringMatching(
        /^look at the annotation; when no backup is running, put back what it names/,
      ) as string,
    };
    expect(() => parse(value)).toThrow(expect.objectContaining(told));
  });
});
