// src/verify/program.ts
import { open, readFile } from "node:fs/promises";
import { parseArgs } from "node:util";

// src/errors.ts
var ActionError = class extends Error {
  name = "ActionError";
  code;
  hint;
  constructor(code, message, details = {}) {
    super(message, { cause: details.cause });
    this.code = code;
    this.hint = details.hint;
  }
};
function describeError(error) {
  if (error instanceof ActionError) return error;
  const kind = error instanceof Error ? error.name : typeof error;
  return new ActionError("internal", `an unexpected ${kind} was thrown`, {
    hint: "run again with debug logging switched on and report what it prints",
    cause: error
  });
}

// src/etcd/figures.ts
function figuresOf(snapshot) {
  const { sha256, keys, valueBytes } = snapshot.liveSet;
  return {
    sizeBytes: snapshot.sizeBytes,
    sha256: snapshot.sha256,
    revision: snapshot.revision,
    entries: snapshot.entries,
    liveKeys: snapshot.liveKeys,
    hash: snapshot.hash,
    // Where a member was asked, the record has its answer.
    hashKV: snapshot.hashKvAt ?? snapshot.hashKv,
    ...snapshot.storageVersion === void 0 ? {} : { storageVersion: snapshot.storageVersion },
    liveSet: { sha256, keys, valueBytes },
    contents: Object.fromEntries(Object.entries(snapshot.resources).map(([name, { keys: count }]) => [name, count])),
    prediction: snapshot.prediction,
    // A snapshot that was read at all has both: readSnapshot throws otherwise.
    proofs: { trailer: true, structure: true }
  };
}
function renderEncryption({ resource, provider, version, keyName }) {
  return `${resource}: ${provider} ${keyName}${version === "" ? "" : ` (${version})`}`;
}

// src/etcd/pace.ts
var longestTurnMs = 20;
var Pace = class {
  #signal;
  #pause;
  #turnStartedMs = performance.now();
  constructor(options = {}) {
    this.#signal = options.signal;
    this.#pause = options.pause ?? turnEventLoop;
  }
  /** True when it is time to `rest`. Cheap, so that loops can ask often. */
  get due() {
    return performance.now() - this.#turnStartedMs >= longestTurnMs;
  }
  /** Pauses; throws the signal's reason when it is aborted. */
  async rest() {
    this.#signal?.throwIfAborted();
    await this.#pause();
    this.#signal?.throwIfAborted();
    this.#turnStartedMs = performance.now();
  }
};
function turnEventLoop() {
  return new Promise((resolve) => setImmediate(resolve));
}

// src/etcd/invalid-snapshot.ts
function invalidSnapshot(found) {
  return new ActionError("snapshot-invalid", `the file is not a whole snapshot of etcd: ${found}`, {
    hint: "do not restore from this file; make a new backup, and look at the disk of the member that it came from"
  });
}

// src/etcd/span.ts
function spanOf(bytes) {
  return { bytes, start: 0, end: bytes.length };
}
function lengthOf({ start, end }) {
  return end - start;
}
function bufferOf({ bytes, start, end }) {
  return bytes.subarray(start, end);
}
function latin1Of({ bytes, start, end }, longest) {
  return bytes.toString("latin1", start, Math.min(end, start + longest));
}
var viewed = new Uint8Array(0);
var view = new DataView(viewed.buffer);
function viewOf(bytes) {
  if (viewed !== bytes) {
    view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    viewed = bytes;
  }
  return view;
}

// src/etcd/integers.ts
var highestSafeHalf = 2 ** 21;
function safeUint64(bytes, offset) {
  const view2 = viewOf(bytes);
  return join(view2.getUint32(offset + 4, true), view2.getUint32(offset, true));
}
function safeUint64BigEndian(bytes, offset) {
  const view2 = viewOf(bytes);
  return join(view2.getUint32(offset), view2.getUint32(offset + 4));
}
function join(high, low) {
  if (high >= highestSafeHalf) throw invalidSnapshot("a number in it is above all that etcd counts to");
  return high * 2 ** 32 + low;
}

// src/etcd/page.ts
var pageHeaderBytes = 16;
var elementBytes = 16;
var bucketFlag = 1;
var kinds = { 1: "branch", 2: "leaf", 4: "meta", 16: "freelist" };
function keyOf({ bytes, start, valueStart }) {
  return bytes.subarray(start, valueStart);
}
function valueOf({ bytes, valueStart, end }) {
  return bytes.subarray(valueStart, end);
}
function parsePageHeader(bytes, offset = 0) {
  const kind = kinds[bytes.readUInt16LE(offset + 8)];
  if (kind === void 0) throw invalidSnapshot("a page that is in use is of no known kind");
  return {
    id: safeUint64(bytes, offset),
    kind,
    count: bytes.readUInt16LE(offset + 10),
    overflow: bytes.readUInt32LE(offset + 12)
  };
}
function leafElements(page) {
  const { bytes } = page;
  const view2 = viewOf(bytes);
  const elements = [];
  let expected = contentStart(page);
  for (let element = pageHeaderBytes, index = 0; index < page.count; index += 1, element += elementBytes) {
    const flags = view2.getUint32(element, true);
    const start = element + view2.getUint32(element + 4, true);
    const valueStart = start + view2.getUint32(element + 8, true);
    const end = valueStart + view2.getUint32(element + 12, true);
    if (start !== expected || end > bytes.length) throw invalidPage(page, "has an element that points elsewhere");
    if (flags > bucketFlag) throw invalidPage(page, "has an element with unknown flags");
    expected = end;
    elements.push({ isBucket: flags === bucketFlag, bytes, start, valueStart, end });
  }
  checkRest(page, expected);
  return elements;
}
function branchElements(page) {
  const { bytes } = page;
  const elements = [];
  let expected = contentStart(page);
  for (let element = pageHeaderBytes, index = 0; index < page.count; index += 1, element += elementBytes) {
    const start = element + bytes.readUInt32LE(element);
    const end = start + bytes.readUInt32LE(element + 4);
    if (start !== expected || end > bytes.length) throw invalidPage(page, "has an element that points elsewhere");
    expected = end;
    elements.push({ key: Buffer.from(bytes.subarray(start, end)), page: safeUint64(bytes, element + 8) });
  }
  checkRest(page, expected);
  return elements;
}
function invalidPage(page, fault) {
  return invalidSnapshot(`${page.kind} page ${String(page.id)} ${fault}`);
}
function contentStart(page) {
  const start = pageHeaderBytes + page.count * elementBytes;
  if (start > page.bytes.length) throw invalidPage(page, "has more elements than fit");
  return start;
}
function checkRest(page, end) {
  if (page.bytes.length - end > page.slackBytes) throw invalidPage(page, "takes more room than its content");
}

