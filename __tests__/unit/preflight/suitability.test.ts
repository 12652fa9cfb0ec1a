import { expect, test } from "vitest";
import type { Workload } from "../../../src/hypershift/workload.ts";
import { Findings } from "../../../src/preflight/findings.ts";
import { checkWriter } from "../../../src/preflight/suitability.ts";
import { createMemoryLog } from "../restore/expectations.ts";

test.each([0, 11])("what to do is said of a deployment that wants %i replicas", (replicas) => {
  const findings = new Findings(createMemoryLog(), { allowUnhealthy: false, quiesce: true });
  checkWriter(
    { name: "kube-apiserver", namespace: "clusters-example", replicas, readyReplicas: 0 } as Workload,
    findings,
  );
  expect(findings.error()).toMatchObject({ code: "writers-not-ready", hint: expect.any(String) as unknown });
});
