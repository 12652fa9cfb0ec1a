import { describe, expect, test } from "vitest";
import {
  parseNamespaces,
  parseReads,
  renderArguments,
  renderReads,
  serviceNetworksOf,
} from "../../../src/drill/api-server.ts";
import { parseAnswers, predictMember, refuseOtherAnswers, refuseOtherKeys } from "../../../src/drill/etcd-answers.ts";
import { KeyspaceReader } from "../../../src/drill/keyspace.ts";
import { sumPhases } from "../../../src/drill/result.ts";
import { codeOf } from "../restore/expectations.ts";

const prediction = { plain: { revision: 77, hashKV: 5 }, bumped: { revision: 1_000_000_077, hashKV: 6 } };
const controlPlane = "clusters-example";

test("ids of the one member: etcdutl's defaults without a name, HyperShift's names with one", () => {
  expect(predictMember("plain", controlPlane)).toEqual({
    clusterId: "cdf818194e3a8c32",
    memberIds: ["8e9e05c52164694d"],
  });
  expect(predictMember("bumped", controlPlane).clusterId).not.toBe("cdf818194e3a8c32");
});

describe("answers of a restored etcd", () => {
  const output = [
    'endpoint [{"Status":{"header":{"cluster_id":14841639068965178418,"member_id":10276657743932975437,"revision":77},"version":"3.5.21"}}]',
    'member {"members":[{"ID":10276657743932975437}]}',
    'hash [{"HashKV":{"hash":5,"compact_revision":3}}]',
    "",
  ].join("\n");
  const answers = parseAnswers(output);

  test("are read without losing a digit of an id", () => {
    expect(answers).toEqual({
      ...{ version: "3.5.21", revision: 77, members: 1, hashKV: 5 },
      ...{ clusterId: "cdf818194e3a8c32", memberId: "8e9e05c52164694d" },
    });
  });

  test.each([
    [{}, undefined],
    [{ revision: 79 }, undefined],
    [{ revision: 76 }, "drill-differs"],
    [{ hashKV: 4 }, "drill-differs"],
    [{ hashKV: undefined }, "drill-differs"],
    [{ hashKV: 4, version: "3.5.12" }, undefined],
    [{ version: undefined }, "drill-differs"],
    [{ memberId: "1" }, "drill-differs"],
    [{ clusterId: "1" }, "drill-differs"],
    [{ members: 3 }, "drill-differs"],
  ])("%j: %s", (change, code) => {
    const check = () => {
      refuseOtherAnswers({ ...answers, ...change }, { prediction }, { script: "plain", controlPlane });
    };
    expect(codeOf(check)).toBe(code);
  });
});

test.each([
  [{ secrets: 2, pods: 1 }, undefined],
  [{ secrets: 1, pods: 1 }, "drill-differs"],
  [{ secrets: 2 }, "drill-differs"],
  [{ secrets: 2, pods: 1, leases: 1 }, "drill-differs"],
])("keys %j against two secrets and a pod: %s", (found, code) => {
  const resources = { secrets: { keys: 2, valueBytes: 1 }, pods: { keys: 1, valueBytes: 1 } };
  expect(
    codeOf(() => {
      refuseOtherKeys("plain", found, { resources });
    }),
  ).toBe(code);
});

describe("the keys of a restored etcd", () => {
  const names = Array.from(
    { length: 100 },
    (_, index) => `/kubernetes.io/secrets/ns-${String(index % 3)}/s-${String(index)}`,
  );
  const text = ["/kubernetes.io/namespaces/default", ...names, "/openshift.io/routes/a/b", "compact_rev_key"].join(
    "\n\n",
  );
  const read = (seed: number, pieceBytes: number) => {
    const reader = new KeyspaceReader(["secrets"], seed);
    const bytes = Buffer.from(`${text}\n\n`);
    for (let offset = 0; offset < bytes.length; offset += pieceBytes)
      reader.add(bytes.subarray(offset, offset + pieceBytes));
    return reader.end();
  };

  test("are counted by resource, however they are cut", () => {
    const expected = { namespaces: 1, secrets: 100, "openshift.io/routes": 1, other: 1 };
    for (const pieceBytes of [1, 7, 10_000])
      expect(read(1, pieceBytes)).toMatchObject({ keys: 103, prefix: "kubernetes.io", counts: expected });
  });

  test("give a sample of each wanted resource, the same for the same seed", () => {
    const { sample } = read(42, 100);
    expect(sample).toHaveLength(20);
    expect(new Set(sample.map(({ name }) => name)).size).toBe(20);
    expect(read(42, 33).sample).toEqual(sample);
    expect(read(43, 100).sample).not.toEqual(sample);
  });
});

test("an API server of the drill writes no endpoint, calls no webhook and has the networks of the cluster that was saved", () => {
  const networking = { serviceNetwork: [{ cidr: "10.96.0.0/12" }, { cidr: "fd00::/108" }] };
  expect(serviceNetworksOf(networking)).toEqual(["10.96.0.0/12", "fd00::/108"]);
  expect(serviceNetworksOf({ serviceNetwork: [{ cidr: "$(reboot)" }] })).toEqual(["172.31.0.0/16"]);
  const given = renderArguments("kubernetes.io", ["10.96.0.0/12"]);
  expect(given).toContain("--etcd-prefix=kubernetes.io");
  expect(given).toContain("--endpoint-reconciler-type=none");
  expect(given).toContain("--disable-admission-plugins=MutatingAdmissionWebhook,ValidatingAdmissionWebhook");
});

test("namespaces are counted by what is left of the list, and reads by their status", () => {
  expect(parseNamespaces('{"kind":"NamespaceList","metadata":{"remainingItemCount":41},"items":[{}]}')).toBe(42);
  expect(parseNamespaces('{"kind":"Status","code":503}')).toBeUndefined();
  expect(parseNamespaces("")).toBeUndefined();
  expect(parseReads("200\n500\n000\n")).toEqual([200, 500, 0]);
  expect(renderReads([{ resource: "secrets", namespace: "a", name: "b" }]).toString()).toBe(
    "/api/v1/namespaces/a/secrets/b\n.\n",
  );
});

test("the time of a restore is that of what was done once, and of the last way", () => {
  const phases = [
    { name: "pod started", seconds: 2 },
    { name: "restored", script: "bumped", seconds: 100 },
    { name: "restored", script: "plain", seconds: 0.1 },
    { name: "Secret served", seconds: 0.2 },
  ] as const;
  expect(sumPhases(phases)).toBe(2.3);
  expect(sumPhases([])).toBe(0);
});
