import type { TestProject } from "vitest/node";
import { buildEtcdLines, type EtcdLine } from "../../e2e/binaries.ts";

declare module "vitest" {
  interface ProvidedContext {
    /** Folders with the programs of each release line. */
    readonly etcdLines: Readonly<Record<EtcdLine, string>>;
  }
}

/** Builds etcd 3.5, 3.6 and 3.7 once. Without Go the suite does not start: one line says what is missing. */
export async function setup(project: TestProject): Promise<void> {
  project.provide(
    "etcdLines",
    await buildEtcdLines((line) => {
      process.stdout.write(`test:etcd: ${line}\n`);
    }),
  );
}
