import { isDeepStrictEqual } from "node:util";
import { isMap, isScalar, Scalar, type Document } from "yaml";
import { ActionError } from "../errors.ts";
import { parseManifest, type ManifestDocument } from "./manifest.ts";

/** The document's text after `change`: order and comments are kept, layout may differ. */
export function editDocument(source: ManifestDocument, change: (document: Document) => void): string {
  const document = source.document.clone();
  change(document);
  // Lines are never folded; lists stand under their key without indent, as HyperShift renders them.
  const text = document.toString({ lineWidth: 0, indentSeq: false });
  const [again, ...more] = parseManifest(Buffer.from(text));
  if (more.length > 0 || !isDeepStrictEqual(again?.value, document.toJS()))
    throw new ActionError("internal", "the edited manifest would be read as another one than was meant");
  return text;
}

/**
 * Sets a text in double quotes, which every reader of YAML takes for one; the comment beside it stays. Mappings on its way are
 * made where there is none.
 */
export function setText(document: Document, path: readonly string[], text: string): void {
  for (let length = 1; length < path.length; length += 1) {
    const parent = path.slice(0, length);
    if (!isMap(document.getIn(parent))) document.setIn(parent, document.createNode({}));
  }
  const found = document.getIn(path, true);
  if (isScalar(found) && found.value === text) return;
  const scalar = isScalar(found) ? found : new Scalar(text);
  scalar.value = text;
  scalar.type = Scalar.QUOTE_DOUBLE;
  document.setIn(path, scalar);
}
