import { hasCode } from "../../src/errors.ts";
import { onStore, memory, row, type Mutant } from "./mutant.ts";

/** Mistakes that show in what is sent to the object store, and in what is read of it. */
export const storeMutants: readonly Mutant[] = [
  onStore(
    "restorable",
    "the read-back of the snapshot is skipped: it answers from memory",
    () => {
      const sent = new Map<string, Map<number, Buffer>>();
      return (sound) => ({
        uploadPart: (upload, number, body) => {
          const parts = sent.get(upload.key) ?? new Map<number, Buffer>();
          sent.set(upload.key, parts.set(number, Buffer.from(body)));
          return sound.uploadPart(upload, number, body);
        },
        readObject: (key, options) => {
          const parts = sent.get(key);
          return parts === undefined ? sound.readObject(key, options) : inOrder(parts);
        },
      });
    },
    row("proof"),
  ),
  onStore(
    "restorable",
    "the read-back of the record is skipped: it answers from memory",
    () => {
      const sent = new Map<string, Map<number, Buffer>>();
      return (sound) => ({
        putNewObject: (key, body, options) => {
          sent.set(key, new Map([[1, Buffer.from(body)]]));
          return sound.putNewObject(key, body, options);
        },
        readObject: (key, options) => {
          const parts = sent.get(key);
          return parts === undefined ? sound.readObject(key, options) : inOrder(parts);
        },
      });
    },
    row("record: read back"),
  ),
  onStore(
    "restorable",
    "If-None-Match is dropped",
    () => (sound) => ({
      putNewObject: async (key, body, options) => {
        try {
          return await sound.putNewObject(key, body, options);
        } catch (error) {
          if (!hasCode(error, "object-exists")) throw error;
          await sound.deleteObject(key);
          return sound.putNewObject(key, body, options);
        }
      },
    }),
    row("record: write"),
  ),
  onStore(
    "restorable",
    "an object that may belong to a run that goes on counts as old",
    () => (sound) => ({
      listObjects: async (prefix) =>
        (await sound.listObjects(prefix)).map((listed) => ({ ...listed, modifiedAt: new Date(0) })),
    }),
    memory("leftovers", "an object that is young by the store's clock stays, however old its name is"),
  ),
  onStore(
    "nothing leaks",
    "an upload is not aborted",
    () => () => ({ abortUpload: () => Promise.resolve() }),
    row("transfer: read a part"),
  ),
];

async function* inOrder(parts: ReadonlyMap<number, Buffer>): AsyncGenerator<Uint8Array, void, undefined> {
  await Promise.resolve();
  for (const [, body] of [...parts].toSorted(([a], [b]) => a - b)) yield body;
}
