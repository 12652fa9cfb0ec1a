import { expect, test } from "vitest";
import { expectRefusal } from "./refusal.ts";
import { shareScenario } from "./scenario.ts";

const scenario = shareScenario();

const rows: readonly (readonly [input: string, value: string, code?: "input-missing"])[] = [
  ["mode", "bakcup"],
  ["mode", "", "input-missing"],
  ["kubeconfig", "", "input-missing"],
  ["hosted-cluster", "", "input-missing"],
  ["s3-bucket", "", "input-missing"],
  ["dry-run", "yes"],
  ["quiesce", "TrUe"],
  ["max-pause", "15"],
  ["presign-expires-in", "8d"],
  ["s3-checksums", "Auto"],
  ["s3-prefix", "nightly/../../other"],
  ["s3-endpoint", "http://localhost:9000"],
  ["s3-endpoint", "https://169.254.169.254"],
  ["hosted-cluster", "example\nother"],
  ["hosted-cluster", "::error title=internal::example"],
  ["hosted-cluster", "../clusters/example"],
  ["hosted-cluster", "e".repeat(300)],
  ["hosted-cluster-namespace", "clusters\n::stop-commands::x"],
  ["hosted-cluster-namespace", "c".repeat(64)],
];

test.each(rows.map(([input, value, code]) => [input, value, code ?? "input-invalid"] as const))(
  "%s %j is refused by its name before anything is contacted",
  async (input, value, code) => {
    const world = scenario();
    const inputs = world.backupInputs({ [input]: value });
    const result = await expectRefusal(world, inputs, { code, names: input, contact: "nothing" });
    expect(result.outputs).toEqual({});
  },
);

test.each(["snapshot-uri", "manifest"])("restore-render without %s is refused by its name", async (input) => {
  const world = scenario();
  await expectRefusal(world, world.restoreInputs("s3://backups/etcd/x.db", { [input]: "" }), {
    code: "input-missing",
    names: input,
    contact: "nothing",
  });
});
