import type { TestProject } from "vitest/node";
import { createBuckets } from "./buckets.ts";
import {
  ServerLacking,
  serverTitles,
  startServer,
  type RunningServer,
  type S3Server,
  type ServerName,
} from "./server.ts";

/** What the suites get: a server, or why this machine has it not. */
export interface ServerReport {
  readonly name: ServerName;
  readonly server?: S3Server;
  readonly lacking?: string;
}

declare module "vitest" {
  interface ProvidedContext {
    readonly s3Servers: readonly ServerReport[];
  }
}

const allNames: readonly ServerName[] = ["rados-gateway", "versitygw"];

/**
 * Starts every server that can be here, one after the other. S3_SERVERS=name,name asks for just those, and is an error where one
 * of them cannot be.
 */
export async function setup(project: TestProject): Promise<() => Promise<void>> {
  const wanted = (process.env["S3_SERVERS"] ?? "").split(",").filter((name) => name !== "");
  const unknown = wanted.find((name) => !allNames.some((known) => known === name));
  if (unknown !== undefined) throw plainError(`S3_SERVERS: there is no ${unknown}, only ${allNames.join(" and ")}`);
  const running: RunningServer[] = [];
  const close = async (): Promise<void> => {
    for (const each of running) await each.close();
  };
  try {
    const reports: ServerReport[] = [];
    for (const name of allNames.filter((each) => wanted.length === 0 || wanted.includes(each))) {
      reports.push(await report(name, running));
    }
    const lacking = reports.flatMap((each) => each.lacking ?? []);
    if (lacking.length > 0 && (wanted.length > 0 || running.length === 0)) throw plainError(lacking.join("\n"));
    for (const line of lacking) console.warn(`SKIPPED ${line}`);
    project.provide("s3Servers", reports);
  } catch (error) {
    await close();
    throw error;
  }
  return close;
}

async function report(name: ServerName, running: RunningServer[]): Promise<ServerReport> {
  try {
    const started = await startServer(name);
    running.push(started);
    await createBuckets(started.server);
    console.log(`${serverTitles[name]} ${started.server.version} at ${started.server.endpoint}`);
    return { name, server: started.server };
  } catch (error) {
    if (error instanceof ServerLacking) return { name, lacking: error.message };
    throw error;
  }
}

/** Whoever reads it has to do something about the machine: a stack would hide what. */
function plainError(message: string): Error {
  const error = new Error(message);
  error.stack = message;
  return error;
}
