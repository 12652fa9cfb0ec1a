import { ActionError } from "../errors.ts";
import { writerNames, type HostedCluster, type WriterName } from "../hypershift/hosted-cluster.ts";
import { at, stringAt } from "../json-path.ts";
import { mayPause } from "../hypershift/pause.ts";
import type { ObjectRef, WorkflowRun } from "../ports.ts";
import { parseTime } from "../time.ts";

/** Annotation on the HostedCluster; HyperShift neither copies nor removes it. */
export const journalAnnotation = "hypershift-etcd-backup-action/journal";

export const phases = ["hold", "capture", "transfer", "cleanup"] as const;
export type Phase = (typeof phases)[number];

export type Replicas = Readonly<Partial<Record<WriterName, number>>>;

/** Says who holds a hosted cluster, until when, and what to put back: lock and undo log in one. */
export interface Journal {
  readonly v: 1;
  /** 16 random bytes in hex. */
  readonly nonce: string;
  readonly run: WorkflowRun;
  readonly acquired: string;
  /** While the cluster is held, the text of spec.pausedUntil. */
  readonly deadline: string;
  readonly phase: Phase;
  readonly original: { readonly pausedUntil: string | null; readonly replicas: Replicas };
  readonly members: readonly string[];
}

/** A hosted cluster that is held: its uid tells it from one of the same name in another management cluster. */
export interface HeldCluster extends ObjectRef {
  readonly uid: string;
}

/** The changes of a run that are to be put back: from its journal, or from what it wrote down for its post step. */
export type Held = Pick<Journal, "nonce" | "acquired" | "deadline" | "phase" | "original" | "members">;

/** No lock lasts longer without being renewed: `max-pause` is at most 2 h. Anything older belongs to no live run. */
export const longestLockMs = 2 * 3_600_000;

/** Every field that a journal has; another one was written by somebody else, who may mean something by it. */
const fields = {
  journal: ["v", "nonce", "run", "acquired", "deadline", "phase", "original", "members"],
  run: ["repository", "runId", "runAttempt", "url", "runner"],
  original: ["pausedUntil", "replicas"],
} as const;

export function renderJournal(journal: Journal): string {
  return JSON.stringify(journal);
}

/** The annotation for `journal`, as every run can read it at `now`. Throws `journal-unreadable` where none could. */
export function renderReadable(journal: Journal, now: Date): string {
  const text = renderJournal(journal);
  parseJournal(text, now);
  return text;
}

/** The journal of a hosted cluster; undefined without one. Throws `journal-unreadable`. */
export function findJournal(hostedCluster: HostedCluster, now: Date): Journal | undefined {
  const text = hostedCluster.annotations[journalAnnotation];
  return text === undefined ? undefined : parseJournal(text, now);
}

/** A run as a journal may name it: a text that no reader takes is left empty. */
export function describableRun({ repository, runId, runAttempt, url, runner }: WorkflowRun): WorkflowRun {
  const take = (text: string): string => (isRunText(text) ? text : "");
  return {
    repository: take(repository),
    runId: take(runId),
    runAttempt: take(runAttempt),
    url: take(url),
    ...(runner === undefined ? {} : { runner: take(runner) }),
  };
}

/** An original that pauses for less than this is over before it matters; API servers' clocks differ by less. */
const pauseSlackMs = 60_000;

/**
 * Reads the annotation, which anyone could have written; throws `journal-unreadable` for anything odd. `now` is the API
 * server's; undefined for what this run itself wrote down, whose times are taken as they are.
 */
