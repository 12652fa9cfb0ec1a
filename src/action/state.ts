import { createHash } from "node:crypto";
import {
  parseJournal,
  renderJournal,
  writerEntries,
  type HeldCluster,
  type Journal,
  type Replicas,
} from "../hold/journal.ts";
import type { OwnFile } from "../restore/output-file.ts";
import { at, listAt, numberAt, stringAt } from "../json-path.ts";
import type { Environment } from "./inputs/names.ts";
import type { ObjectRef } from "../ports.ts";
import { writeRunnerFile } from "./runner-file.ts";

/** The part of @actions/core that saving needs. */
interface CoreState {
  saveState(name: string, value: string): void;
}
type GetState = (name: string) => string;

/** The last hold of main. Post acts on it and not on inputs that are evaluated again; no secret is in it. */
export interface Held {
  readonly hostedCluster: HeldCluster;
  readonly journal: Journal;
  /** Pods of each writer that were ready before anything was stopped: no others are waited for. */
  readonly ready: Replicas;
  /** True where main had read its record back. */
  readonly isRecorded: boolean;
  /** `fingerprintServer` of the kubeconfig: a name that another management cluster lacks says nothing of this one. */
  readonly server: string;
  /** Where the snapshot was to go. */
  readonly store: { readonly bucket: string; readonly prefix: string };
  /** The variables that name proxies, without users and passwords. */
  readonly proxies: Readonly<Record<string, string>>;
}

const proxyVariables = ["HTTPS_PROXY", "HTTP_PROXY", "NO_PROXY", "ALL_PROXY"].flatMap((name) => [
  name,
  name.toLowerCase(),
]);

/** Tells one management cluster from another by the address of its API server, which is not shown. */
export function fingerprintServer(server: string): string {
  return createHash("sha256").update(server).digest("hex");
}

/** Says that nothing is left for the post step to put back: nothing was held, or all of it is released. */
export function markSettled(core: CoreState): void {
  save(core, "settled", "true");
}

export function isSettled(getState: GetState): boolean {
  return getState("settled") === "true";
}

/**
 * Saves what is held for the post step. One append of one line: a half-written entry makes the runner drop the whole
 * file. A later one replaces it.
 */
export function saveHeld(core: CoreState, held: Held): void {
  const { namespace, name, uid } = held.hostedCluster;
  const text = { ...held, hostedCluster: { namespace, name, uid }, journal: renderJournal(held.journal) };
  save(core, "held", JSON.stringify(text));
}

/**
 * The hold that main saved last; undefined when there is none, or when anything about it is odd. Its times are the API
 * server's, which the clock of this machine says nothing about.
 */
export function findHeld(getState: GetState): Held | undefined {
  try {
    const value: unknown = JSON.parse(getState("held"));
    const read = (...path: readonly string[]): string => {
      const text = stringAt(value, ...path);
      if (text === undefined) throw new Error("the state is odd");
      return text;
    };
    const journal = parseJournal(read("journal"), undefined);
    return {
      hostedCluster: {
        namespace: read("hostedCluster", "namespace"),
        name: read("hostedCluster", "name"),
        uid: read("hostedCluster", "uid"),
      },
      journal,
      ready: Object.fromEntries(
        writerEntries(journal.original.replicas).map(([name, pods]) => [name, numberAt(value, "ready", name) ?? pods]),
      ),
      isRecorded: at(value, "isRecorded") === true,
      server: read("server"),
      // Without a prefix the snapshots lie at the top of the bucket.
      store: { bucket: read("store", "bucket"), prefix: stringAt(value, "store", "prefix") ?? "" },
      proxies: Object.fromEntries(
        proxyVariables.flatMap((name) =>
          at(value, "proxies", name) === undefined ? [] : [[name, read("proxies", name)]],
        ),
      ),
    };
  } catch {
    return undefined;
  }
}

/** Saves the files that are about to get a key, for the post step of a run that is killed. A later list replaces it. */
export function saveWritten(core: CoreState, files: readonly OwnFile[]): void {
  save(core, "written", JSON.stringify({ files }));
}

/** The files that main saved last; none where it saved none, or where anything about them is odd. */
export function findWritten(getState: GetState): readonly OwnFile[] {
  try {
    return listAt(JSON.parse(getState("written")), "files").flatMap((file) => {
      const [path, inode] = [stringAt(file, "path"), stringAt(file, "inode")];
      return path === undefined || inode === undefined ? [] : [{ path, inode }];
    });
  } catch {
    return [];
  }
}

/** The pod of a drill, or a file in a pod, that main was about to make; its nonce tells it from those of others. */
export interface Made {
  readonly what: "drill" | "file";
  readonly pod: ObjectRef;
  readonly nonce: string;
  /** `fingerprintServer` of the kubeconfig. */
  readonly server: string;
}

/** Saves what is about to be made, for the post step of a run that is killed. */
export function saveMade(core: CoreState, made: Made): void {
  save(core, "made", JSON.stringify(made));
}

/** What main was about to make; undefined where it saved nothing, or where anything about it is odd: its nonce ends processes. */
export function findMade(getState: GetState): Made | undefined {
  try {
    const value: unknown = JSON.parse(getState("made"));
    const what = stringAt(value, "what");
    const [namespace, name] = [stringAt(value, "pod", "namespace"), stringAt(value, "pod", "name")];
    const [nonce, server] = [stringAt(value, "nonce"), stringAt(value, "server")];
    if (what !== "drill" && what !== "file") return undefined;
    if (namespace === undefined || name === undefined || nonce === undefined || server === undefined) return undefined;
    return /^[0-9a-f]{32}$/.test(nonce) ? { what, pod: { namespace, name }, nonce, server } : undefined;
  } catch {
    return undefined;
  }
}

/** The proxies of the environment as they are saved: whoever debugs a workflow sees the state. */
export function listProxies(environment: Environment): Readonly<Record<string, string>> {
  return Object.fromEntries(
    proxyVariables.flatMap((name) => {
      const value = environment[name] ?? "";
      return value === "" ? [] : [[name, withoutUser(value)]];
    }),
  );
}

/** The environment with main's proxies: a later step may have set others. A proxy that is the same keeps its user. */
export function restoreProxies(environment: Environment, saved: Readonly<Record<string, string>>): Environment {
  const current = listProxies(environment);
  const proxies = proxyVariables.map(
    (name) => [name, saved[name] === current[name] ? environment[name] : saved[name]] as const,
  );
  return { ...environment, ...Object.fromEntries(proxies) };
}

function withoutUser(address: string): string {
  // A URL may begin with one slash, or three; none is in the address of a proxy behind it.
  return address.replace(/^(https?:[\\/]*|[a-z][a-z0-9+.-]*:\/\/)?.*@/is, "$1");
}

/** Throws `runner-unwritable`. */
function save(core: CoreState, name: string, value: string): void {
  writeRunnerFile("GITHUB_STATE", () => {
    core.saveState(name, value);
  });
}
