import { invalidSnapshot } from "./invalid-snapshot.ts";
import type { LeafElement } from "./page.ts";
import { MessageReader } from "./protobuf.ts";
import type { Revision } from "./revision.ts";
import { lengthOf, type Span } from "./span.ts";

/** A key as it was at one revision: mvccpb.KeyValue, api/mvccpb/kv.proto in etcd. */
export interface KeyValue {
  readonly key: Span;
  readonly createRevision: number;
  readonly modRevision: number;
  /** How often it was written since its creation. */
  readonly version: number;
  readonly value: Span;
  /** The id of its lease; 0 without. */
  readonly lease: bigint;
}

/**
 * The value of `element` in the bucket `key`. Throws `snapshot-invalid` for what no etcd writes there: also for a value
 * that tells of another revision than its key, and for a deletion with anything but the key's name.
 */
export function parseKeyValue(element: LeafElement, { main, tombstone }: Revision): KeyValue {
  const { bytes, valueStart: start, end } = element;
  const message = new MessageReader(bytes, () => `the change of revision ${String(main)}`, { start, end });
  const entry: KeyValue = {
    key: message.span(1),
    createRevision: message.integer(2),
    modRevision: message.integer(3),
    version: message.integer(4),
    value: message.span(5),
    lease: message.bigInteger(6),
  };
  message.end();
  if (lengthOf(entry.key) === 0 || !(tombstone ? isDeletion(entry) : isWrite(entry, main)))
    throw invalidSnapshot(`the change of revision ${String(main)} contradicts itself`);
  return entry;
}

function isDeletion({ createRevision, modRevision, version, value, lease }: KeyValue): boolean {
  return createRevision === 0 && modRevision === 0 && version === 0 && lengthOf(value) === 0 && lease === 0n;
}

function isWrite({ createRevision, modRevision, version }: KeyValue, main: number): boolean {
  const later = modRevision - createRevision;
  // Each later write has a revision of its own.
  return modRevision === main && createRevision > 0 && version > 0 && later >= version - 1 && later > 0 === version > 1;
}
