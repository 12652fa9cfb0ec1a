import { toJsonSchema } from "@valibot/to-json-schema";
import { format } from "prettier";
import { keyFileSchema } from "../src/encryption/key-file-schema.ts";
import { drillRecordSchema } from "../src/snapshots/drill-record-schema.ts";
import { recordSchema } from "../src/snapshots/record-schema.ts";

/** The text of docs/record.schema.json. */
export function renderRecordSchema(): Promise<string> {
  return render(recordSchema);
}

/** The text of docs/key-file.schema.json. */
export function renderKeyFileSchema(): Promise<string> {
  return render(keyFileSchema);
}

/** The text of docs/drill.schema.json. */
export function renderDrillSchema(): Promise<string> {
  return render(drillRecordSchema);
}

function render(of: Parameters<typeof toJsonSchema>[0]): Promise<string> {
  const { $schema, title, description, ...schema } = toJsonSchema(of, {
    target: "draft-2020-12",
    typeMode: "output",
    // They say in words of Valibot what "type": "object" says already.
    ignoreActions: ["check"],
  });
  return format(JSON.stringify({ $schema, title, description, ...schema }), { parser: "json", printWidth: 120 });
}
