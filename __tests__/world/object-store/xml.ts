/** An element's content: text, or elements in order; a repeated element is an entry of its own. */
export type XmlContent = string | number | boolean | readonly XmlElement[];
export type XmlElement = readonly [name: string, content: XmlContent];

const namespace = "http://s3.amazonaws.com/doc/2006-03-01/";

/** A document of S3's answers; errors have no namespace. */
export function renderXml(name: string, content: XmlContent): string {
  const attribute = name === "Error" ? "" : ` xmlns="${namespace}"`;
  return `<?xml version="1.0" encoding="UTF-8"?>\n<${name}${attribute}>${renderContent(content)}</${name}>`;
}

function renderContent(content: XmlContent): string {
  if (typeof content !== "object") return escapeText(String(content));
  return content.map(([name, inner]) => `<${name}>${renderContent(inner)}</${name}>`).join("");
}

function escapeText(text: string): string {
  return text
    .replaceAll("&", "&amp;")
    .replaceAll("<", "&lt;")
    .replaceAll(">", "&gt;")
    .replaceAll('"', "&quot;")
    .replaceAll("\r", "&#13;");
}

export interface ParsedElement {
  readonly name: string;
  readonly text: string;
  readonly children: readonly ParsedElement[];
}

/** Reads the small XML documents that clients send: elements and text. Undefined when it is not well-formed. */
export function findXmlRoot(document: string): ParsedElement | undefined {
  const tokens = document
    .replace(/^\uFEFF?\s*(<\?xml[^>]*\?>)?/, "")
    .matchAll(/<(\/?)([\w:.-]+)([^<>]*?)(\/?)>|([^<]+)/g);
  const top: ParsedElement = { name: "", text: "", children: [] };
  const open: { name: string; text: string; children: ParsedElement[] }[] = [{ ...top, children: [] }];
  for (const [, close, name, , empty, text] of tokens) {
    const current = open.at(-1);
    if (current === undefined) return undefined;
    if (name === undefined) {
      current.text += text ?? "";
    } else if (close === "/") {
      open.pop();
      if (current.name !== name) return undefined;
      open.at(-1)?.children.push({ ...current, text: unescapeText(current.text) });
    } else if (empty === "/") {
      current.children.push({ name, text: "", children: [] });
    } else {
      open.push({ name, text: "", children: [] });
    }
  }
  const [root] = open;
  return open.length === 1 && root?.children.length === 1 ? root.children[0] : undefined;
}

export function findChildText(element: ParsedElement, name: string): string | undefined {
  return element.children.find((child) => child.name === name)?.text;
}

function unescapeText(text: string): string {
  return text.replaceAll(/&(lt|gt|quot|apos|amp|#\d+|#x[0-9a-fA-F]+);/g, (_, entity: string) => {
    const named = { lt: "<", gt: ">", quot: '"', apos: "'", amp: "&" };
    if (entity === "lt" || entity === "gt" || entity === "quot" || entity === "apos" || entity === "amp")
      return named[entity];
    return String.fromCodePoint(
      entity.startsWith("#x") ? Number.parseInt(entity.slice(2), 16) : Number.parseInt(entity.slice(1), 10),
    );
  });
}
