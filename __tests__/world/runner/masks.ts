/** What the runner replaces by `***`, and since when. Rules: facts of actions/runner's SecretMasker, ValueEncoders and AddMask. */

export type Stage = "main" | "post";

export interface Mask {
  readonly value: string;
  /** `job`: a secret of the workflow, known before the first line; `add-mask`: registered by the action. */
  readonly source: "job" | "add-mask";
  readonly stage: Stage;
  /** How many lines the stage had printed before; only later ones are masked. */
  readonly line: number;
}

/** The masks of one job; they only ever grow, and the post step has those of main. */
export class Masks {
  readonly registered: Mask[] = [];
  readonly #needles = new Set<string>();

  /** Registers the whole value and each of its trimmed lines, as Worker.cs does for secrets and AddMask for commands. */
  add(value: string, origin: Pick<Mask, "source" | "stage" | "line">): void {
    for (const part of new Set([value, ...value.split(/[\r\n]+/).map((line) => line.trim())])) {
      if (part.trim() === "" || this.registered.some((mask) => mask.value === part)) continue;
      this.registered.push({ value: part, ...origin });
      this.#needles.add(part);
      for (const encoded of encodeAsRunner(part)) this.#needles.add(encoded);
    }
  }

  /** The text as the runner shows it: overlapping and touching hits become one `***`. */
  apply(text: string): string {
    const hits: { start: number; end: number }[] = [];
    for (const needle of this.#needles) {
      for (let start = text.indexOf(needle); start >= 0; start = text.indexOf(needle, start + 1)) {
        hits.push({ start, end: start + needle.length });
      }
    }
    if (hits.length === 0) return text;
    hits.sort((a, b) => a.start - b.start);
    let masked = "";
    let end = -1;
    for (const hit of hits) {
      if (hit.start > end) masked += text.slice(Math.max(end, 0), hit.start) + "***";
      end = Math.max(end, hit.end);
    }
    return masked + text.slice(end);
  }
}

/**
 * The encodings that the runner derives from a secret (HostContext.cs). Not among them: hex, base64url, gzip, base64 with
 * line breaks, other letter cases; newer runners add base64url, older ones have it not, so it is not relied on here.
 */
function encodeAsRunner(value: string): string[] {
  const bytes = Buffer.from(value, "utf8");
  return [
    ...[0, 1, 2].map((offset) => bytes.subarray(offset).toString("base64").replace(/=+$/, "")),
    value.replaceAll('"', '\\"'),
    value.replaceAll("'", "''"),
    JSON.stringify(value).slice(1, -1),
    encodeURIComponent(value).replace(/[!'()*]/g, percentEncode),
    value.replace(/[<>&"']/g, (character) => xmlEntities.get(character) ?? character),
    value.length > 8 && value.startsWith('"') && value.endsWith('"') ? value.slice(1, -1) : "",
    ...splitAtAmpersand(value),
  ].filter((encoded) => encoded !== "");
}

const xmlEntities = new Map([
  ["<", "&lt;"],
  [">", "&gt;"],
  ["&", "&amp;"],
  ['"', "&quot;"],
  ["'", "&apos;"],
]);

export function percentEncode(character: string): string {
  return "%" + character.charCodeAt(0).toString(16).toUpperCase().padStart(2, "0");
}

/** PowerShell's error output cuts a command at `&`: the parts of six characters and more are masks too, also of a URL. */
function splitAtAmpersand(value: string): string[] {
  const marked = value.indexOf("&+");
  const last = value.lastIndexOf("&");
  if (last < 0) return [];
  const parts =
    marked >= 0
      ? [value.slice(0, marked + 2), value.slice(marked + 3)]
      : [value.slice(0, last + 1), value.slice(last + 1)];
  return parts.filter((part) => part.length >= 6);
}