export function parseJournal(text: string, now: Date | undefined): Journal {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw unreadable("is no JSON");
  }
  if (at(value, "v") !== 1) throw unreadable("is of an unknown version");
  refuseOthers(value, fields.journal);
  refuseOthers(at(value, "run"), fields.run);
  refuseOthers(at(value, "original"), fields.original);
  const nonce = stringAt(value, "nonce") ?? "";
  if (!/^[0-9a-f]{32}$/.test(nonce)) throw unreadable("has no valid nonce");
  const phase = phases.find((known) => known === at(value, "phase"));
  if (phase === undefined) throw unreadable("names an unknown phase");
  const acquired = readTime(value, "acquired");
  const deadline = readTime(value, "deadline");
  if (now !== undefined && new Date(deadline).getTime() > now.getTime() + longestLockMs)
    throw unreadable("has a deadline over 2 h ahead");
  if (new Date(acquired).getTime() > new Date(deadline).getTime()) throw unreadable("ends before it was acquired");
  return {
    v: 1,
    nonce,
    run: {
      repository: readText(value, "repository"),
      runId: readText(value, "runId"),
      runAttempt: readText(value, "runAttempt"),
      url: readText(value, "url"),
      ...(at(value, "run", "runner") === undefined ? {} : { runner: readText(value, "runner") }),
    },
    acquired,
    deadline,
    phase,
    original: { pausedUntil: readOriginalPause(value, now), replicas: readReplicas(value) },
    members: readList(value, "members").map((member) => {
      if (typeof member !== "string" || !/^etcd-\d{1,2}$/.test(member)) throw unreadable("names an odd member");
      return member;
    }),
  };
}

export function writerEntries(replicas: Replicas): readonly (readonly [WriterName, number])[] {
  return writerNames.flatMap((name) => {
    const count = replicas[name];
    return count === undefined ? [] : [[name, count] as const];
  });
}

/** Dead: its run has lost the lock and what it left is to be put back. `now` is the API server's. */
export function isDead(journal: Journal, now: Date): boolean {
  return new Date(journal.deadline).getTime() <= now.getTime();
}

function unreadable(problem: string): ActionError {
  return new ActionError("journal-unreadable", `the annotation ${journalAnnotation} of the hosted cluster ${problem}`, {
    hint: "look at the annotation; when no backup is running, put back what it names and remove it by hand",
  });
}

function refuseOthers(value: unknown, known: readonly string[]): void {
  if (typeof value === "object" && value !== null && !Object.keys(value).every((name) => known.includes(name)))
    throw unreadable("has a field that this version does not know");
}

function readTime(value: unknown, field: string): string {
  const text = stringAt(value, field) ?? "";
  if (!/^[\d:TZ-]{20}$/.test(text) || parseTime(text) === undefined) throw unreadable(`has an odd time in ${field}`);
  return text;
}

function readList(value: unknown, field: string): readonly unknown[] {
  const list = at(value, field);
  if (!Array.isArray(list)) throw unreadable(`has no list of ${field}`);
  return list;
}

function readText(value: unknown, field: string): string {
  const text = at(value, "run", field);
  if (typeof text !== "string" || !isRunText(text)) throw unreadable(`has an odd run.${field}`);
  return text;
}

function isRunText(text: string): boolean {
  return /^[\x20-\x7e]{0,300}$/.test(text);
}

/** A cluster that was paused is never taken, so a pause as the original would be put there by somebody else. */
function readOriginalPause(value: unknown, now: Date | undefined): string | null {
  const pause = at(value, "original", "pausedUntil");
  if (typeof pause === "string" && now !== undefined && mayPause(pause, new Date(now.getTime() + pauseSlackMs)))
    throw unreadable("would put a pause back");
  if (pause === null || (typeof pause === "string" && pause.length <= 255)) return pause;
  throw unreadable("has an odd original.pausedUntil");
}

function readReplicas(value: unknown): Replicas {
  const replicas = at(value, "original", "replicas");
  if (typeof replicas !== "object" || replicas === null) throw unreadable("has no original.replicas");
  const pairs = Object.entries(replicas).map(([name, count]: [string, unknown]): [WriterName, number] => {
    const writer = writerNames.find((known) => known === name);
    if (writer === undefined) throw unreadable("names a deployment that the action never stops");
    if (typeof count !== "number" || !Number.isInteger(count) || count < 1 || count > 10)
      throw unreadable(`has an odd count of replicas for ${writer}`);
    return [writer, count];
  });
  return Object.fromEntries(pairs);
}
