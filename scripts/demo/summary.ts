import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";

/** A step summary as lines of text: headings, and each row as label and value; what GitHub folds is left out. */
export function renderSummary(html: string): readonly string[] {
  const open = html.replaceAll(/<details>.*?<\/details>/gs, "");
  return [...open.matchAll(/<h2>(.*?)<\/h2>|<tr><th>(.*?)<\/th><td>(.*?)<\/td><\/tr>/gs)].flatMap(
    ([, heading, label = "", value = ""]) => {
      if (heading !== undefined) return [textOf(heading)];
      const lines = value
        .split(/<br>|<\/?pre>|\n/)
        .map(textOf)
        .filter((line) => line !== "");
      return lines.map((line, index) => `${(index === 0 ? textOf(label) : "").padEnd(16)} ${line}`.trimEnd());
    },
  );
}

/** Writes a step summary as a page that looks as GitHub shows it, and returns its path. */
export async function writePage(folder: string, name: string, summary: string): Promise<string> {
  await mkdir(folder, { recursive: true });
  const path = join(folder, `${name}.html`);
  await writeFile(path, renderPage(summary));
  return path;
}

export function renderPage(summary: string): string {
  const css = `
    body { font: 14px/1.5 "Noto Sans", "DejaVu Sans", sans-serif; color: #1f2328; margin: 24px; }
    h2 { border-bottom: 1px solid #d1d9e0; padding-bottom: 6px; }
    table { border-collapse: collapse; margin-bottom: 16px; }
    th, td { border: 1px solid #d1d9e0; padding: 5px 11px; text-align: left; vertical-align: top; }
    code, pre { font: 12px "DejaVu Sans Mono", monospace; background: #f0f1f2; border-radius: 4px; padding: 2px 4px; }
    pre { white-space: pre-wrap; }`;
  return `<!doctype html><meta charset="utf-8"><style>${css}</style>${summary}`;
}

const entities: Readonly<Record<string, string>> = { lt: "<", gt: ">", quot: '"', "#39": "'", amp: "&" };

function textOf(html: string): string {
  return html
    .replaceAll(/<[^>]*>/g, "")
    .replaceAll(/&(#?\w+);/g, (whole, name: string) => entities[name] ?? whole)
    .trim();
}
