/** Keys of one kind, and the bytes of their values. */
export interface ResourceContents {
  readonly keys: number;
  readonly valueBytes: number;
}

/** Under which keys are counted that are not of a Kubernetes resource. */
export const otherResource = "other";
/** A damaged or foreign keyspace must not make the table endless. */
const mostResources = 5000;
const mostBeginnings = 10_000;

/** Four parts of 63 characters, the second with a domain of up to 253. */
export const longestBeginning = 400;

const part = "[a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])?";
const resourceKey = new RegExp(
  `^/(${part}(?:\\.${part})*)/(?:(${part}(?:\\.${part})+)/)?(${part})/(?:(specs|endpoints)/)?`,
);

/**
 * The resource to which a key belongs: `secrets`, `services/specs`, `config.openshift.io/clusterversions`. A key's first
 * part is the prefix of its API server; that of the OpenShift API server stays in the name, as `openshift.io/routes`.
 * `other` for a key of another form. Of a long key the first `longestBeginning` characters are enough.
 */
export function resourceOf(key: string): string {
  const [, prefix, group, resource, kind] = resourceKey.exec(key) ?? [];
  if (resource === undefined) return otherResource;
  if (group !== undefined) return `${group}/${resource}`;
  if (prefix === "openshift.io") return `${prefix}/${resource}`;
  return resource === "services" && kind !== undefined ? `${resource}/${kind}` : resource;
}

/** A key up to its fourth slash, which is all that its resource is made of. */
function beginningOf(key: string): string {
  let end = 0;
  for (let slashes = 0; slashes < 4; slashes += 1) {
    const slash = key.indexOf("/", end);
    if (slash < 0) return key;
    end = slash + 1;
  }
  return key.slice(0, end);
}

/** Counts keys by resource. */
export class ResourceCounter {
  readonly #contents = new Map<string, { keys: number; valueBytes: number }>();
  /** The resources of beginnings that were met: most keys share theirs with others. */
  readonly #known = new Map<string, string>();

  /** Returns the name under which the key was counted. */
  add(key: string, valueBytes: number): string {
    const found = this.#find(beginningOf(key));
    const name = this.#contents.has(found) || this.#contents.size < mostResources ? found : otherResource;
    const contents = this.#contents.get(name) ?? { keys: 0, valueBytes: 0 };
    contents.keys += 1;
    contents.valueBytes += valueBytes;
    this.#contents.set(name, contents);
    return name;
  }

  #find(beginning: string): string {
    const known = this.#known.get(beginning);
    if (known !== undefined) return known;
    if (this.#known.size === mostBeginnings) this.#known.clear();
    const found = resourceOf(beginning);
    this.#known.set(beginning, found);
    return found;
  }

  /** By name, in the order of the names. */
  get contents(): Readonly<Record<string, ResourceContents>> {
    return Object.fromEntries([...this.#contents].sort(([one], [other]) => (one < other ? -1 : 1)));
  }
}
