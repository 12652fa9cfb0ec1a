import { expect, test } from "vitest";
import { saveMade } from "../../../src/action/state.ts";
import { readGiven, type Core, type Runner } from "../../../src/action/runner.ts";
import { createClock } from "../../../src/adapters/clock.ts";
import { runPost } from "../../../src/run-post.ts";
import { createMemoryLog, rejectedError } from "../restore/expectations.ts";

const pod = { namespace: "etcd-restore-drill", name: "restore-drill" };

/** A post step with these inputs, after a main that was killed when it had made the pod of a drill. */
function afterDrill(inputs: Readonly<Record<string, string>>): Runner {
  const state = new Map<string, string>();
  const silent = (): void => undefined;
  const core: Core = {
    ...{ info: silent, warning: silent, debug: silent, error: silent, setSecret: silent, setOutput: silent },
    group: (_, run) => run(),
    saveState: (name, value) => void state.set(name, value),
    summary: { addHeading: silent, addTable: silent, addRaw: silent, write: () => Promise.resolve() },
  };
  saveMade(core, { what: "drill", pod, nonce: "0a".repeat(16), server: "of main" });
  const given = readGiven({ GITHUB_OUTPUT: "/dev/null", ...inputs });
  return {
    core,
    masks: new Set(),
    given,
    getState: (name) => state.get(name) ?? "",
    clock: createClock(),
    log: createMemoryLog(),
    phases: [],
  };
}

const elsewhere = JSON.stringify({
  "current-context": "a",
  contexts: [{ name: "a", context: { cluster: "a", user: "a" } }],
  clusters: [{ name: "a", cluster: { server: "https://localhost:1" } }],
  users: [{ name: "a", user: { token: "a-token" } }],
});

test.each([
  ["is empty, as in a composite action whose step has none", "", "input-missing"],
  ["is not one", "a kubeconfig", "kubeconfig-invalid"],
  ["is of another management cluster", elsewhere, "another management cluster"],
])(
  "the pod of a killed drill is named, with the command that removes it, where the kubeconfig %s",
  async (_, given, why) => {
    const failure = await rejectedError(runPost(afterDrill({ INPUT_KUBECONFIG: given, INPUT_MODE: "drill" })));
    expect([failure.code, failure.message]).toEqual(["leftovers-remain", expect.stringContaining(why)]);
    expect(failure.message).toContain("pod restore-drill in etcd-restore-drill was not removed");
    expect(failure.hint).toContain("kubectl delete pod restore-drill -n etcd-restore-drill");
  },
);
