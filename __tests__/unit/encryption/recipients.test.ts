import { generateHybridIdentity, generateX25519Identity, identityToRecipient } from "age-encryption";
import { describe, expect, test } from "vitest";
import { readIdentities } from "../../../src/encryption/identities.ts";
import { listMisplacedSecrets, mostRecipients, readRecipients } from "../../../src/encryption/recipients.ts";

const identity = await generateX25519Identity();
const hybridIdentity = await generateHybridIdentity();
const recipient = await identityToRecipient(identity);
const other = await identityToRecipient(await generateX25519Identity());
const hybrid = await identityToRecipient(hybridIdentity);
/** The part before the last 1 names the plugin. */
const plugin = "age1yubikey1qwt50d05nh5vutpdzmlg5wn80xq5negm4uj9ghv0snvdd3yysf5yw3rhl3t";
const sshKey = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHsKLqeplhpW+uObz5dvMgjz1OxfM/XXUB+VHtZ6isGN alice@example";

/** Line numbers with what is wrong there. */
function problemsOf(text: string): readonly (readonly [number, string])[] {
  return readRecipients(text).problems.map(({ line, problem }) => [line, problem] as const);
}

describe("recipients", () => {
  test.each([
    ["one", recipient, [recipient]],
    ["one with the line break of a block scalar", `${recipient}\n`, [recipient]],
    ["several", `${recipient}\r\n  ${other}  \n`, [recipient, other]],
    ["one twice", `${recipient}\n${recipient}`, [recipient]],
    ["post-quantum ones", hybrid, [hybrid]],
    ["some with comments, as in a file for age -R", `# alice\n${recipient}\n# bob\n${other}\n`, [recipient, other]],
  ])("%s: read as they are", (_, text, expected) => {
    expect(readRecipients(text)).toEqual({ values: expected, problems: [] });
  });

  test.each<[string, string, RegExp]>([
    ["an empty line in between", `${recipient}\n\n${other}`, /^2:is empty/],
    ["an empty last line, where a variable is missing", `${recipient}\n\n`, /^2:is empty/],
    ["an empty first line", `\n${recipient}`, /^1:is empty/],
    ["a private identity", `${recipient}\n${identity}`, /^2:is a private identity, which must never be here/],
    ["a private identity in small letters", identity.toLowerCase(), /^1:is a private identity/],
    ["a post-quantum identity", hybridIdentity, /^1:is a private identity/],
    ["the identity of a plugin", "AGE-PLUGIN-YUBIKEY-1XXXX", /^1:is a private identity/],
    ["an SSH key", sshKey, /^1:is an SSH key/],
    ["an SSH key in hardware", "sk-ssh-ed25519@openssh.com AAAA", /^1:is an SSH key/],
    [
      "a private SSH key",
      "-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNza\n-----END OPENSSH PRIVATE KEY-----",
      /^1:is a private key/,
    ],
    ["quotes", `"${recipient}"`, /^1:stands in quotes/],
    ["an item of a list", `- ${recipient}`, /^1:is an item of a list/],
    ["the line of age-keygen", `Public key: ${recipient}`, /^1:has a name before the key/],
    ["commas", `${recipient},${other}`, /^1:has several recipients/],
    ["blanks", `${recipient} ${other}`, /^1:has several recipients/],
    ["line breaks as text", `${recipient}\\n${other}`, /^1:has \\n in place of a line break/],
    ["a plugin's recipient", plugin, /^1:is a recipient of a plugin/],
    ["a changed letter", recipient.replace(/.$/, (last) => (last === "q" ? "p" : "q")), /^1:is no whole recipient/],
    ["a cut end", hybrid.slice(0, -9), /^1:is no whole recipient/],
    ["a path", "keys/backup.txt", /^1:is the path of a file/],
    ["the name of a file", "recipients.txt", /^1:is the path of a file/],
    ["a passphrase", "correct horse battery staple", /^1:is not a recipient of age/],
    ["comments alone", "# alice\n# bob", /^1:is a comment/],
  ])("%s: refused by the number of the line", (_, text, expected) => {
    const [problem, ...others] = problemsOf(text).map(([line, words]) => `${String(line)}:${words}`);
    expect(problem).toMatch(expected);
    expect(others).toEqual([]);
  });

  test("all wrong lines are told at once, and none of their words", () => {
    const text = [recipient, sshKey, identity, "keys/backup.txt", plugin, "hunter2-hunter2"].join("\n");
    const found = problemsOf(text);
    expect(found.map(([line]) => line)).toEqual([2, 3, 4, 5, 6]);
    const words = JSON.stringify(found);
    for (const shown of [identity, sshKey, "backup.txt", plugin, "hunter2"]) expect(words).not.toContain(shown);
  });

  test.each([
    [hybrid, recipient, 1],
    [recipient, hybrid, 2],
  ])("post-quantum and other recipients are not mixed, as age does not", (first, second, line) => {
    expect(problemsOf(`${first}\n${second}`)).toEqual([[line, expect.stringContaining("refuses to mix") as string]]);
  });

  test("there are at most as many as a record has room for", async () => {
    const many = await Promise.all(
      Array.from({ length: mostRecipients + 1 }, async () => identityToRecipient(await generateX25519Identity())),
    );
    expect(readRecipients(many.slice(1).join("\n")).problems).toEqual([]);
    expect(problemsOf(many.join("\n"))).toHaveLength(1);
  });

  test("private keys that were given for recipients are to be masked, recipients are not", () => {
    expect(listMisplacedSecrets(`${recipient}\n${identity}`)).toEqual([identity]);
    const privateKey = ["-----BEGIN OPENSSH PRIVATE KEY-----", "b3BlbnNzaC1rZXktdjEAAAAABG5vbmU", "-----END"];
    expect(listMisplacedSecrets([recipient, ...privateKey].join("\n"))).toEqual(privateKey);
    expect(listMisplacedSecrets(`${recipient}\n${sshKey}\nkeys/backup.txt`)).toEqual([]);
  });
});

