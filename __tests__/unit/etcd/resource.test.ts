import { expect, test } from "vitest";
import { ResourceCounter, resourceOf } from "../../../src/etcd/resource.ts";

test.each([
  ["/kubernetes.io/secrets/default/token", "secrets"],
  ["/registry/pods/default/web-0", "pods"],
  ["/kubernetes.io/namespaces/default", "namespaces"],
  ["/kubernetes.io/services/specs/default/kubernetes", "services/specs"],
  ["/kubernetes.io/services/endpoints/default/kubernetes", "services/endpoints"],
  ["/kubernetes.io/config.openshift.io/clusterversions/version", "config.openshift.io/clusterversions"],
  [
    "/kubernetes.io/apiextensions.k8s.io/customresourcedefinitions/a.example.com",
    "apiextensions.k8s.io/customresourcedefinitions",
  ],
  ["/openshift.io/oauth/clients/console", "openshift.io/oauth"],
  ["compact_rev_key", "other"],
  ["/kubernetes.io/__proto__/a", "other"],
  [`/kubernetes.io/${"a".repeat(500)}/b`, "other"],
  ["/kubernetes.io/Secrets\n/a", "other"],
])("%s counts as %s", (key, resource) => {
  expect(resourceOf(key)).toBe(resource);
});

test("keys are counted by their resource, in however many namespaces they are", () => {
  const counter = new ResourceCounter();
  for (let index = 0; index < 12_000; index += 1) {
    counter.add(`/kubernetes.io/configmaps/example-${String(index)}/settings`, 2);
    counter.add(`/kubernetes.io/services/specs/example-${String(index)}/web`, 3);
    counter.add(`/kubernetes.io/namespaces/example-${String(index)}`, 1);
  }
  expect(counter.contents).toStrictEqual({
    configmaps: { keys: 12_000, valueBytes: 24_000 },
    namespaces: { keys: 12_000, valueBytes: 12_000 },
    "services/specs": { keys: 12_000, valueBytes: 36_000 },
  });
});
