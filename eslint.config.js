import eslint from "@eslint/js";
import tseslint from "typescript-eslint";

/**
 * Imports run one way, down this list: a file or folder of src may import what stands in a later row, and nothing beside or
 * above itself. So no circle of folders can be, and no use case imports another. What is not in the list may not be there.
 */
const rows = [
  ["main", "post"],
  ["start"],
  ["run"],
  ["run-post", "modes"],
  ["connect"],
  ["action"],
  ["adapters"],
  ["backup", "restore", "recover", "verify", "verify-restore", "drill"],
  ["preflight"],
  ["hold"],
  ["snapshots", "encryption", "pod"],
  ["persist", "progress"],
  ["ports"],
  ["etcd", "hypershift", "kubeconfig"],
  ["time", "json-path", "bytes", "names", "back-off", "time-limits", "allowed-path", "yaml-words", "shown-text"],
  ["errors", "file-error"],
];

const sdks = ["@aws-sdk/*", "@smithy/*", "@kubernetes/*", "socks-proxy-agent", "ws"];
const actions = ["@actions/*"];
const useCases = ["backup", "restore", "recover", "verify", "verify-restore", "drill"];

/** Files of one entry of the list, each with the packages that it may not import. */
const parts = {
  run: [["src/run.ts", sdks]],
  "run-post": [["src/run-post.ts", sdks]],
  modes: [["src/modes/**", sdks]],
  connect: [["src/connect.ts", sdks]],
  action: [["src/action/**", sdks]],
  adapters: [
    ["src/adapters/github/**", sdks],
    ["src/adapters/{kubernetes,s3}/**", actions],
    ["src/adapters/*.ts", actions],
  ],
};

/** Inputs and outputs are those of the use cases: their types are not written again in action/. */
const typesAlone = {
  regex: `^(?:\\./|(?:\\.\\./)+)(?:adapters|${useCases.join("|")})(?:/|\\.ts$)`,
  message: "action/ imports types alone from there.",
  allowTypeImports: true,
};

const layers = rows.flatMap((row, index) =>
  row.flatMap((name) => {
    const above = rows.slice(0, index + 1).flat();
    const forbidden = [...above.filter((other) => other !== name), ...(name === "adapters" ? useCases : [])];
    const files = parts[name] ?? [[`src/{${name}.ts,${name}/**}`, [...sdks, ...actions]]];
    return files.map(([pattern, external]) => ({
      files: [pattern],
      rules: {
        "@typescript-eslint/no-restricted-imports": [
          "error",
          {
            patterns: [
              { group: external, message: "This package belongs to another layer." },
              {
                // Files of src itself say "./", those of its folders come from above.
                regex: `^(?:\\./|(?:\\.\\./)+)(?:${forbidden.join("|")})(?:/|\\.ts$)`,
                message: "Imports run one way; see the list in eslint.config.js.",
              },
              ...(name === "action" ? [typesAlone] : []),
            ],
          },
        ],
      },
    }));
  }),
);

export default tseslint.config(
  { ignores: ["dist/", "node_modules/", "coverage/"] },
  eslint.configs.recommended,
  ...tseslint.configs.strictTypeChecked,
  {
    languageOptions: { parserOptions: { projectService: { allowDefaultProject: ["*.js", "*.mjs"] } } },
    rules: {
      "@typescript-eslint/restrict-template-expressions": ["error", { allowNumber: true, allowBoolean: true }],
      "@typescript-eslint/no-unused-vars": ["error", { argsIgnorePattern: "^_", varsIgnorePattern: "^_" }],
      "@typescript-eslint/switch-exhaustiveness-check": ["error", { considerDefaultExhaustiveForUnions: true }],
      "@typescript-eslint/consistent-type-imports": "error",
      "no-restricted-exports": ["error", { restrictDefaultExports: { direct: true } }],
    },
  },
  { files: ["*.config.{js,ts}"], rules: { "no-restricted-exports": "off" } },
  { files: ["**/*.js"], extends: [tseslint.configs.disableTypeChecked] },
  ...layers,
);