describe("identities", () => {
  test("the file of age-keygen is read with its comments", () => {
    const file = `# created: 2026-11-24T12:00:00Z\n# public key: ${recipient}\n${identity}\n\n${hybridIdentity}\n`;
    expect(readIdentities(file)).toEqual({ values: [identity, hybridIdentity], problems: [] });
  });

  test.each<[string, string, RegExp]>([
    ["a recipient", recipient, /^is a recipient, which only seals/],
    ["the identity of a plugin", "AGE-PLUGIN-YUBIKEY-1XXXX", /^is an identity of a plugin/],
    [
      "an SSH key",
      "-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNza\n-----END OPENSSH PRIVATE KEY-----",
      /^is of an SSH key/,
    ],
    ["one in quotes", `"${identity}"`, /^stands in quotes/],
    ["one in base64", Buffer.from(`# mine\n${identity}\n`).toString("base64"), /^begins base64 of an identity/],
    ["one with a name", `ETCD_BACKUP_IDENTITY=${identity}`, /^has a name before the key/],
    ["line breaks as text", `# created: today\\n${identity}`, /^has \\n in place of a line break/],
    ["two on one line", `${identity} ${identity}`, /^has several identities/],
    ["a mask of a log", "***", /^is a mask/],
    ["an identity under a passphrase", "-----BEGIN AGE ENCRYPTED FILE-----", /^begins an identity that is encrypted/],
    ["one in small letters", identity.toLowerCase(), /^is in small letters/],
    ["a changed letter", identity.replace(/.$/, (last) => (last === "Q" ? "P" : "Q")), /^is no whole identity/],
    ["a cut end", identity.slice(0, -4), /^is no whole identity/],
    ["comments alone", `# public key: ${recipient}`, /^is a comment/],
    ["a path", "/home/alice/key.txt", /^is the path of a file/],
  ])("%s is refused, and not shown", (_, text, expected) => {
    const { problems } = readIdentities(text);
    expect(problems.map(({ problem }) => problem)).toEqual([expect.stringMatching(expected)]);
    expect(JSON.stringify(problems)).not.toContain(text);
  });
});
