import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createSnapshotStore } from "../../src/adapters/s3/snapshot-store.ts";
import { ActionError } from "../../src/errors.ts";
import { realClock } from "./snapshot-store-contract.ts";

let home = "";
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), "home-"));
  mkdirSync(join(home, ".aws"));
});
afterEach(() => {
  rmSync(home, { recursive: true });
});

const program = () => `credential_process = touch ${join(home, "canary")}`;

/** Why the store cannot be opened with these files of AWS; undefined where it can. */
function refusal(
  files: { readonly config?: string; readonly credentials?: string },
  environment: Readonly<Record<string, string>> = {},
  given = false,
): ActionError | undefined {
  for (const [name, text] of Object.entries(files)) writeFileSync(join(home, ".aws", name), text);
  const credentials = { accessKeyId: "AKID", secretAccessKey: "s3cret" };
  try {
    createSnapshotStore(
      {
        bucket: "backups",
        region: "eu-central-1",
        forcePathStyle: false,
        checksums: "auto",
        ...(given ? { credentials } : {}),
      },
      { clock: realClock, environment: { HOME: home, ...environment } },
    ).close();
    return undefined;
  } catch (error) {
    if (error instanceof ActionError) return error;
    throw error;
  }
}

describe("promise 14: a profile that names a program is refused before anything, and nothing runs", () => {
  it.each<[string, Parameters<typeof refusal>[0], Record<string, string>]>([
    ["the default one in config", { config: "[default]\nPROGRAM" }, {}],
    ["the default one in credentials", { credentials: "[default]\nPROGRAM\n" }, {}],
    ["a named one", { config: "[profile nightly]\r\nregion = x\r\nPROGRAM\r\n" }, { AWS_PROFILE: "nightly" }],
    ["a name in quotes", { config: '[ profile "my nightly" ]\nPROGRAM\n' }, { AWS_PROFILE: "my nightly" }],
    [
      "one that it takes its source from",
      { config: "[profile a]\nrole_arn=x\nsource_profile=b\n[profile b]\nPROGRAM" },
      { AWS_PROFILE: "a" },
    ],
    [
      "a source in the other file",
      { config: "[profile a]\nsource_profile = b", credentials: "[b]\nPROGRAM" },
      { AWS_PROFILE: "a" },
    ],
    [
      "a named one beside keys in the environment, which it wins over",
      { config: "[profile a]\nPROGRAM" },
      { AWS_PROFILE: "a", AWS_ACCESS_KEY_ID: "AKID", AWS_SECRET_ACCESS_KEY: "s" },
    ],
    ["one beside static keys", { credentials: "[default]\naws_access_key_id=a\naws_secret_access_key=b\nPROGRAM" }, {}],
  ])("%s", (_title, files, environment) => {
    const written = Object.fromEntries(
      Object.entries(files).map(([name, text]) => [name, text.replace("PROGRAM", program())]),
    );
    const refused = refusal(written, environment);
    expect(refused?.code).toBe("input-invalid");
    expect(refused?.message).toContain("credential_process");
    expect(`${refused?.message ?? ""} ${refused?.hint ?? ""}`).not.toContain("touch");
    expect(existsSync(join(home, "canary"))).toBe(false);
  });

  it("a file that is named by the environment", () => {
    const file = join(home, "elsewhere");
    writeFileSync(file, `[default]\n${program()}\n`);
    expect(refusal({}, { AWS_CONFIG_FILE: file })?.code).toBe("input-invalid");
    expect(refusal({}, { AWS_SHARED_CREDENTIALS_FILE: "~/elsewhere" })?.code).toBe("input-invalid");
  });

  it.each<[string, Parameters<typeof refusal>[0], Record<string, string>, boolean]>([
    ["another profile", { config: "[default]\nregion=x\n[profile other]\nPROGRAM" }, {}, false],
    ["a comment", { config: "[default]\n# PROGRAM" }, {}, false],
    [
      "keys in the environment, which are asked first",
      { config: "[default]\nPROGRAM" },
      { AWS_ACCESS_KEY_ID: "AKID", AWS_SECRET_ACCESS_KEY: "s" },
      false,
    ],
    ["keys as inputs", { config: "[default]\nPROGRAM" }, {}, true],
    [
      "profiles that name each other",
      { config: "[default]\nsource_profile=b\n[profile b]\nsource_profile=default" },
      {},
      false,
    ],
    ["no files", {}, {}, false],
  ])("but not %s", (_title, files, environment, given) => {
    const written = Object.fromEntries(
      Object.entries(files).map(([name, text]) => [name, text.replace("PROGRAM", program())]),
    );
    expect(refusal(written, environment, given)).toBeUndefined();
  });
});
