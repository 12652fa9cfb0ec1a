import type { TestProject } from "vitest/node";
import { startRadosGateway, type RadosGateway } from "./gateway.ts";

/** What the suites get of the one gateway that serves them all. */
export type GatewayAddress = Omit<RadosGateway, "close">;

declare module "vitest" {
  interface ProvidedContext {
    readonly radosGateway: GatewayAddress;
  }
}

export async function setup(project: TestProject): Promise<() => Promise<void>> {
  const gateway = await startRadosGateway();
  const { endpoint, certificateAuthority, certificateAuthorityFile, owner, stranger } = gateway;
  project.provide("radosGateway", { endpoint, certificateAuthority, certificateAuthorityFile, owner, stranger });
  return () => gateway.close();
}
