import { readFileSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { ActionError } from "../../errors.ts";
import type { Environment } from "../../kubeconfig/proxies.ts";

/** A profile, by the names of its fields. */
type Profile = ReadonlyMap<string, string>;

/**
 * Throws `input-invalid` where the default chain would read a profile that names a program: this action starts none, and
 * a machine of one's own keeps such files between jobs. Nothing else is read of the profile.
 */
export function refuseProfileProgram(environment: Environment): void {
  const named = environment["AWS_PROFILE"] ?? "";
  // Keys of the environment come first, but for a profile that is named: @aws-sdk/credential-provider-node, defaultProvider.
  if (named === "" && environment["AWS_ACCESS_KEY_ID"] && environment["AWS_SECRET_ACCESS_KEY"]) return;
  const profiles = readProfiles(environment);
  const seen = new Set<string>();
  for (let name = named === "" ? "default" : named; !seen.has(name);) {
    seen.add(name);
    const profile = profiles.get(name);
    if (profile?.has("credential_process") === true) throw refused(name);
    const source = profile?.get("source_profile");
    if (source !== undefined) name = source;
  }
}

/** The profiles of both files of AWS, merged; empty where they cannot be read, since the chain cannot read them either. */
function readProfiles(environment: Environment): ReadonlyMap<string, Profile> {
  const home = environment["HOME"] ?? homedir();
  const profiles = new Map<string, Map<string, string>>();
  for (const [variable, name] of [
    ["AWS_CONFIG_FILE", "config"],
    ["AWS_SHARED_CREDENTIALS_FILE", "credentials"],
  ] as const) {
    const file = (environment[variable] ?? join(home, ".aws", name)).replace(/^~(?=\/)/, home);
    let profile: Map<string, string> | undefined;
    for (const line of readText(file).split(/\r?\n/)) {
      const section = /^\s*\[\s*(?:profile\s+)?["']?([^\]"']*?)["']?\s*\]/.exec(line)?.[1];
      if (section !== undefined) {
        profile = profiles.get(section) ?? new Map<string, string>();
        profiles.set(section, profile);
      }
      const [, field, value] = /^\s*([\w.-]+)\s*=\s*(.*?)\s*$/.exec(line) ?? [];
      if (field !== undefined && value !== undefined) profile?.set(field.toLowerCase(), value);
    }
  }
  return profiles;
}

function readText(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return "";
  }
}

function refused(profile: string): ActionError {
  const name = /^[\w.@-]{1,64}$/.test(profile) ? profile : "of an odd name";
  return new ActionError(
    "input-invalid",
    `the AWS profile ${name} names credential_process, and this action starts no program`,
    {
      hint: "give s3-access-key-id and s3-secret-access-key, run aws-actions/configure-aws-credentials in an earlier step, or take AWS_PROFILE away",
    },
  );
}