// src/etcd/tree.ts
var deepest = 64;
var Tree = class {
  #reader;
  #map;
  #pace;
  constructor(reader, { map, pace }) {
    this.#reader = reader;
    this.#map = map;
    this.#pace = pace;
  }
  /**
   * Visits the leaf pages below `root` in the order of their keys, each with its elements checked: kinds, places, order
   * and bounds. Throws `snapshot-invalid`, the reason of an aborted signal, and what `visit` throws.
   */
  async walk(root, visit) {
    const bounds = { first: void 0, next: void 0 };
    await this.#walkPages([{ page: root, bounds, depth: 0 }], visit);
  }
  /** Goes through pages that follow each other, which are read together: a branch alone has few children. */
  async #walkPages(places, visit) {
    const reads = Math.ceil(places.length / this.#reader.pagesInOneRead);
    for (let read2 = 0; read2 < reads; read2 += 1) {
      const part2 = places.slice(places.length * read2 / reads, places.length * (read2 + 1) / reads);
      if (this.#map) for (const { page } of part2) assertNew(page, this.#map);
      const batch = await this.#reader.readBatch(part2.map(({ page }) => page));
      let below = [];
      const walkBelow = async () => {
        const places2 = below;
        below = [];
        await this.#walkPages(places2, visit);
      };
      for (const place of part2) {
        const found = this.#reader.page(place.page, batch);
        let page = found instanceof Promise ? await found : found;
        if (page.kind === "leaf" && below.length > 0) {
          await walkBelow();
          page = await this.#reader.page(place.page, batch);
        }
        this.#map?.use(page.id, page.overflow + 1);
        if (page.kind === "leaf") visitLeaf(page, place, visit);
        else below.push(...placeChildren(page, place));
        if (below.length >= this.#reader.pagesInOneRead) await walkBelow();
        if (this.#pace.due) await this.#pace.rest();
      }
      await walkBelow();
      this.#reader.release(batch);
    }
  }
};
function visitLeaf(page, { bounds, depth }, visit) {
  if (page.count === 0 && depth > 0) throw invalidPage(page, "is empty");
  visit(orderedLeaf(page, bounds));
}
function placeChildren(page, place) {
  const children = orderedBranch(page, place);
  return children.map(({ key, page: page2 }, index) => ({
    page: page2,
    bounds: { first: key, next: children[index + 1]?.key ?? place.bounds.next },
    depth: place.depth + 1
  }));
}
function assertNew(page, map) {
  if (map.isUsed(page)) throw invalidSnapshot(`page ${String(page)} is reached twice`);
}
function orderedLeaf(page, bounds = { first: void 0, next: void 0 }) {
  const elements = leafElements(page);
  const [first] = elements;
  const last = elements.at(-1);
  if (first && last) {
    if (bounds.first && compareKeys(wholeKey(bounds.first), first) > 0) throw outOfOrder(page);
    for (let index = 1, before = first; index < elements.length; index += 1) {
      const element = elements[index] ?? before;
      if (compareKeys(before, element) >= 0) throw outOfOrder(page);
      before = element;
    }
    if (bounds.next && compareKeys(last, wholeKey(bounds.next)) >= 0)
      throw invalidPage(page, "has keys that belong behind it");
  }
  return elements;
}
function orderedBranch(page, { bounds: { first, next }, depth }) {
  if (page.kind !== "branch") throw invalidSnapshot(`page ${String(page.id)} stands in a tree and is of another kind`);
  if (page.count === 0) throw invalidPage(page, "is empty");
  if (depth > deepest) throw invalidPage(page, "is deeper than any tree");
  const elements = branchElements(page);
  let before;
  for (const { key } of elements) {
    if (before ? before.compare(key) >= 0 : first !== void 0 && first.compare(key) > 0) throw outOfOrder(page);
    before = key;
  }
  if (before && next && before.compare(next) >= 0) throw invalidPage(page, "has keys that belong behind it");
  return elements;
}
function outOfOrder(page) {
  return invalidPage(page, "has keys out of order");
}
function compareKeys(one2, other) {
  const length = Math.min(one2.valueStart - one2.start, other.valueStart - other.start);
  for (let index = 0; index < length; index += 1) {
    const difference = (one2.bytes[one2.start + index] ?? 0) - (other.bytes[other.start + index] ?? 0);
    if (difference !== 0) return difference;
  }
  return one2.valueStart - one2.start - (other.valueStart - other.start);
}
function wholeKey(bytes) {
  return { bytes, start: 0, valueStart: bytes.length };
}

// src/etcd/buckets.ts
var bucketNames = [
  "alarm",
  "auth",
  "authRoles",
  "authUsers",
  "cluster",
  "key",
  "lease",
  "members",
  "members_removed",
  "meta"
];
var bucketHeaderBytes = 16;
async function readBuckets(rootPage, tree) {
  const buckets = [];
  await tree.walk(rootPage, (leaf) => {
    buckets.push(...leaf.map(parseBucket));
  });
  const missing = bucketNames.filter((name) => !buckets.some((bucket) => bucket.name === name));
  if (missing.length > 0) throw invalidSnapshot(`it has no bucket ${missing.join(", ")}`);
  return buckets;
}
async function walkBucket({ name, root }, tree, visit) {
  const visitEntries = (leaf) => {
    if (leaf.some(({ isBucket }) => isBucket)) throw invalidSnapshot(`there is a bucket in bucket ${name}`);
    visit(leaf);
  };
  if (typeof root === "number") await tree.walk(root, visitEntries);
  else visitEntries(orderedLeaf(root));
}
function parseBucket(element) {
  const text = keyOf(element).toString("latin1");
  const value = valueOf(element);
  const name = bucketNames.find((known) => known === text);
  if (!element.isBucket || name === void 0)
    throw invalidSnapshot("its root holds something that is not a bucket of etcd");
  if (value.length < bucketHeaderBytes) throw invalidSnapshot(`the entry of bucket ${name} is too short`);
  const root = safeUint64(value, 0);
  if (safeUint64(value, 8) !== 0) throw invalidSnapshot(`bucket ${name} has a counter, which etcd does not use`);
  if (root === 0) return { name, root: parseInlinePage(name, value.subarray(bucketHeaderBytes)) };
  if (value.length !== bucketHeaderBytes) throw invalidSnapshot(`the entry of bucket ${name} is too long`);
  return { name, root };
}
function parseInlinePage(name, bytes) {
  if (bytes.length < pageHeaderBytes) throw invalidSnapshot(`the page in the entry of bucket ${name} is too short`);
  const header = parsePageHeader(bytes);
  if (header.kind !== "leaf" || header.id !== 0 || header.overflow !== 0)
    throw invalidSnapshot(`the page in the entry of bucket ${name} is not a leaf`);
  return { ...header, bytes: Buffer.from(bytes), slackBytes: 0 };
}

// src/etcd/protobuf.ts
var varintBits = 7;
var longestVarint = 10;
var wireVarint = 0;
var wireBytes = 2;
var MessageReader = class {
  #bytes;
  #name;
  #position;
  #end;
  #tag;
  #lastField = 0;
  /** `name`: what the message is, for the error; a function where there are many of them. */
  constructor(bytes, name, { start = 0, end = bytes.length } = {}) {
    this.#bytes = bytes;
    this.#position = start;
    this.#end = end;
    this.#name = name;
  }
  /** The bytes of a field; empty when it is absent. */
  span(field) {
    const bytes = this.#bytes;
    if (!this.#isNext(field, wireBytes)) return { bytes, start: 0, end: 0 };
    const length = this.#safeVarint();
    const start = this.#position;
    const end = start + length;
    if (end > this.#end) throw this.#invalid();
    this.#position = end;
    return { bytes, start, end };
  }
  /** A number that fits into 53 bits; 0 when it is absent. */
  integer(field) {
    return this.#isNext(field, wireVarint) ? this.#safeVarint() : 0;
  }
  /** A signed number of 64 bits; 0 when it is absent. */
  bigInteger(field) {
    return this.#isNext(field, wireVarint) ? BigInt.asIntN(64, this.#bigVarint()) : 0n;
  }
  /** Throws when something is left. */
  end() {
    if (this.#position !== this.#end || this.#tag !== void 0) throw this.#invalid();
  }
  #isNext(field, wireType) {
    if (this.#tag === void 0) {
      if (this.#position === this.#end) return false;
      this.#tag = this.#safeVarint();
      if (this.#tag >>> 3 <= this.#lastField) throw this.#invalid();
    }
    if (this.#tag !== field * 8 + wireType) return false;
    this.#lastField = field;
    this.#tag = void 0;
    return true;
  }
  #safeVarint() {
    let value = 0;
    for (let shift = 1, index = 0; index < longestVarint; shift *= 128, index += 1) {
      const byte = this.#byte();
      value += (byte & 127) * shift;
      if (byte < 128) {
        if (value > Number.MAX_SAFE_INTEGER) break;
        return value;
      }
    }
    throw this.#invalid();
  }
  #bigVarint() {
    let value = 0n;
    for (let index = 0; index < longestVarint; index += 1) {
      const byte = this.#byte();
      value |= BigInt(byte & 127) << BigInt(index * varintBits);
      if (byte < 128) return value;
    }
    throw this.#invalid();
  }
  #byte() {
    const byte = this.#bytes[this.#position];
    if (byte === void 0 || this.#position >= this.#end) throw this.#invalid();
    this.#position += 1;
    return byte;
  }
  #invalid() {
    const name = typeof this.#name === "string" ? this.#name : this.#name();
    return invalidSnapshot(`${name} cannot be read`);
  }
};

// src/etcd/revision.ts
var separator = 95;
var tombstoneMark = 116;
var revisionBytes = 17;
function parseRevision(bytes, start = 0, end = bytes.length) {
  const tombstone = end - start === revisionBytes + 1;
  if (!tombstone && end - start !== revisionBytes || bytes[start + 8] !== separator || tombstone && bytes[start + revisionBytes] !== tombstoneMark)
    throw invalidSnapshot("a key of its keyspace is not a revision");
  return { main: safeUint64BigEndian(bytes, start), sub: safeUint64BigEndian(bytes, start + 9), tombstone };
}
function renderRevision(main) {
  const bytes = Buffer.alloc(revisionBytes);
  bytes.writeBigUInt64BE(BigInt(main));
  bytes.writeUInt8(separator, 8);
  return bytes;
}

// src/etcd/cluster-state.ts
var uint64Bytes = 8;
var versionForm = /^\d{1,4}\.\d{1,4}\.\d{1,4}$/;
var memberIdForm = /^[0-9a-f]{1,16}$/;
function collectEntries(elements) {
  return new Map(elements.map((element) => [keyOf(element).toString("latin1"), Buffer.from(valueOf(element))]));
}
function parseMetaState(entries) {
  const storageVersion = entries.get("storageVersion")?.toString("latin1");
  if (storageVersion !== void 0 && !versionForm.test(storageVersion))
    throw invalidSnapshot("its storage version is not a version");
  return {
    consistentIndex: parseIndex(entries, "consistent_index"),
    term: parseIndex(entries, "term"),
    storageVersion,
    // A compaction that was begun is ended when etcd starts: kvstore.go, restore.
    compactRevision: Math.max(
      parseCompactRevision(entries, "finishedCompactRev"),
      parseCompactRevision(entries, "scheduledCompactRev")
    )
  };
}
function parseIndex(entries, name) {
  const bytes = entries.get(name);
  if (bytes === void 0) return 0;
  if (bytes.length !== uint64Bytes) throw invalidSnapshot(`its ${name} is not a number`);
  return safeUint64BigEndian(bytes, 0);
}
function parseCompactRevision(entries, name) {
  const bytes = entries.get(name);
  return bytes === void 0 ? -1 : parseRevision(bytes).main;
}
function parseMembers(entries) {
  return [...entries].map(([id, value]) => {
    if (!memberIdForm.test(id) || !isJson(value))
      throw invalidSnapshot("an entry of its bucket members is not a member");
    return { id };
  });
}
function isJson(bytes) {
  try {
    JSON.parse(bytes.toString());
    return true;
  } catch {
    return false;
  }
}
var alarms = [void 0, "NOSPACE", "CORRUPT"];
function parseAlarms(entries) {
  return [...entries.keys()].map((key) => {
    const message = new MessageReader(Buffer.from(key, "latin1"), "an alarm");
    const memberId = BigInt.asUintN(64, message.bigInteger(1)).toString(16);
    const alarm = alarms[message.integer(2)] ?? "unknown";
    message.end();
    return { memberId, alarm };
  });
}
function findClusterVersion(entries) {
  const version = entries.get("clusterVersion")?.toString("latin1");
  return version !== void 0 && versionForm.test(version) ? version : void 0;
}
function isAuthEnabled(entries) {
  return entries.get("authEnabled")?.[0] === 1;
}
function addLeases(leases, elements) {
  for (const element of elements) {
    const key = keyOf(element);
    const message = new MessageReader(valueOf(element), "a lease");
    const id = message.bigInteger(1);
    message.bigInteger(2);
    message.bigInteger(3);
    message.end();
    if (key.length !== uint64Bytes || key.readBigInt64BE() !== id)
      throw invalidSnapshot("a lease stands under another id");
    leases.add(id);
  }
}

// src/etcd/aescbc.ts
import { createDecipheriv } from "node:crypto";
var blockBytes = 16;
var aesKeyBytes = [16, 24, 32];
var protobufStart = Buffer.from("k8s\0");
var jsonStart = Buffer.from(`{"`);
var openBrace = 123;
function assertAesKey({ name, bytes }) {
  if (!aesKeyBytes.includes(bytes.length))
    throw new ActionError("encryption-key-invalid", `key ${name} has ${String(bytes.length)} bytes`, {
      hint: "an AES key has 16, 24 or 32 bytes; look at the Secret that it came from"
    });
}
function isAescbc(payload) {
  return payload.length >= 2 * blockBytes && payload.length % blockBytes === 0;
}
function opensAescbc(payload, key) {
  if (!isAescbc(payload)) return false;
  const cipher = createDecipheriv(`aes-${String(key.length * 8)}-cbc`, key, payload.subarray(0, blockBytes));
  const plain = [cipher.update(payload.subarray(blockBytes))];
  try {
    plain.push(cipher.final());
    return isObject(Buffer.concat(plain.map((part2) => part2.subarray(0, protobufStart.length))));
  } catch {
    return false;
  } finally {
    for (const part2 of plain) part2.fill(0);
  }
}
function isObject(start) {
  if (start.subarray(0, protobufStart.length).equals(protobufStart)) return true;
  return start[0] === openBrace && start.subarray(0, jsonStart.length).equals(jsonStart);
}

// src/etcd/encrypted-value.ts
var prefixStart = Buffer.from("k8s:enc:");
var longestPrefix = 400;
var prefixForm = /^k8s:enc:(aescbc|aesgcm|secretbox|kms):(v[0-9]{1,2}):([A-Za-z0-9._/-]{1,253}):/;
function findEncryptedValue(value) {
  if (!startsWith(value, prefixStart)) return void 0;
  const [prefix = "", provider, version = "", keyName = ""] = prefixForm.exec(latin1Of(value, longestPrefix)) ?? [];
  return {
    provider: providers.find((known) => known === provider) ?? "unknown",
    version,
    keyName,
    payload: bufferOf(value).subarray(prefix.length)
  };
}
function startsWith({ bytes, start, end }, expected) {
  if (end - start < expected.length) return false;
  for (let index = 0; index < expected.length; index += 1) if (bytes[start + index] !== expected[index]) return false;
  return true;
}
var providers = ["aescbc", "aesgcm", "secretbox", "kms"];

// src/etcd/encryption-check.ts
var mostDecrypted = 2e5;
var sampledShare = 16;
var EncryptionCheck = class {
  #keys;
  #seed;
  #limit;
  #groups = /* @__PURE__ */ new Map();
  #values = 0;
  #checked = 0;
  #random;
  /** Throws `encryption-key-invalid` for a key of a length that AES has not. */
  constructor(keys, seed, { limit = mostDecrypted } = {}) {
    for (const key of keys) assertAesKey(key);
    this.#keys = keys;
    this.#seed = seed;
    this.#limit = limit;
    this.#random = seed;
  }
  add(resource, value) {
    const encrypted = findEncryptedValue(value);
    if (!encrypted) return;
    const { provider, version, keyName, payload } = encrypted;
    const id = JSON.stringify([resource, provider, version, keyName]);
    let group = this.#groups.get(id);
    if (!group) {
      group = {
        of: { resource, provider, version, keyName },
        counts: { values: 0, malformed: 0, checked: 0, opened: 0, others: /* @__PURE__ */ new Map() }
      };
      this.#groups.set(id, group);
    }
    group.counts.values += 1;
    this.#values += 1;
    if (!hasForm(encrypted)) group.counts.malformed += 1;
    else if (provider === "aescbc" && version === "v1" && this.#keys.length > 0 && this.#isDrawn(group.counts))
      this.#decrypt(keyName, payload, group.counts);
  }
  get result() {
    const groups = [...this.#groups.values()].map(({ of, counts: { others, ...counts } }) => ({
      ...of,
      ...counts,
      openedByOthers: Object.fromEntries(others)
    }));
    const sample = this.#values > this.#limit ? { sample: { seed: this.#seed, oneOf: sampledShare } } : {};
    return { values: this.#values, checked: this.#checked, ...sample, groups };
  }
  #decrypt(keyName, payload, counts) {
    this.#checked += 1;
    counts.checked += 1;
    const named = this.#keys.filter(({ name }) => name === keyName);
    if (named.some(({ bytes }) => opensAescbc(payload, bytes))) {
      counts.opened += 1;
      return;
    }
    const other = this.#keys.find(({ name, bytes }) => name !== keyName && opensAescbc(payload, bytes));
    if (other) counts.others.set(other.name, (counts.others.get(other.name) ?? 0) + 1);
  }
  /** A group of which nothing was decrypted would say nothing of its key. */
  #isDrawn({ checked }) {
    if (this.#values <= this.#limit || checked === 0) return true;
    this.#random = Math.imul(this.#random, 1664525) + 1013904223 >>> 0;
    return this.#random % (sampledShare * 65536) < 65536;
  }
};
var shortest = { aesgcm: 12 + 16, secretbox: 24 + 16, kms: 1 };
function hasForm({ provider, payload }) {
  if (provider === "unknown") return false;
  return provider === "aescbc" ? isAescbc(payload) : payload.length >= shortest[provider];
}

// src/etcd/bit-set.ts
var BitSet = class _BitSet {
  #words;
  constructor(size) {
    this.#words = new Uint32Array(size + 31 >>> 5);
  }
  has(index) {
    return ((this.#words[index >>> 5] ?? 0) & 1 << (index & 31)) !== 0;
  }
  add(index) {
    const word = index >>> 5;
    if (word >= this.#words.length) this.#grow(word);
    this.#words[word] = (this.#words[word] ?? 0) | 1 << (index & 31);
  }
  delete(index) {
    const word = index >>> 5;
    if (word < this.#words.length) this.#words[word] = (this.#words[word] ?? 0) & ~(1 << (index & 31));
  }
  copy() {
    const copy = new _BitSet(0);
    copy.#words = this.#words.slice();
    return copy;
  }
  #grow(word) {
    const words = new Uint32Array(Math.max(word + 1, this.#words.length * 2));
    words.set(this.#words);
    this.#words = words;
  }
};

// src/etcd/crc32c.ts
var polynomial = 2197175160;
var laneCount = 16;
var tables = new Int32Array(256 * laneCount);
for (let byte = 0; byte < 256; byte += 1) {
  let crc = byte;
  for (let bit = 0; bit < 8; bit += 1) crc = crc & 1 ? crc >>> 1 ^ polynomial : crc >>> 1;
  tables[byte] = crc;
}
for (let index = 256; index < tables.length; index += 1) {
  const before = tables[index - 256] ?? 0;
  tables[index] = lookUp(before & 255) ^ before >>> 8;
}
function crc32c(bytes, crc = 0) {
  return crc32cOfRange(bytes, { start: 0, end: bytes.length }, crc);
}
function crc32cOfRange(bytes, range, crc = 0) {
  const view2 = viewOf(bytes);
  const { end } = range;
  let state = ~crc;
  let position = range.start;
  for (; position <= end - laneCount; position += laneCount) {
    state = lookUpWord(3072, state ^ view2.getInt32(position, true)) ^ lookUpWord(2048, view2.getInt32(position + 4, true)) ^ lookUpWord(1024, view2.getInt32(position + 8, true)) ^ lookUpWord(0, view2.getInt32(position + 12, true));
  }
  for (; position < end; position += 1) state = lookUp((state ^ view2.getUint8(position)) & 255) ^ state >>> 8;
  return ~state >>> 0;
}
function lookUpWord(base, word) {
  return lookUp(base + 768 + (word & 255)) ^ lookUp(base + 512 + (word >>> 8 & 255)) ^ lookUp(base + 256 + (word >>> 16 & 255)) ^ lookUp(base + (word >>> 24));
}
function lookUp(index) {
  return tables[index] ?? 0;
}
var one = 2147483648;
var oneByte = 8388608;
var shifts = new Int32Array(256 * 4);
for (let digit = 0, step = oneByte; digit < 4; digit += 1) {
  let power = one;
  for (let value = 0; value < 256; value += 1) {
    shifts[256 * digit + value] = power;
    power = multiply(power, step);
  }
  step = power;
}
var knownShifts = new Int32Array(65536);
function joinCrc32c(first, second, secondLength) {
  let shift = knownShifts[secondLength] ?? 0;
  if (shift === 0) {
    shift = shiftOf(secondLength);
    if (secondLength < knownShifts.length) knownShifts[secondLength] = shift;
  }
  return (multiply(shift, first) ^ second) >>> 0;
}
function shiftOf(length) {
  let shift = one;
  for (let digit = 0, rest = length; rest > 0; digit += 1, rest >>>= 8)
    shift = multiply(shifts[256 * digit + (rest & 255)] ?? 0, shift);
  return shift;
}
function multiply(left, right) {
  let product = 0;
  let factor = right;
  for (let rest = left; rest !== 0; rest <<= 1) {
    product ^= factor & rest >> 31;
    factor = factor >>> 1 ^ polynomial & -(factor & 1);
  }
  return product;
}

// src/etcd/key-index.ts
import { randomBytes } from "node:crypto";
var wordsInSlot = 3;
var smallestCapacity = 1024;
var fullestShare = 0.7;
var movedAtOnce = 8;
var KeyIndex = class {
  #seeds = randomBytes(8);
  #firstSeed = this.#seeds.readInt32LE(0);
  #secondSeed = this.#seeds.readInt32LE(4);
  /** Both halves of the hash, and the place plus 1; a place of 0 is an empty slot. */
  #slots = createSlots(smallestCapacity);
  /** The slots before the last growth, while they are moved: a few with each key, since all at once would take too long. */
  #outgrown = createSlots(0);
  #moved = 0;
  #size = 0;
  /** The place that was noted for `key` before, or -1; `place` is the one from now on. */
  replace(key, place) {
    if (this.#size * wordsInSlot >= this.#slots.length * fullestShare) this.#grow();
    this.#move();
    const { first, second } = hashTwice(key, this.#firstSeed, this.#secondSeed);
    const slot = find(this.#slots, first, second);
    const before = this.#slots[slot + 2] ?? 0;
    const known = before === 0 && this.#outgrown.length > 0 ? this.#findOutgrown(first, second) : before;
    if (known === 0) this.#size += 1;
    note(this.#slots, slot, { first, second, placePlusOne: place + 1 });
    return known - 1;
  }
  #findOutgrown(first, second) {
    return this.#outgrown[find(this.#outgrown, first, second) + 2] ?? 0;
  }
  #grow() {
    while (this.#outgrown.length > 0) this.#move();
    this.#outgrown = this.#slots;
    this.#moved = 0;
    this.#slots = createSlots(this.#outgrown.length / wordsInSlot * 2);
  }
  #move() {
    const end = Math.min(this.#outgrown.length, this.#moved + movedAtOnce * wordsInSlot);
    for (; this.#moved < end; this.#moved += wordsInSlot) {
      const placePlusOne = this.#outgrown[this.#moved + 2] ?? 0;
      if (placePlusOne === 0) continue;
      const first = this.#outgrown[this.#moved] ?? 0;
      const second = this.#outgrown[this.#moved + 1] ?? 0;
      const slot = find(this.#slots, first, second);
      if (this.#slots[slot + 2] === 0) note(this.#slots, slot, { first, second, placePlusOne });
    }
    if (this.#moved === this.#outgrown.length && this.#moved > 0) {
      this.#outgrown = createSlots(0);
      this.#moved = 0;
    }
  }
};
function createSlots(capacity) {
  return new Uint32Array(capacity * wordsInSlot);
}
function find(slots, first, second) {
  const mask = slots.length / wordsInSlot - 1;
  for (let index = first & mask; ; index = index + 1 & mask) {
    const slot = index * wordsInSlot;
    if (slots[slot + 2] === 0 || slots[slot] === first && slots[slot + 1] === second) return slot;
  }
}
function note(slots, slot, { first, second, placePlusOne }) {
  slots[slot] = first;
  slots[slot + 1] = second;
  slots[slot + 2] = placePlusOne;
}
function hashTwice(key, firstSeed, secondSeed) {
  const view2 = viewOf(key.bytes);
  let first = firstSeed;
  let second = secondSeed;
  let position = key.start;
  for (; position <= key.end - 4; position += 4) {
    const word = scramble(view2.getInt32(position, true));
    first = mix(first ^ word);
    second = mix(second ^ word);
  }
  let rest = 0;
  for (let index = key.end - 1; index >= position; index -= 1) rest = rest << 8 | view2.getUint8(index);
  const end = scramble(rest) ^ key.end - key.start;
  return { first: finish(first ^ end) >>> 0, second: finish(second ^ end) >>> 0 };
}
function mix(state) {
  return Math.imul(rotate(state, 13), 5) + 3864292196 | 0;
}
function finish(end) {
  let state = Math.imul(end ^ end >>> 16, 2246822507);
  state = Math.imul(state ^ state >>> 13, 3266489909);
  return state ^ state >>> 16;
}
function scramble(word) {
  return Math.imul(rotate(Math.imul(word, 3432918353), 15), 461845907);
}
function rotate(word, bits) {
  return word << bits | word >>> 32 - bits;
}

// src/etcd/key-value.ts
function parseKeyValue(element, { main, tombstone }) {
  const { bytes, valueStart: start, end } = element;
  const message = new MessageReader(bytes, () => `the change of revision ${String(main)}`, { start, end });
  const entry = {
    key: message.span(1),
    createRevision: message.integer(2),
    modRevision: message.integer(3),
    version: message.integer(4),
    value: message.span(5),
    lease: message.bigInteger(6)
  };
  message.end();
  if (lengthOf(entry.key) === 0 || !(tombstone ? isDeletion(entry) : isWrite(entry, main)))
    throw invalidSnapshot(`the change of revision ${String(main)} contradicts itself`);
  return entry;
}
function isDeletion({ createRevision, modRevision, version, value, lease }) {
  return createRevision === 0 && modRevision === 0 && version === 0 && lengthOf(value) === 0 && lease === 0n;
}
function isWrite({ createRevision, modRevision, version }, main) {
  const later = modRevision - createRevision;
  return modRevision === main && createRevision > 0 && version > 0 && later >= version - 1 && later > 0 === version > 1;
}

// src/etcd/number-list.ts
var smallestRoom = 1024;
var NumberList = class {
  #create;
  #numbers;
  #length = 0;
  /** `create` makes the array that holds them. */
  constructor(create) {
    this.#create = create;
    this.#numbers = create(smallestRoom);
  }
  get length() {
    return this.#length;
  }
  /** The number at `index`; 0 outside of the list. */
  at(index) {
    return this.#numbers[index] ?? 0;
  }
  push(value) {
    if (this.#length === this.#numbers.length) {
      const numbers = this.#create(this.#length * 2);
      numbers.set(this.#numbers);
      this.#numbers = numbers;
    }
    this.#numbers[this.#length] = value;
    this.#length += 1;
  }
  /** The index of the first number above `limit` in a list that does not descend; its length when there is none. */
  firstAbove(limit) {
    let low = 0;
    let high = this.#length;
    while (low < high) {
      const middle = low + high >>> 1;
      if (this.at(middle) > limit) high = middle;
      else low = middle + 1;
    }
    return low;
  }
};

// src/etcd/history.ts
var revisionBump = 1e9;
var firstRevision = 1;
var noKey = spanOf(Buffer.alloc(0));
var longestTail = 1e5;
function parseChange(element) {
  const { bytes, start, valueStart, end } = element;
  const revision = parseRevision(bytes, start, valueStart);
  const isBump = valueStart === end && revision.sub === 0 && !revision.tombstone && revision.main >= revisionBump;
  return { revision, keyValue: isBump ? void 0 : parseKeyValue(element, revision) };
}
var History = class {
  #index = new KeyIndex();
  #mains = new NumberList((length) => new Float64Array(length));
  #checksums = new NumberList((length) => new Uint32Array(length));
  #lengths = new NumberList((length) => new Uint32Array(length));
  #tombstones = new BitSet(0);
  #bumps = new BitSet(0);
  #live = new BitSet(0);
  #pastRevision;
  #liveInPast;
  #liveCount = 0;
  #lastSub = 0;
  #highestMissing = 0;
  #newestBump = 0;
  #deletedInTail = /* @__PURE__ */ new Map();
  #tailAfter;
  /** `pastRevision`: for which it must be known later what was alive; `tailAfter`: deletions behind it are looked at. */
  constructor(options = {}) {
    this.#pastRevision = options.pastRevision;
    this.#tailAfter = options.tailAfter ?? Number.POSITIVE_INFINITY;
  }
  get length() {
    return this.#mains.length;
  }
  /** The revision of the last change; 0 when there is none. */
  get lastRevision() {
    return this.#mains.at(this.length - 1);
  }
  /** How many keys are alive at the end, the nameless one of a bumped restore counted, as etcdutl 3.6 does. */
  get liveCount() {
    return this.#liveCount;
  }
  /** The revision to which a restore raised the newest; 0 when there was none. */
  get newestBump() {
    return this.#newestBump;
  }
  /** The highest revision of which a change is missing between the first and the last; 0 when there is none. */
  get highestMissing() {
    return this.#highestMissing;
  }
  /** Adds the next change, and returns the CRC-32C of the entry's key and value. Throws `snapshot-invalid`. */
  add(element) {
    const { revision, keyValue } = parseChange(element);
    const place = this.length;
    this.#checkOrder(revision, keyValue === void 0);
    if (this.#pastRevision !== void 0 && revision.main > this.#pastRevision) this.#liveInPast ??= this.#live.copy();
    const checksum = crc32cOfRange(element.bytes, element);
    this.#mains.push(revision.main);
    this.#checksums.push(checksum);
    this.#lengths.push(element.end - element.start);
    const before = this.#index.replace(keyValue?.key ?? noKey, place);
    if (before >= 0 && this.#live.has(before)) {
      this.#live.delete(before);
      this.#liveCount -= 1;
      if (revision.tombstone && revision.main > this.#tailAfter && this.#deletedInTail.size < longestTail)
        this.#deletedInTail.set(place, before);
    }
    if (revision.tombstone) this.#tombstones.add(place);
    else {
      this.#live.add(place);
      this.#liveCount += 1;
    }
    if (!keyValue) {
      this.#bumps.add(place);
      this.#newestBump = revision.main;
    }
    return checksum;
  }
  main(place) {
    return this.#mains.at(place);
  }
  /** True for a change that is the only one of its revision. */
  isAlone(place) {
    const main = this.#mains.at(place);
    return this.#mains.at(place - 1) !== main && this.#mains.at(place + 1) !== main;
  }
  checksum(place) {
    return this.#checksums.at(place);
  }
  pairLength(place) {
    return this.#lengths.at(place);
  }
  isTombstone(place) {
    return this.#tombstones.has(place);
  }
  isBump(place) {
    return this.#bumps.has(place);
  }
  /** The places of the keys that are alive at the end. */
  get live() {
    return this.#live;
  }
  /** The same at `pastRevision`. */
  get liveInPast() {
    return this.#liveInPast ?? this.#live;
  }
  /** The place of the first change above a revision. */
  firstAbove(revision) {
    return this.#mains.firstAbove(revision);
  }
  /** For each deletion behind `tailAfter` the place of what it deleted, where the file still has it. */
  get deletedInTail() {
    return this.#deletedInTail;
  }
  #checkOrder({ main, sub }, isBump) {
    const last = this.length === 0 ? firstRevision : this.lastRevision;
    const follows = main === last ? sub === this.#lastSub + 1 && this.length > 0 : main === last + 1 && sub === 0;
    if (main < last || main === last && (this.length === 0 || sub <= this.#lastSub))
      throw invalidSnapshot(`the changes of revision ${String(main)} are not in order`);
    if (isBump && main - revisionBump < (this.length === 0 ? 0 : last))
      throw invalidSnapshot(`revision ${String(main)} has no value, and is not what a restore leaves`);
    if (!follows) this.#highestMissing = sub === 0 ? main - 1 : main;
    this.#lastSub = sub;
  }
};

// src/etcd/live-set.ts
import { createHash } from "node:crypto";
var headBytes = 48;
var bufferBytes = 64 * 1024;
var LiveSetDigest = class {
  #hash = createHash("sha256");
  #buffer = Buffer.allocUnsafe(bufferBytes);
  #fields = new DataView(this.#buffer.buffer, this.#buffer.byteOffset, bufferBytes);
  #buffered = 0;
  #transaction = [];
  #keys = 0;
  #valueBytes = 0;
  /** `isAlone`: whether it is the only change of its revision. The bytes of others are copied until all have come. */
  add(entry, isAlone) {
    if (this.#transaction[0] && this.#transaction[0].modRevision !== entry.modRevision) this.#endTransaction();
    if (isAlone) this.#write(entry);
    else this.#transaction.push({ ...entry, key: copyOf(entry.key), value: copyOf(entry.value) });
  }
  /** Ends the computation; can be called once. */
  digest() {
    this.#endTransaction();
    this.#flush();
    return { keys: this.#keys, valueBytes: this.#valueBytes, sha256: this.#hash.digest("hex") };
  }
  #endTransaction() {
    this.#transaction.sort((one2, other) => one2.key.bytes.compare(other.key.bytes));
    for (const entry of this.#transaction) this.#write(entry);
    this.#transaction = [];
  }
  #write({ key, value, createRevision, modRevision, version, lease }) {
    if (this.#buffered + headBytes > bufferBytes) this.#flush();
    const fields = this.#fields;
    const head = this.#buffered;
    writeUint64(fields, head, createRevision);
    writeUint64(fields, head + 8, modRevision);
    writeUint64(fields, head + 16, version);
    fields.setBigInt64(head + 24, lease);
    writeUint64(fields, head + 32, lengthOf(key));
    writeUint64(fields, head + 40, lengthOf(value));
    this.#buffered += headBytes;
    this.#update(key);
    this.#update(value);
    this.#keys += 1;
    this.#valueBytes += lengthOf(value);
  }
  /** Small pieces go to the hash together. */
  #update(piece) {
    const length = lengthOf(piece);
    if (this.#buffered + length > bufferBytes) this.#flush();
    if (length > bufferBytes) this.#hash.update(bufferOf(piece));
    else {
      piece.bytes.copy(this.#buffer, this.#buffered, piece.start, piece.end);
      this.#buffered += length;
    }
  }
  #flush() {
    this.#hash.update(this.#buffer.subarray(0, this.#buffered));
    this.#buffered = 0;
  }
};
function copyOf(span) {
  return spanOf(Buffer.from(bufferOf(span)));
}
function writeUint64(fields, offset, value) {
  fields.setUint32(offset, Math.floor(value / 2 ** 32));
  fields.setUint32(offset + 4, value % 2 ** 32);
}

// src/etcd/resource.ts
var otherResource = "other";
var mostResources = 5e3;
var mostBeginnings = 1e4;
var longestBeginning = 400;
var part = "[a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])?";
var resourceKey = new RegExp(
  `^/(${part}(?:\\.${part})*)/(?:(${part}(?:\\.${part})+)/)?(${part})/(?:(specs|endpoints)/)?`
);
function resourceOf(key) {
  const [, prefix, group, resource, kind] = resourceKey.exec(key) ?? [];
  if (resource === void 0) return otherResource;
  if (group !== void 0) return `${group}/${resource}`;
  if (prefix === "openshift.io") return `${prefix}/${resource}`;
  return resource === "services" && kind !== void 0 ? `${resource}/${kind}` : resource;
}
function beginningOf(key) {
  let end = 0;
  for (let slashes = 0; slashes < 4; slashes += 1) {
    const slash = key.indexOf("/", end);
    if (slash < 0) return key;
    end = slash + 1;
  }
  return key.slice(0, end);
}
var ResourceCounter = class {
  #contents = /* @__PURE__ */ new Map();
  /** The resources of beginnings that were met: most keys share theirs with others. */
  #known = /* @__PURE__ */ new Map();
  /** Returns the name under which the key was counted. */
  add(key, valueBytes) {
    const found = this.#find(beginningOf(key));
    const name = this.#contents.has(found) || this.#contents.size < mostResources ? found : otherResource;
    const contents = this.#contents.get(name) ?? { keys: 0, valueBytes: 0 };
    contents.keys += 1;
    contents.valueBytes += valueBytes;
    this.#contents.set(name, contents);
    return name;
  }
  #find(beginning) {
    const known = this.#known.get(beginning);
    if (known !== void 0) return known;
    if (this.#known.size === mostBeginnings) this.#known.clear();
    const found = resourceOf(beginning);
    this.#known.set(beginning, found);
    return found;
  }
  /** By name, in the order of the names. */
  get contents() {
    return Object.fromEntries([...this.#contents].sort(([one2], [other]) => one2 < other ? -1 : 1));
  }
};

// src/etcd/survivors.ts
var LiveIndex = class {
  /** Of the last change. */
  revision;
  #mains = new NumberList((length) => new Float64Array(length));
  #checksums = new NumberList((length) => new Uint32Array(length));
  #lengths = new NumberList((length) => new Uint32Array(length));
  constructor(history) {
    this.revision = history.lastRevision;
    for (let place = 0; place < history.length; place += 1) {
      if (!history.live.has(place) || history.isBump(place)) continue;
      this.#mains.push(history.main(place));
      this.#checksums.push(history.checksum(place));
      this.#lengths.push(history.pairLength(place));
    }
  }
  /** True where a key that is alive was last changed by this very change. */
  has({ main, checksum, lengthBytes }) {
    for (let index = this.#mains.firstAbove(main - 1); this.#mains.at(index) === main; index += 1)
      if (this.#checksums.at(index) === checksum && this.#lengths.at(index) === lengthBytes) return true;
    return false;
  }
};
var SurvivorCount = class {
  #earlier;
  #resources = /* @__PURE__ */ new Map();
  #newestRevision = 0;
  constructor(earlier) {
    this.#earlier = earlier;
  }
  add(resource, change) {
    if (change.main > this.#earlier.revision) return;
    const counts = this.#resources.get(resource) ?? { untouched: 0, foreign: 0 };
    this.#resources.set(resource, counts);
    if (this.#earlier.has(change)) {
      counts.untouched += 1;
      this.#newestRevision = change.main;
    } else counts.foreign += 1;
  }
  get result() {
    const all = [...this.#resources.values()];
    return {
      untouched: all.reduce((sum, { untouched }) => sum + untouched, 0),
      newestRevision: this.#newestRevision,
      foreign: all.reduce((sum, { foreign }) => sum + foreign, 0),
      resources: Object.fromEntries(this.#resources)
    };
  }
};

// src/etcd/contents.ts
async function readContents(bucket, source, { leases, keys, seed, tailAfter, earlier }) {
  const { history, tree } = source;
  const liveSet = new LiveSetDigest();
  const resources = new ResourceCounter();
  const encryption = new EncryptionCheck(keys, seed);
  const survivors = earlier && new SurvivorCount(earlier);
  const deleted = new Set(history.deletedInTail.values());
  const expired = /* @__PURE__ */ new Set();
  let place = 0;
  let leasedKeys = 0;
  let orphans = 0;
  await walkBucket(bucket, tree, (leaf) => {
    for (const element of leaf) {
      const isLive = history.live.has(place);
      if (isLive || deleted.has(place)) {
        const { keyValue } = parseChange(element);
        if (keyValue) {
          const hasLease = keyValue.lease !== 0n;
          const isGone = hasLease && !leases.has(keyValue.lease);
          if (isGone) expired.add(place);
          if (isLive) {
            liveSet.add(keyValue, history.isAlone(place));
            const resource = resources.add(latin1Of(keyValue.key, longestBeginning), lengthOf(keyValue.value));
            encryption.add(resource, keyValue.value);
            survivors?.add(resource, {
              main: history.main(place),
              checksum: history.checksum(place),
              lengthBytes: history.pairLength(place)
            });
            if (hasLease) leasedKeys += 1;
            if (isGone) orphans += 1;
          }
        }
      }
      place += 1;
    }
  });
  return {
    liveSet: liveSet.digest(),
    resources: resources.contents,
    encrypted: encryption.result,
    leases: { granted: leases.size, keys: leasedKeys, orphans },
    tail: tailAfter === void 0 ? void 0 : readTail(history, tailAfter, expired),
    survivors: survivors?.result
  };
}
function readTail(history, tailAfter, expiredPlaces) {
  let writes = 0;
  let expired = 0;
  let deletions = 0;
  const first = history.firstAbove(tailAfter);
  for (let place = first; place < history.length; place += 1)
    if (!history.isTombstone(place)) writes += 1;
    else if (expiredPlaces.has(history.deletedInTail.get(place) ?? -1)) expired += 1;
    else deletions += 1;
  return { changes: history.length - first, writes, expired, deletions };
}

// src/etcd/freelist.ts
var idBytes = 8;
var countInFront = 65535;
function markFreePages(page, map) {
  let start = pageHeaderBytes;
  let { count } = page;
  if (count === countInFront) {
    count = safeUint64(page.bytes, start);
    start += idBytes;
    if (count < countInFront) throw invalidPage(page, "counts its pages in the wrong way");
  }
  if (start + count * idBytes > page.bytes.length) throw invalidPage(page, "has more entries than fit");
  let before = 1;
  for (let index = 0; index < count; index += 1) {
    const free = safeUint64(page.bytes, start + index * idBytes);
    if (free <= before) throw invalidPage(page, "is not in order");
    map.free(free);
    before = free;
  }
}

// src/etcd/hash-kv.ts
var bucketChecksum = crc32c(Buffer.from("key"));
async function computeHashKv(history, live, options) {
  const { revision, compactRevision } = options.point;
  const end = history.firstAbove(revision);
  const compacted = history.firstAbove(compactRevision);
  const keepsAll = !hasBelow(live, end);
  let hash = bucketChecksum;
  for (let place = 0; place < end; place += 1) {
    if (place % 4096 === 0 && options.pace.due) await options.pace.rest();
    if (place < compacted && !keepsAll && !live.has(place)) continue;
    if (history.main(place) === compactRevision && history.isTombstone(place)) continue;
    hash = joinCrc32c(hash, history.checksum(place), history.pairLength(place));
  }
  return { revision, compactRevision, hash };
}
async function computeBumpedHashKv(history, pace) {
  const revision = history.lastRevision + revisionBump;
  let hash = bucketChecksum;
  for (let place = 0; place < history.length; place += 1) {
    if (place % 4096 === 0 && pace.due) await pace.rest();
    if (history.live.has(place) && !history.isBump(place))
      hash = joinCrc32c(hash, history.checksum(place), history.pairLength(place));
  }
  return { revision, compactRevision: revision, hash: crc32c(renderRevision(revision), hash) };
}
function hasBelow(set, end) {
  for (let place = 0; place < end; place += 1) if (set.has(place)) return true;
  return false;
}

// src/etcd/meta-page.ts
import { isDeepStrictEqual } from "node:util";

// src/etcd/source.ts
async function readExactly(source, { offset, length, into }) {
  const bytes = await source.read(offset, length, into);
  if (bytes.length !== length)
    throw invalidSnapshot(`it ends within the ${String(length)} bytes at offset ${String(offset)}`);
  return bytes;
}

// src/etcd/trailer.ts
import { createHash as createHash3 } from "node:crypto";

// src/etcd/snapshot-digest.ts
import { createHash as createHash2 } from "node:crypto";
var trailerBytes = 32;
var SnapshotDigest = class {
  #bodyBytes;
  #hash = createHash2("sha256");
  #trailer = [];
  #bodyHash;
  #seenBytes = 0;
  /** `sizeBytes`: what the file is expected to have, trailer included. */
  constructor(sizeBytes) {
    this.#bodyBytes = sizeBytes - trailerBytes;
  }
  update(bytes) {
    const bodyLeft = Math.max(0, Math.min(bytes.length, this.#bodyBytes - this.#seenBytes));
    this.#hash.update(bytes.subarray(0, bodyLeft));
    this.#seenBytes += bytes.length;
    if (this.#seenBytes < this.#bodyBytes) return;
    this.#bodyHash ??= this.#hash.copy().digest();
    this.#hash.update(bytes.subarray(bodyLeft));
    this.#trailer.push(Buffer.from(bytes.subarray(bodyLeft)));
  }
  /** Ends the computation; can be called once. */
  digest() {
    const trailer = Buffer.concat(this.#trailer);
    return {
      sha256: this.#hash.digest("hex"),
      sizeBytes: this.#seenBytes,
      trailer: trailer.toString("hex"),
      trailerMatches: this.#bodyHash !== void 0 && trailer.equals(this.#bodyHash)
    };
  }
};

// src/etcd/trailer.ts
var trailerBytes2 = createHash3("sha256").digest().length;
var sectorBytes = 512;
var chunkBytes = 1024 * 1024;
async function readTrailer(source, pace) {
  refuseImpossibleSize(source.sizeBytes);
  const digest = new SnapshotDigest(source.sizeBytes);
  const into = Buffer.allocUnsafe(chunkBytes);
  for (let offset = 0; offset < source.sizeBytes; offset += chunkBytes) {
    const length = Math.min(chunkBytes, source.sizeBytes - offset);
    digest.update(await readExactly(source, { offset, length, into }));
    if (pace.due) await pace.rest();
  }
  const digests = digest.digest();
  if (!digests.trailerMatches) throw invalidSnapshot("its last 32 bytes are not the SHA-256 of the bytes before them");
  return digests;
}
function refuseImpossibleSize(sizeBytes) {
  if (sizeBytes === 0) throw invalidSnapshot("it is empty");
  if (sizeBytes % sectorBytes === 0)
    throw new ActionError("snapshot-trailer-missing", "the file has no SHA-256 at its end, which every snapshot has", {
      hint: "this looks like a copy of the file member/snap/db; take the snapshot with etcdctl snapshot save"
    });
  if (sizeBytes % sectorBytes !== trailerBytes2)
    throw invalidSnapshot(`no snapshot has ${String(sizeBytes)} bytes; it was cut off, or something was added`);
}

// src/etcd/meta-page.ts
var magic = 3977042669;
var formatVersion = 2;
var checkedBytes = 56;
var metaBytes = pageHeaderBytes + checkedBytes + 8;
var noFreelist = 0xffffffffffffffffn;
var smallestPageBytes = 1024;
var largestPageBytes = 16 * 1024 * 1024;
async function readMeta(source) {
  const databaseBytes = source.sizeBytes - trailerBytes2;
  if (databaseBytes < 2 * smallestPageBytes) throw invalidSnapshot("it has no room for two meta pages");
  const meta = parseMeta(await readExactly(source, { offset: 0, length: metaBytes }), 0);
  if (databaseBytes < 2 * meta.pageSizeBytes) throw invalidSnapshot("it ends before its second meta page");
  const second = parseMeta(await readExactly(source, { offset: meta.pageSizeBytes, length: metaBytes }), 1);
  if (!isDeepStrictEqual(second, { ...meta, txid: meta.txid - 1 }))
    throw invalidSnapshot("its two meta pages are not those of one transaction");
  if (meta.pageCount * meta.pageSizeBytes !== databaseBytes)
    throw invalidSnapshot(
      `it has ${String(databaseBytes)} bytes of database, and its meta page tells of ${String(meta.pageCount)} pages of ${String(meta.pageSizeBytes)} bytes`
    );
  return meta;
}
function parseMeta(bytes, page) {
  const header = parsePageHeader(bytes);
  if (header.id !== page || header.kind !== "meta" || header.count !== 0 || header.overflow !== 0)
    throw invalidSnapshot(`page ${String(page)} is not a meta page`);
  const fields = bytes.subarray(pageHeaderBytes);
  if (fields.readUInt32LE(0) !== magic || fields.readUInt32LE(4) !== formatVersion)
    throw invalidSnapshot(`meta page ${String(page)} is not of a bbolt database of version ${String(formatVersion)}`);
  if (fields.readBigUInt64LE(checkedBytes) !== fnv64a(fields.subarray(0, checkedBytes)))
    throw invalidSnapshot(`the checksum of meta page ${String(page)} is wrong`);
  const pageSizeBytes = fields.readUInt32LE(8);
  const isPowerOfTwo = Number.isInteger(Math.log2(pageSizeBytes));
  if (!isPowerOfTwo || pageSizeBytes < smallestPageBytes || pageSizeBytes > largestPageBytes)
    throw invalidSnapshot(`it has a page size of ${String(pageSizeBytes)} bytes`);
  if (fields.readUInt32LE(12) !== 0) throw invalidSnapshot(`meta page ${String(page)} has flags of an unknown format`);
  const freelist = fields.readBigUInt64LE(32);
  return {
    pageSizeBytes,
    rootPage: safeUint64(fields, 16),
    freelistPage: freelist === noFreelist ? void 0 : safeUint64(fields, 32),
    pageCount: safeUint64(fields, 40),
    txid: safeUint64(fields, 48)
  };
}
function fnv64a(bytes) {
  let hash = 0xcbf29ce484222325n;
  for (const byte of bytes) hash = BigInt.asUintN(64, (hash ^ BigInt(byte)) * 0x100000001b3n);
  return hash;
}

// src/etcd/page-map.ts
var PageMap = class {
  #pageCount;
  #used;
  #free;
  #usedCount = 0;
  #freeCount = 0;
  /** The two meta pages are in use. */
  constructor(pageCount) {
    this.#pageCount = pageCount;
    this.#used = new BitSet(pageCount);
    this.#free = new BitSet(pageCount);
    this.use(0, 2);
  }
  /** Takes `count` pages from `first` on; throws `snapshot-invalid` where one is outside of the file or taken already. */
  use(first, count) {
    if (first + count > this.#pageCount) throw invalidSnapshot(`page ${String(first)} reaches beyond the last page`);
    for (let page = first; page < first + count; page += 1) {
      if (this.#used.has(page)) throw invalidSnapshot(`page ${String(page)} is reached twice`);
      if (this.#free.has(page)) throw invalidSnapshot(`page ${String(page)} is in use and among the free ones`);
      this.#used.add(page);
    }
    this.#usedCount += count;
  }
  free(page) {
    if (page >= this.#pageCount) throw invalidSnapshot(`free page ${String(page)} is beyond the last page`);
    if (this.#used.has(page) || this.#free.has(page)) throw invalidSnapshot(`page ${String(page)} is free twice`);
    this.#free.add(page);
    this.#freeCount += 1;
  }
  isUsed(page) {
    return this.#used.has(page);
  }
  get unaccounted() {
    return this.#pageCount - this.#usedCount - this.#freeCount;
  }
  get usedCount() {
    return this.#usedCount;
  }
};

// src/etcd/page-reader.ts
var gapBytes = 64 * 1024;
var readBytes = 2 * 1024 * 1024;
var mostPages = 256;
var readsInFlight = 32;
var largestPageBytes2 = 64 * 1024 * 1024;
var PageReader = class {
  #source;
  #meta;
  #unused = [];
  /** For pages whose overflow was not read with them, one at a time. */
  #large = Buffer.alloc(0);
  #seenPages = 0;
  #seenOverflow = 0;
  constructor(source, meta) {
    this.#source = source;
    this.#meta = meta;
  }
  /** One page with its overflow; throws `snapshot-invalid`. */
  async read(id) {
    const batch = await this.readBatch([id]);
    try {
      return await this.page(id, batch);
    } finally {
      this.release(batch);
    }
  }
  /** How many pages are to be read at once, by the size of those that were read so far. */
  get pagesInOneRead() {
    return Math.min(mostPages, Math.ceil(readBytes / ((1 + this.#usualOverflow) * this.#meta.pageSizeBytes)));
  }
  /** The first page of each of `ids`, and as many behind it as most others had; to be taken by `page`. */
  async readBatch(ids) {
    const { pageSizeBytes: size, pageCount } = this.#meta;
    for (const id of ids) if (id >= pageCount) throw invalidSnapshot(`there is no page ${String(id)}`);
    const pages = 1 + this.#usualOverflow;
    const extents = joinExtents(
      [...ids].sort((one2, other) => one2 - other).map((id) => ({ offset: id * size, length: Math.min(pages, pageCount - id) * size }))
    );
    const memory = this.#take(extents.reduce((sum, { length }) => sum + length, 0));
    const chunks = [];
    let filled = 0;
    for (let index = 0; index < extents.length; index += readsInFlight)
      chunks.push(
        ...await Promise.all(
          extents.slice(index, index + readsInFlight).map(async ({ offset, length }) => {
            const into = memory.subarray(filled, filled + length);
            filled += length;
            return { offset, bytes: await readExactly(this.#source, { offset, length, into }) };
          })
        )
      );
    return { chunks, memory };
  }
  /** Of the pages that were read so far. */
  get #usualOverflow() {
    return this.#seenPages === 0 ? 0 : Math.round(this.#seenOverflow / this.#seenPages);
  }
  release({ memory }) {
    this.#unused.push(memory);
  }
  /** The page `id` of a batch; a promise where its overflow has to be read, good until the next is. */
  page(id, { chunks }) {
    const size = this.#meta.pageSizeBytes;
    const chunk = findChunk(chunks, id * size);
    const start = id * size - chunk.offset;
    const header = parsePageHeader(chunk.bytes, start);
    if (header.id !== id) throw invalidSnapshot(`page ${String(id)} says that it is page ${String(header.id)}`);
    if (id + header.overflow >= this.#meta.pageCount) throw invalidPage(header, "reaches beyond the last page");
    const length = (header.overflow + 1) * size;
    this.#seenPages += 1;
    this.#seenOverflow += Math.min(header.overflow, gapBytes / size);
    if (length > largestPageBytes2) throw invalidPage(header, `has ${String(length)} bytes, more than etcd lets in`);
    if (start + length <= chunk.bytes.length)
      return { ...header, bytes: chunk.bytes.subarray(start, start + length), slackBytes: size };
    if (this.#large.length < length) this.#large = Buffer.allocUnsafe(length);
    return readExactly(this.#source, { offset: id * size, length, into: this.#large.subarray(0, length) }).then(
      (bytes) => ({ ...header, bytes, slackBytes: size })
    );
  }
  /** Memory of `length` bytes or more. */
  #take(length) {
    const unused = this.#unused.pop();
    return unused !== void 0 && unused.length >= length ? unused : Buffer.allocUnsafe(Math.max(length, readBytes));
  }
};
function joinExtents(sorted) {
  const joined = [];
  for (const next of sorted) {
    const last = joined.at(-1);
    const end = next.offset + next.length;
    if (last && next.offset <= last.offset + last.length + gapBytes && end - last.offset <= readBytes)
      joined[joined.length - 1] = { offset: last.offset, length: Math.max(last.length, end - last.offset) };
    else joined.push(next);
  }
  return joined;
}
function findChunk(chunks, offset) {
  let low = 0;
  let high = chunks.length - 1;
  while (low < high) {
    const middle = low + high + 1 >>> 1;
    if ((chunks[middle]?.offset ?? 0) <= offset) low = middle;
    else high = middle - 1;
  }
  const chunk = chunks[low];
  if (!chunk) throw invalidSnapshot(`nothing was read at offset ${String(offset)}`);
  return chunk;
}

// src/etcd/snapshot.ts
async function readSnapshot(source, options = {}) {
  const pace = new Pace(options);
  const digests = options.digests ?? await readTrailer(source, pace);
  if (!digests.trailerMatches || digests.sizeBytes !== source.sizeBytes)
    throw invalidSnapshot("its last 32 bytes are not the SHA-256 of the bytes before them");
  const meta = await readMeta(source);
  const reader = new PageReader(source, meta);
  const database = await readDatabase(meta, reader, { ...options, pace });
  const { history, state } = database;
  const { compactRevision } = state;
  checkCompleteness(history, compactRevision);
  const revision = Math.max(1, history.lastRevision, compactRevision);
  const hashKv = await computeHashKv(history, history.live, { point: { revision, compactRevision }, pace });
  const bumped = await computeBumpedHashKv(history, pace);
  const contents = await readContents(
    database.keyBucket,
    { tree: new Tree(reader, { pace }), history },
    {
      leases: database.leases,
      keys: options.keys ?? [],
      seed: Number.parseInt(digests.trailer.slice(0, 8), 16),
      tailAfter: options.quietRevision,
      earlier: options.earlier
    }
  );
  return {
    ...state,
    ...contents,
    sizeBytes: source.sizeBytes,
    sha256: digests.sha256,
    trailer: digests.trailer,
    pages: { sizeBytes: meta.pageSizeBytes, total: meta.pageCount, free: meta.pageCount - database.usedPages },
    revision: history.lastRevision,
    hash: database.hash.toString(16).padStart(8, "0"),
    entries: database.entries,
    liveKeys: history.liveCount,
    hashKv,
    hashKvAt: options.hashKvAt && await findHashKv(history, options.hashKvAt, { end: revision, compactRevision, pace }),
    prediction: {
      plain: { revision, hashKV: hashKv.hash },
      bumped: { revision: bumped.revision, hashKV: bumped.hash }
    },
    bumpedTo: history.newestBump === 0 ? void 0 : history.newestBump,
    clusterVersion: findClusterVersion(database.small.cluster),
    members: parseMembers(database.small.members),
    alarms: parseAlarms(database.small.alarm),
    authEnabled: isAuthEnabled(database.small.auth),
    liveIndex: options.indexLive === true ? new LiveIndex(history) : void 0
  };
}
var smallBuckets = ["alarm", "auth", "cluster", "members", "meta"];
async function readDatabase(meta, reader, options) {
  const { pace } = options;
  const map = new PageMap(meta.pageCount);
  if (meta.freelistPage !== void 0) await readFreelist(meta.freelistPage, reader, map);
  const tree = new Tree(reader, { map, pace });
  const history = new History({ pastRevision: options.hashKvAt?.revision, tailAfter: options.quietRevision });
  const leases = /* @__PURE__ */ new Set();
  const small = /* @__PURE__ */ new Map();
  let hash = 0;
  let entries = 0;
  const buckets = await readBuckets(meta.rootPage, tree);
  for (const bucket of buckets) {
    hash = crc32c(Buffer.from(bucket.name), hash);
    const kept = [];
    await walkBucket(bucket, tree, (leaf) => {
      entries += leaf.length;
      for (const element of leaf) {
        const { bytes, start, end } = element;
        const checksum = bucket.name === "key" ? history.add(element) : crc32cOfRange(bytes, element);
        hash = joinCrc32c(hash, checksum, end - start);
      }
      if (bucket.name === "lease") addLeases(leases, leaf);
      if (isSmall(bucket.name)) kept.push(...collectEntries(leaf));
    });
    small.set(bucket.name, new Map(kept));
  }
  if (meta.freelistPage !== void 0 && map.unaccounted > 0)
    throw invalidSnapshot(`${String(map.unaccounted)} of its pages are neither in use nor free`);
  const entriesOf = (name) => small.get(name) ?? /* @__PURE__ */ new Map();
  return {
    history,
    state: parseMetaState(entriesOf("meta")),
    leases,
    small: {
      alarm: entriesOf("alarm"),
      auth: entriesOf("auth"),
      cluster: entriesOf("cluster"),
      members: entriesOf("members"),
      meta: entriesOf("meta")
    },
    keyBucket: bucketNamed(buckets, "key"),
    hash,
    entries,
    usedPages: map.usedCount
  };
}
async function readFreelist(pageId, reader, map) {
  const page = await reader.read(pageId);
  if (page.kind !== "freelist") throw invalidSnapshot(`page ${String(pageId)} is not the list of free pages`);
  map.use(pageId, page.overflow + 1);
  markFreePages(page, map);
}
function isSmall(name) {
  return smallBuckets.some((small) => small === name);
}
function bucketNamed(buckets, name) {
  const bucket = buckets.find((each) => each.name === name);
  if (!bucket) throw invalidSnapshot(`it has no bucket ${name}`);
  return bucket;
}
function checkCompleteness(history, compactRevision) {
  if (history.highestMissing > Math.max(0, compactRevision))
    throw invalidSnapshot(`changes up to revision ${String(history.highestMissing)} are missing`);
  if (history.newestBump > Math.max(0, compactRevision))
    throw invalidSnapshot(`revision ${String(history.newestBump)} has no value, and is not what a restore leaves`);
}
async function findHashKv(history, point, file) {
  const { revision, compactRevision } = point;
  if (revision > file.end || revision < compactRevision || compactRevision < file.compactRevision) return void 0;
  return computeHashKv(history, history.liveInPast, { point, pace: file.pace });
}

// src/shown-text.ts
function renderLine(text) {
  return escapeHidden(text.trimEnd().replace(/\r\n|[\r\n\t\u2028\u2029]/g, " ")).replace(/^(\s*)::/, "$1: :").replaceAll("##[", "# #[");
}
function escapeHidden(text) {
  return text.replace(
    /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu,
    (character) => Array.from({ length: character.length }, (_, index) => escapeUnit(character.charCodeAt(index))).join("")
  );
}
function escapeUnit(unit) {
  return `\\u${unit.toString(16).padStart(4, "0")}`;
}

// src/snapshots/comparison.ts
function figuresInRecord(record, entry, snapshots) {
  const isNewest = snapshots.every((other, index) => {
    const ahead = Number(other["revision"]) - Number(entry["revision"]);
    return ahead < 0 || ahead === 0 && index >= snapshots.indexOf(entry);
  });
  return isNewest ? { ...pick(record, ["liveSet", "contents", "prediction"]), ...entry } : entry;
}
function findHashKvPoint({ hashKV }) {
  if (!isFields(hashKV)) return void 0;
  const { revision, compactRevision } = hashKV;
  return Number.isSafeInteger(revision) && Number.isSafeInteger(compactRevision) ? { revision: Number(revision), compactRevision: Number(compactRevision) } : void 0;
}
function compareFigures(snapshot, recorded) {
  return compare(figuresOf(snapshot), recorded, "");
}
function isFields(value) {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
function compare(file, record, field) {
  if (record === void 0 || file === void 0) return [];
  if (!isFields(file) || !isFields(record)) return file === record ? [] : [{ field, record, file }];
  const names = field === "contents" ? [...Object.keys(file), ...Object.keys(record)] : Object.keys(file);
  return [...new Set(names)].flatMap((name) => {
    const path = field === "" ? name : `${field}.${name}`;
    if (field === "contents") return compare(file[name] ?? 0, record[name] ?? 0, path);
    return compare(file[name], record[name], path);
  });
}
function pick(value, names) {
  return Object.fromEntries(names.flatMap((name) => name in value ? [[name, value[name]]] : []));
}

// src/snapshots/file.ts
import { read } from "node:fs";
import { promisify } from "node:util";
var readAt = promisify(read);
async function createFileSource(file) {
  const { size } = await file.stat();
  return {
    sizeBytes: size,
    read: async (offset, length, into) => {
      const bytes = into?.subarray(0, length) ?? Buffer.allocUnsafe(length);
      let filled = 0;
      while (filled < length) {
        const { bytesRead } = await readAt(file.fd, bytes, filled, length - filled, offset + filled);
        if (bytesRead === 0) break;
        filled += bytesRead;
      }
      return bytes.subarray(0, filled);
    }
  };
}

// src/verify/program.ts
var usage = "node verify.mjs snapshot.db [record.json] [--json]";
process.exitCode = await verify(process.argv.slice(2));
async function verify(args) {
  const asJson = args.includes("--json");
  try {
    const [snapshotPath, recordPath] = parseArguments(args);
    const { snapshot, entry } = await readFiles(snapshotPath, recordPath);
    const figures = figuresOf(snapshot);
    const differences = entry && compareFigures(snapshot, entry);
    print(
      asJson ? renderJson(listFacts(snapshot, figures, differences)) : renderTable(snapshot, figures, differences).map(renderLine)
    );
    return differences === void 0 || differences.length === 0 ? 0 : 1;
  } catch (error) {
    const { code, message, hint } = describeError(error);
    if (asJson) print(renderJson({ error: { code, message, hint } }));
    else print([`${code}: ${message}`, ...hint === void 0 ? [] : [hint]].map(renderLine), process.stderr);
    return 1;
  }
}
function parseArguments(args) {
  try {
    const { positionals } = parseArgs({
      args: [...args],
      options: { json: { type: "boolean" } },
      allowPositionals: true
    });
    const [snapshot, record, ...others] = positionals;
    if (snapshot !== void 0 && others.length === 0) return [snapshot, record];
  } catch {
  }
  throw new ActionError("input-invalid", "these are not the arguments of verify.mjs", { hint: usage });
}
async function readFiles(path, recordPath) {
  const file = await open(path).catch((cause) => {
    throw new ActionError("input-invalid", `the file ${path} cannot be opened`, { hint: usage, cause });
  });
  try {
    const source = await createFileSource(file);
    if (recordPath === void 0) return { snapshot: await readSnapshot(source) };
    const digests = await readTrailer(source, new Pace());
    const entry = await readEntry(recordPath, digests.sha256);
    const hashKvAt = findHashKvPoint(entry);
    return { entry, snapshot: await readSnapshot(source, { digests, ...hashKvAt ? { hashKvAt } : {} }) };
  } finally {
    await file.close();
  }
}
async function readEntry(path, fileSha256) {
  const invalid = new ActionError("record-invalid", `${path} is not the record of this snapshot`, { hint: usage });
  let record;
  try {
    record = JSON.parse(await readFile(path, "utf8"));
  } catch {
    throw invalid;
  }
  if (!isFields(record) || !Array.isArray(record["snapshots"])) throw invalid;
  const snapshots = record["snapshots"].filter(isFields).filter(({ sha256 }) => typeof sha256 === "string");
  const [first, ...others] = snapshots;
  const entry = others.length === 0 ? first : snapshots.find(({ sha256 }) => sha256 === fileSha256);
  if (!entry) throw invalid;
  return figuresInRecord(record, entry, snapshots);
}
function renderJson(value) {
  return JSON.stringify(value, null, 2).split("\n").map(escapeHidden);
}
function listFacts(snapshot, figures, differences) {
  const { encrypted, alarms: alarms2, leases, bumpedTo, clusterVersion } = snapshot;
  return { ...figures, clusterVersion, bumpedTo, alarms: alarms2, leases, encrypted, differences };
}
function renderTable(snapshot, figures, differences) {
  const { prediction, liveSet } = figures;
  const answer = ({ revision, hashKV }) => `revision ${String(revision)}, HashKV ${String(hashKV)}`;
  const rows = [
    ["file", `${String(figures.sizeBytes)} bytes, SHA-256 ${figures.sha256}`],
    [
      "revision",
      `${String(figures.revision)}, ${snapshot.compactRevision < 0 ? "never compacted" : `compacted up to ${String(snapshot.compactRevision)}`}`
    ],
    ["hash", `${figures.hash} (${String(figures.entries)} entries, ${String(figures.liveKeys)} live keys)`],
    ["HashKV", `${String(figures.hashKV.hash)} at revision ${String(figures.hashKV.revision)}`],
    ["live set", `${String(liveSet.keys)} keys, ${String(liveSet.valueBytes)} bytes, SHA-256 ${liveSet.sha256}`],
    ["storage version", figures.storageVersion ?? "not in the file, as before etcd 3.6"],
    ["after a plain restore", answer(prediction.plain)],
    ["after a bumped one", answer(prediction.bumped)],
    ...snapshot.alarms.map(({ alarm }) => ["alarm", `${alarm}: a restored etcd has it, too`]),
    ...snapshot.encrypted.groups.map(
      (group) => ["encrypted", `${renderEncryption(group)}: ${String(group.values)} values`]
    ),
    ...Object.entries(figures.contents).map(([name, keys]) => [`  ${name}`, `${String(keys)} keys`]),
    ...(differences ?? []).map(
      ({ field, record, file }) => ["DIFFERS", `${field}: record ${JSON.stringify(record)}, file ${JSON.stringify(file)}`]
    ),
    [
      "result",
      differences === void 0 ? "whole" : differences.length > 0 ? "not what the record says" : "whole, and what the record says"
    ]
  ];
  const width = Math.max(...rows.map(([name]) => name.length));
  return rows.map(([name, value]) => `${name.padEnd(width)}  ${value}`);
}
function print(lines, stream = process.stdout) {
  stream.write(`${lines.join("\n")}
`);
}
