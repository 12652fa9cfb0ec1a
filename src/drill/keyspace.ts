import { ResourceCounter, resourceOf } from "../etcd/resource.ts";
import { drillEtcdctl } from "./etcd-answers.ts";
import { workFolder } from "./paths.ts";

/** An object of the API server by its key in etcd. */
export interface KeyedObject {
  readonly resource: string;
  readonly namespace: string;
  readonly name: string;
}

/** The live keys of a restored etcd. */
export interface Keyspace {
  readonly keys: number;
  /** Keys by resource, by the names of etcd/resource.ts. */
  readonly counts: Readonly<Record<string, number>>;
  /** The first part of the API server's keys, such as `kubernetes.io`; undefined where there is no namespace. */
  readonly prefix: string | undefined;
  /** Some objects of each of the wanted resources, drawn by the seed. */
  readonly sample: readonly KeyedObject[];
}

/** Keys of one page: etcd reads their values as well, and a pod's memory is bounded. */
const pageKeys = 1000;

// etcdctl prints an empty line behind each key. A page begins with the last key of the one before it.
const listing = `set -eu
work=$1 revision=$2
first=
: >"$work/keys"
while :; do
  ${drillEtcdctl} --command-timeout=120s get "$first" --from-key --limit=${String(pageKeys)} --keys-only --rev="$revision" >"$work/page"
  lines=$(wc -l <"$work/page")
  if [ -z "$first" ]; then cat "$work/page" >>"$work/keys"; else tail -n +3 "$work/page" >>"$work/keys"; fi
  [ "$lines" -ge ${String(2 * pageKeys)} ] || break
  first=$(tail -n 2 "$work/page" | head -n 1)
done
wc -c <"$work/keys"
`;

/** The file that listCommand writes. */
const keysFile = `${workFolder}/keys`;

/** argv that writes all live keys to keysFile, and prints its size. It may run twice. */
export function listCommand(revision: number): readonly string[] {
  return ["sh", "-c", listing, "list", workFolder, String(revision)];
}

/** argv that prints a piece of keysFile: `lengthBytes` bytes from `offset`. */
export function pieceCommand(offset: number, lengthBytes: number): readonly string[] {
  const script = `exec dd if="$1" iflag=skip_bytes,count_bytes,fullblock bs=1M skip="$2" count="$3" status=none`;
  return ["sh", "-c", script, "piece", keysFile, String(offset), String(lengthBytes)];
}

/** Of each resource so many objects are read. */
const sampled = 20;

/** Reads keys as listCommand wrote them, piece by piece. */
export class KeyspaceReader {
  readonly #counter = new ResourceCounter();
  readonly #wanted: readonly string[];
  readonly #drawn = new Map<string, { seen: number; readonly objects: KeyedObject[] }>();
  #random: number;
  #rest = "";
  #keys = 0;
  #prefix: string | undefined;

  /** `wanted`: resources whose objects are drawn. */
  constructor(wanted: readonly string[], seed: number) {
    this.#wanted = wanted;
    this.#random = seed;
  }

  add(piece: Buffer): void {
    const lines = (this.#rest + piece.toString("latin1")).split("\n");
    this.#rest = lines.pop() ?? "";
    for (const line of lines) if (line !== "") this.#addKey(line);
  }

  end(): Keyspace {
    const counts = Object.entries(this.#counter.contents).map(([name, { keys }]) => [name, keys] as const);
    return {
      keys: this.#keys,
      counts: Object.fromEntries(counts),
      prefix: this.#prefix,
      sample: [...this.#drawn.values()].flatMap(({ objects }) => objects),
    };
  }

  #addKey(text: string): void {
    this.#keys += 1;
    this.#counter.add(text, 0);
    const resource = resourceOf(text);
    if (resource === "namespaces") this.#prefix ??= /^\/([^/]+)\/namespaces\//.exec(text)?.[1];
    if (this.#wanted.includes(resource)) this.#draw(resource, text);
  }

  /** Each object has the same chance (Vitter's algorithm R). */
  #draw(resource: string, text: string): void {
    const [, namespace, name] = /\/([a-z0-9][a-z0-9.-]{0,252})\/([a-z0-9][a-z0-9.-]{0,252})$/.exec(text) ?? [];
    if (namespace === undefined || name === undefined) return;
    const drawn = this.#drawn.get(resource) ?? { seen: 0, objects: [] };
    this.#drawn.set(resource, drawn);
    drawn.seen += 1;
    const place = drawn.objects.length < sampled ? drawn.objects.length : this.#next() % drawn.seen;
    if (place < sampled) drawn.objects[place] = { resource, namespace, name };
  }

  /** A linear congruential generator: the same keys and the same seed give the same sample. */
  #next(): number {
    this.#random = (Math.imul(this.#random, 1_664_525) + 1_013_904_223) >>> 0;
    return this.#random >>> 8;
  }
}
