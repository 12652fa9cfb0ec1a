import { createSocket, type RemoteInfo, type Socket } from "node:dgram";
import { isJsonObject, type JsonObject } from "../../__tests__/world/management-cluster/json.ts";
import { at, listAt, stringAt, textsAt } from "../../src/json-path.ts";
import type { KubeClient } from "./kube-client.ts";
import { addresses } from "./layout.ts";

interface Question {
  readonly id: number;
  readonly name: string;
  readonly type: number;
  /** As it was asked, to be repeated in the answer. */
  readonly bytes: Buffer;
}

/** Types of RFC 1035: A and PTR. */
const addressType = 1;
const pointerType = 12;
const clusterSuffix = ".cluster.local";

/**
 * Answers for the cluster's Services and the pods behind headless ones, from what the API server says at the moment. A
 * Service has the addresses of its ready pods, so that no kube-proxy is needed.
 */
export async function startDns(admin: KubeClient): Promise<Socket> {
  const socket = createSocket("udp4");
  socket.on("message", (message: Buffer, from: RemoteInfo) => {
    const question = parseQuestion(message);
    void lookUp(admin, question)
      .then((records) => renderAnswer(question, records))
      // The resolver asks again.
      .then(
        (answer) => {
          socket.send(answer, from.port, from.address);
        },
        () => undefined,
      );
  });
  await new Promise<void>((resolve) => socket.bind(53, addresses.node, resolve));
  socket.unref();
  return socket;
}

/** Data of the answers; undefined: there is no such name. */
async function lookUp(admin: KubeClient, { name, type }: Question): Promise<readonly Buffer[] | undefined> {
  if (type === pointerType) {
    const address = /^(\d+)\.(\d+)\.(\d+)\.(\d+)\.in-addr\.arpa$/.exec(name)?.slice(1).reverse().join(".");
    const pods = listAt(await admin.call("GET", "/api/v1/pods"), "items").filter(isJsonObject);
    const pod = pods.find((candidate) => address !== undefined && podAddress(candidate) === address);
    const names = ["hostname", "subdomain"].map((field) => stringAt(pod, "spec", field));
    if (pod === undefined || names.includes(undefined)) return undefined;
    return [renderName([...names, stringAt(pod, "metadata", "namespace"), `svc${clusterSuffix}`].join("."))];
  }
  const labels = name.slice(0, -`.svc${clusterSuffix}`.length).split(".");
  if (!name.endsWith(`.svc${clusterSuffix}`) || labels.length < 2 || labels.length > 3) return undefined;
  const [pod, service = "", namespace = ""] = labels.length === 3 ? labels : [undefined, ...labels];
  const found = await findAddresses(admin, namespace, service, pod);
  if (found.length === 0) return undefined;
  return type === addressType ? found.map((address) => Buffer.from(address.split(".").map(Number))) : [];
}

async function findAddresses(
  admin: KubeClient,
  namespace: string,
  serviceName: string,
  podName: string | undefined,
): Promise<readonly string[]> {
  const service = await admin.find("Service", namespace, serviceName);
  if (service === undefined) return [];
  const selector = Object.entries(textsAt(service, "spec", "selector")).map((pair) => pair.join("="));
  const pods = await admin.list("Pod", namespace, selector.join(","));
  const unready = at(service, "spec", "publishNotReadyAddresses") === true;
  return pods
    .filter((pod) => podName === undefined || stringAt(pod, "metadata", "name") === podName)
    .filter((pod) => unready || isReady(pod))
    .map(podAddress)
    .filter((address) => address !== undefined);
}

function isReady(pod: JsonObject): boolean {
  return listAt(pod, "status", "conditions").some(
    (condition) => stringAt(condition, "type") === "Ready" && stringAt(condition, "status") === "True",
  );
}

function podAddress(pod: JsonObject): string | undefined {
  return stringAt(pod, "status", "podIP");
}

function parseQuestion(message: Buffer): Question {
  const labels: string[] = [];
  let offset = 12;
  for (let length = message[offset] ?? 0; length > 0; length = message[offset] ?? 0) {
    labels.push(message.toString("latin1", offset + 1, offset + 1 + length));
    offset += 1 + length;
  }
  const type = message.readUInt16BE(offset + 1);
  const name = labels.join(".").toLowerCase();
  return { id: message.readUInt16BE(0), name, type, bytes: message.subarray(12, offset + 5) };
}

function renderAnswer(question: Question, records: readonly Buffer[] | undefined): Buffer {
  const header = Buffer.alloc(12);
  header.writeUInt16BE(question.id, 0);
  // An authoritative answer, recursion asked for and offered; 3 is "no such name".
  header.writeUInt16BE(0x8580 + (records === undefined ? 3 : 0), 2);
  header.writeUInt16BE(1, 4);
  header.writeUInt16BE(records?.length ?? 0, 6);
  const answers = (records ?? []).map((data) => {
    // The name is a pointer to that of the question; class IN; one second to live, since pods come and go.
    const fields = Buffer.from([0xc0, 12, 0, question.type, 0, 1, 0, 0, 0, 1, 0, data.length]);
    return Buffer.concat([fields, data]);
  });
  return Buffer.concat([header, question.bytes, ...answers]);
}

function renderName(name: string): Buffer {
  const labels = name.split(".").map((label) => Buffer.concat([Buffer.from([label.length]), Buffer.from(label)]));
  return Buffer.concat([...labels, Buffer.from([0])]);
}
