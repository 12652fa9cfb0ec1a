import { randomUUID } from "node:crypto";
import { isDeepStrictEqual } from "node:util";
import { stringAt, numberAt } from "../../../src/json-path.ts";
import type { WorldClock } from "./clock.ts";
import { isJsonObject, mergePatch, objectAt, type JsonObject } from "./json.ts";
import { checkIdentity, keepIdentity } from "./metadata.ts";
import { resourceOf, type ResourceName } from "./resources.ts";
import { notFound } from "./status.ts";

export interface PatchOptions {
  /** Only status is written; without it, status is left alone. */
  readonly subresource?: "status";
  readonly dryRun?: boolean;
  /** Throws ApiError for an object that must not be stored. */
  readonly validate?: (object: JsonObject) => void;
}

export type ChangeListener = (resource: ResourceName, object: JsonObject) => void;

/**
 * The objects of the cluster. One counter gives every change a resourceVersion, as etcd's revision does; a change of
 * anything but metadata and status makes a new generation, and so does an annotation of a deployment
 * (kubernetes/kubernetes, pkg/registry/apps/deployment/strategy.go). A patch that changes nothing leaves both.
 */
export class ObjectStore {
  readonly #clock: WorldClock;
  readonly #objects = new Map<string, JsonObject>();
  readonly #listeners = new Set<ChangeListener>();
  #revision = 1000;

  constructor(clock: WorldClock) {
    this.#clock = clock;
  }

  get resourceVersion(): string {
    return String(this.#revision);
  }

  /** Called after each change, also with an object that was just removed. */
  onChange(listener: ChangeListener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  find(resource: ResourceName, namespace: string, name: string): JsonObject | undefined {
    return this.#objects.get(keyOf(resource, namespace, name));
  }

  /** Throws ApiError 404. */
  get(resource: ResourceName, namespace: string, name: string): JsonObject {
    const object = this.find(resource, namespace, name);
    if (!object) throw notFound(resourceOf(resource), name);
    return object;
  }

  list(resource: ResourceName, namespace: string | undefined): readonly JsonObject[] {
    const prefix = namespace === undefined ? `${resource} ` : `${resource} ${namespace} `;
    const found: JsonObject[] = [];
    for (const [key, object] of this.#objects) if (key.startsWith(prefix)) found.push(object);
    return found;
  }

  create(resource: ResourceName, object: JsonObject): JsonObject {
    const { group, version, kind } = resourceOf(resource);
    const created = {
      apiVersion: group === "" ? version : `${group}/${version}`,
      kind,
      ...object,
      metadata: {
        ...objectAt(object, "metadata"),
        uid: randomUUID(),
        resourceVersion: this.#nextVersion(),
        creationTimestamp: this.#clock.timestamp(),
        ...(hasGeneration(resource) ? { generation: 1 } : {}),
      },
    };
    this.#store(resource, created);
    return created;
  }

  /** Throws ApiError: 404; what `checkIdentity` and `validate` throw. */
  patch(
    resource: ResourceName,
    namespace: string,
    name: string,
    patch: JsonObject,
    options: PatchOptions = {},
  ): JsonObject {
    const current = this.get(resource, namespace, name);
    checkIdentity(resource, current, patch);
    const merged = mergePatch(current, patch);
    const written = isJsonObject(merged) ? keepSystemFields(current, merged, options) : current;
    options.validate?.(written);
    if (isDeepStrictEqual(written, current)) return current;
    const generation = numberAt(current, "metadata", "generation") ?? 0;
    const isSame = isDeepStrictEqual(wanted(resource, current), wanted(resource, written));
    const metadata = {
      ...objectAt(written, "metadata"),
      ...(options.dryRun === true ? {} : { resourceVersion: this.#nextVersion() }),
      ...(hasGeneration(resource) ? { generation: isSame ? generation : generation + 1 } : {}),
    };
    const stored = { ...written, metadata };
    if (options.dryRun !== true) this.#store(resource, stored);
    return stored;
  }

  /** Stores an object as it is, with a new resourceVersion: for those who write what no client can. */
  replace(resource: ResourceName, object: JsonObject): void {
    const metadata = { ...objectAt(object, "metadata"), resourceVersion: this.#nextVersion() };
    this.#store(resource, { ...object, metadata });
  }

  remove(resource: ResourceName, namespace: string, name: string): void {
    const object = this.find(resource, namespace, name);
    if (!object) return;
    this.#objects.delete(keyOf(resource, namespace, name));
    this.#nextVersion();
    for (const listener of this.#listeners) listener(resource, object);
  }

  #nextVersion(): string {
    this.#revision += 1;
    return String(this.#revision);
  }

  #store(resource: ResourceName, object: JsonObject): void {
    const namespace = stringAt(object, "metadata", "namespace") ?? "";
    this.#objects.set(keyOf(resource, namespace, stringAt(object, "metadata", "name") ?? ""), object);
    for (const listener of this.#listeners) listener(resource, object);
  }
}

function keyOf(resource: ResourceName, namespace: string, name: string): string {
  return `${resource} ${namespace} ${name}`;
}

function hasGeneration(resource: ResourceName): boolean {
  return !["pods", "secrets", "namespaces"].includes(resource);
}

/** What a client cannot change: identity, and status by the main resource or all else by the status subresource. */
function keepSystemFields(current: JsonObject, merged: JsonObject, options: PatchOptions): JsonObject {
  const { status, ...rest } = merged;
  if (options.subresource === "status") return { ...current, ...(status === undefined ? {} : { status }) };
  const keptStatus = current["status"] === undefined ? {} : { status: current["status"] };
  return { ...keepIdentity(current, rest), ...keptStatus };
}

function wanted(resource: ResourceName, object: JsonObject): JsonObject {
  const annotations = resource === "deployments" ? objectAt(object, "metadata")["annotations"] : undefined;
  return { ...object, metadata: annotations, status: undefined };
}
