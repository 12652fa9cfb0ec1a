import { getOctokit } from "@actions/github";
import { numberAt } from "../../json-path.ts";
import type { Environment } from "../../kubeconfig/proxies.ts";

export type GithubClient = ReturnType<typeof getOctokit>["rest"];

/**
 * The API that GITHUB_API_URL names; the client itself reads that variable once, when it is loaded. It prints nothing, since
 * its messages hold what the server sent.
 */
export function createGithubClient(token: string, environment: Environment): GithubClient {
  const baseUrl = environment["GITHUB_API_URL"] ?? "";
  const silent = (): undefined => undefined;
  return getOctokit(token, {
    ...(baseUrl === "" ? {} : { baseUrl }),
    log: { debug: silent, info: silent, warn: silent, error: silent },
  }).rest;
}

/** The status of the answer; undefined without one, since the client gives a status to connections that failed as well. */
export function findStatus(error: unknown): number | undefined {
  return numberAt(error, "response", "status");
}
