import eslint from "@eslint/js";
import tseslint from "typescript-eslint";

/**
 * Imports run one way: index -> run -> {action, backup, restore, recover, adapters} -> {hypershift, etcd, ports}.
 * A layer lists what it may not import; `external` are packages, `folders` are folders and files below src.
 */
const sdks = ["@aws-sdk/*", "@smithy/*", "@kubernetes/*", "socks-proxy-agent", "ws"];
const actions = ["@actions/*"];
const edges = ["action", "adapters", "run", "index"];
const useCases = ["backup", "restore", "recover"];

const layer = (files, { external = [], folders = [] }) => ({
  files,
  rules: {
    "no-restricted-imports": [
      "error",
      {
        patterns: [
          ...(external.length ? [{ group: external, message: "This package belongs to another layer." }] : []),
          ...(folders.length
            ? [
                {
                  regex: `^\\.{1,2}/(?:\\.\\./)*(?:${folders.join("|")})(?:/|\\.ts$)`,
                  message: "Imports run one way; see CONTRIBUTING.md.",
                },
              ]
            : []),
        ],
      },
    ],
  },
});

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
  layer(["src/hypershift/**", "src/etcd/**"], {
    external: [...sdks, ...actions],
    folders: [...edges, ...useCases, "ports"],
  }),
  layer(["src/snapshot/**", "src/ports.ts", "src/errors.ts", "src/time-limits.ts"], {
    external: [...sdks, ...actions],
    folders: [...edges, ...useCases],
  }),
  layer(["src/backup/**", "src/restore/**", "src/recover/**"], { external: [...sdks, ...actions], folders: edges }),
  layer(["src/adapters/**"], { external: actions, folders: ["action", "run", "index", ...useCases] }),
  layer(["src/action/**"], { external: sdks, folders: ["adapters", "run", "index", ...useCases] }),
  layer(["src/run.ts", "src/index.ts"], { external: sdks }),
);
