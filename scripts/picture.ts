/**
 * `npm run picture`: makes docs/summary.png, the summary of the last of twelve nightly backups of the embedded world, as GitHub
 * shows it. `npm run picture -- DIR` makes one of every kind of summary in DIR, to look at. It needs Debian's packages chromium and
 * fonts-noto-color-emoji, and is run by hand when a summary changes.
 */
import { execFileSync } from "node:child_process";
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { bundleWithLimits } from "./bundle.ts";
import { writePage } from "./demo/summary.ts";
import { backUpNightly } from "./picture/nights.ts";
import { playScenes } from "./picture/scenes.ts";

const [target] = process.argv.slice(2);
const folder = await mkdtemp(join(tmpdir(), "picture-"));
try {
  const entry = join(folder, "action");
  if (target === undefined) {
    const page = await writePage(folder, "summary", await backUpNightly(await bundleWithLimits(entry, {})));
    photograph(page, { picture: join(import.meta.dirname, "../docs/summary.png"), height: 560 });
  } else {
    await mkdir(target, { recursive: true });
    for (const [name, summary] of await playScenes(entry))
      photograph(await writePage(folder, name, summary), { picture: resolve(target, `${name}.png`), height: 900 });
  }
} finally {
  await rm(folder, { recursive: true, force: true });
}

function photograph(page: string, { picture, height }: { readonly picture: string; readonly height: number }): void {
  // As root it has no sandbox of its own; nothing but this page is shown.
  const flags = ["--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--disable-background-networking"];
  const window = [`--window-size=1010,${String(height)}`, `--screenshot=${picture}`, `file://${page}`];
  execFileSync("chromium", [...flags, `--user-data-dir=${join(folder, "profile")}`, ...window], { stdio: "ignore" });
  console.log(`wrote ${picture}`);
}
