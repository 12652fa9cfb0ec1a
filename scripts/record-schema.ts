/** Writes the JSON Schemas in docs/ from the schemas that the readers of records, of opened keys and of drills use. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { renderDrillSchema, renderKeyFileSchema, renderRecordSchema } from "./record-schema-text.ts";

const docs = join(import.meta.dirname, "../docs");
writeFileSync(join(docs, "record.schema.json"), await renderRecordSchema());
writeFileSync(join(docs, "key-file.schema.json"), await renderKeyFileSchema());
writeFileSync(join(docs, "drill.schema.json"), await renderDrillSchema());
