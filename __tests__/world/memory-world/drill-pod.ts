import { ActionError } from "../../../src/errors.ts";
import { predictMember } from "../../../src/drill/etcd-answers.ts";
import { resourceOf } from "../../../src/etcd/resource.ts";
import type { Snapshot } from "../../../src/etcd/snapshot.ts";
import type { RestoreScript } from "../../../src/hypershift/restore-script.ts";
import { listAt, numberAt, stringAt } from "../../../src/json-path.ts";
import type { ExecResult } from "../../../src/ports/exec.ts";
import type { JsonObject } from "../management-cluster/json.ts";
import type { ObjectStore } from "../management-cluster/objects.ts";
import { readBytes } from "../snapshot/read.ts";
import type { MemoryBucket } from "./bucket.ts";
import type { Timeline } from "./timeline.ts";

/** What can go wrong with the pod of a drill; its node, image or network, and what it restores. */
export interface DrillTrouble {
  readonly start?: "unschedulable" | "no image" | "no start" | "no API server image" | "etcd ended";
  /** How long its node pulls the image of a container, which nothing there has used before. */
  readonly pullMs?: Readonly<Record<string, number>>;
  /** What curl ends with. */
  readonly curl?: number;
  /** What the store answers. */
  readonly http?: string;
  /** The last line of the tool that restores. */
  readonly restore?: string;
  readonly etcd?: string;
  readonly apiServer?: "ends" | "silent" | "cannot decrypt";
  readonly hashKV?: number;
  readonly lostKey?: true;
  /** It lists keys for ever. */
  readonly endlessKeys?: true;
  /** Bytes that are fetched in place of those that were proven. */
  readonly fetched?: Buffer;
  /** Its node dies when this script runs. */
  readonly diesAt?: string;
}

const restoreMs = 700;
const startMs = 400;
const scheduledMs = 1_500;
/** How long the course waits for what is delivered, as its script says. */
const deliveryMs = 300_000;

/** The pod of a drill as its commands see it, told apart by the names of their scripts. Nothing of it is written down. */
export class DrillPods {
  trouble: DrillTrouble = {};
  /** How long the fetch takes. */
  curlMs = 900;
  /** Whatever went into the memory of a pod, as it came. */
  readonly delivered: string[] = [];
  readonly #timeline: Timeline;
  readonly #objects: ObjectStore;
  readonly #bucket: MemoryBucket;
  readonly #pods = new Map<string, DrillPod>();

  constructor(timeline: Timeline, objects: ObjectStore, bucket: MemoryBucket) {
    this.#timeline = timeline;
    this.#objects = objects;
    this.#bucket = bucket;
  }

  /** A kubelet takes the pod and ends it at its deadline, or a scheduler does not take it. */
  start(pod: JsonObject): void {
    const uid = stringAt(pod, "metadata", "uid") ?? "";
    const { start } = this.trouble;
    const running = { state: { running: {} } };
    const waiting = (reason: string): JsonObject => ({
      state: { waiting: { reason, message: `${reason} of the image` } },
    });
    const status = (etcd: JsonObject, apiServer: JsonObject): JsonObject => ({
      phase: "Running",
      containerStatuses: [
        { name: "etcd", ...etcd },
        { name: "kube-apiserver", ...apiServer },
      ],
    });
    const unschedulable = {
      phase: "Pending",
      conditions: [{ type: "PodScheduled", status: "False", message: "0/3 nodes are available" }],
    };
    const wanted = {
      unschedulable,
      "no image": status(waiting("ImagePullBackOff"), running),
      "no start": status(waiting("CreateContainerConfigError"), running),
      "etcd ended": status({ state: { terminated: { exitCode: 1 } } }, waiting("ContainerCreating")),
      "no API server image": status(running, waiting("RunContainerError")),
    };
    const drillPod = new DrillPod(this.#timeline, this, { bucket: this.#bucket, scripts: scriptsOf(pod) });
    this.#pods.set(uid, drillPod);
    const limitSeconds = numberAt(pod, "spec", "activeDeadlineSeconds") ?? 0;
    this.#timeline.after(limitSeconds * 1000, () => {
      this.#pods.delete(uid);
      this.#setStatus(uid, { phase: "Failed", reason: "DeadlineExceeded" });
    });
    this.#timeline.after(scheduledMs, () => {
      if (start === undefined) this.#startInOrder(uid, pod, drillPod);
      else this.#setStatus(uid, wanted[start]);
    });
  }

  /** As a kubelet does: one container after the other, in the order of the manifest, each once its image is there. */
  #startInOrder(uid: string, pod: JsonObject, drillPod: DrillPod): void {
    const names = listAt(pod, "spec", "containers").map((container) => stringAt(container, "name") ?? "");
    let inMs = 0;
    for (const [index, name] of names.entries()) {
      const show = (): void => {
        const containerStatuses = names.map((each, at) => ({
          name: each,
          state: at <= index ? { running: {} } : { waiting: { reason: "ContainerCreating", message: "" } },
        }));
        this.#setStatus(uid, { phase: "Running", containerStatuses });
        if (name === "etcd") drillPod.begin();
      };
      inMs += this.trouble.pullMs?.[name] ?? 0;
      if (inMs === 0) show();
      else this.#timeline.after(inMs, show);
    }
  }

  async run(pod: JsonObject, argv: readonly string[], input: Buffer): Promise<ExecResult> {
    const uid = stringAt(pod, "metadata", "uid") ?? "";
    const [script = "", ...values] = argv.slice(3);
    if (this.trouble.diesAt === script) {
      this.#setStatus(uid, { phase: "Failed", reason: "NodeLost" });
      throw new ActionError("exec-failed", "container not found");
    }
    const output = await this.#pods.get(uid)?.run(script, values, input);
    if (output === undefined) return { exitCode: 1, stdout: Buffer.alloc(0), stderr: `${script}: not found` };
    return { exitCode: 0, stdout: Buffer.from(output), stderr: "" };
  }

  endApiServer(): void {
    for (const pod of this.#objects.list("pods", undefined))
      if (this.#pods.has(stringAt(pod, "metadata", "uid") ?? ""))
        this.#setStatus(stringAt(pod, "metadata", "uid") ?? "", {
          phase: "Running",
          containerStatuses: [
            { name: "etcd", state: { running: {} } },
            { name: "kube-apiserver", state: { terminated: { exitCode: 127, message: "starting\nunknown flag" } } },
          ],
        });
  }

  #setStatus(uid: string, status: JsonObject): void {
    const found = this.#objects.list("pods", undefined).find((pod) => stringAt(pod, "metadata", "uid") === uid);
    const [namespace, name] = [stringAt(found, "metadata", "namespace"), stringAt(found, "metadata", "name")];
    if (namespace !== undefined && name !== undefined)
      this.#objects.patch("pods", namespace, name, { status }, { subresource: "status" });
  }
}

class DrillPod {
  readonly #timeline: Timeline;
  readonly #pods: DrillPods;
  readonly #bucket: MemoryBucket;
  readonly #scripts: readonly RestoreScript[];
  #progress = "1000 ready\n";
  #snapshot: Snapshot | undefined;
  #script: RestoreScript = "plain";
  #go = Promise.withResolvers<undefined>();
  #keys = "";
  #served = false;
  #delivered = false;

  constructor(
    timeline: Timeline,
    pods: DrillPods,
    { bucket, scripts }: { readonly bucket: MemoryBucket; readonly scripts: readonly RestoreScript[] },
  ) {
    this.#timeline = timeline;
    this.#pods = pods;
    this.#bucket = bucket;
    this.#scripts = scripts;
  }

  /** Its course begins, and waits for what is delivered. */
  begin(): void {
    this.#timeline.after(deliveryMs, () => {
      if (!this.#delivered) this.#note("failed delivery 0");
    });
  }

  async run(script: string, values: readonly string[], input: Buffer): Promise<string | undefined> {
    const { trouble } = this.#pods;
    switch (script) {
      case "deliver":
        this.#pods.delivered.push(input.toString());
        this.#delivered = true;
        void this.#course(/^url (\S+)$/m.exec(input.toString())?.[1] ?? "");
        return "";
      case "look":
        return this.#progress;
      case "ask":
        return this.#answer(Number(values[0]));
      case "list":
        if (trouble.endlessKeys) return `${String(Number.MAX_SAFE_INTEGER)}\n`;
        this.#keys = this.#listKeys();
        return `${String(this.#keys.length)}\n`;
      case "piece":
        if (trouble.endlessKeys) return "x".repeat(Number(values[2]));
        return this.#keys.slice(Number(values[1]), Number(values[1]) + Number(values[2]));
      case "next":
        this.#go.resolve(undefined);
        return "";
      case "serve":
        this.#served = trouble.start === undefined && trouble.apiServer !== "ends" && trouble.apiServer !== "silent";
        if (trouble.apiServer === "ends") this.#pods.endApiServer();
        return "";
      case "namespaces":
        await this.#timeline.sleep(200);
        return this.#served ? `{"kind":"NamespaceList","metadata":{},"items":[{}]}` : "";
      case "read":
        return input
          .toString()
          .split("\n")
          .filter((line) => line.startsWith("/"))
          .map(() => (trouble.apiServer === "cannot decrypt" ? "500\n" : "200\n"))
          .join("");
      default:
        return undefined;
    }
  }

  async #course(url: string): Promise<void> {
    const { trouble } = this.#pods;
    this.#note("fetching");
    await this.#timeline.sleep(this.#pods.curlMs);
    if (trouble.curl !== undefined) {
      this.#note(`failed curl ${String(trouble.curl)} `);
      return;
    }
    if (trouble.http !== undefined) {
      this.#note(`failed http ${trouble.http} `);
      return;
    }
    const signed = /"(.*)"/.exec(Buffer.from(url, "base64").toString())?.[1] ?? "";
    this.#snapshot = await readBytes(trouble.fetched ?? this.#bucket.readSigned(signed));
    for (const script of this.#scripts) {
      this.#script = script;
      this.#go = Promise.withResolvers<undefined>();
      this.#note(`restoring ${script}`);
      await this.#timeline.sleep(restoreMs);
      if (trouble.restore !== undefined) {
        this.#note(`failed restore 1 ${trouble.restore}`);
        return;
      }
      this.#note(`starting ${script}`);
      await this.#timeline.sleep(startMs);
      if (trouble.etcd !== undefined) {
        this.#note(`failed etcd 0 ${trouble.etcd}`);
        return;
      }
      this.#note(`answers ${script}`);
      await this.#go.promise;
    }
  }

  #note(text: string): void {
    this.#progress += `${String(this.#timeline.nowMs())} ${text}\n`;
  }

  #answer(asked: number): string {
    const { revision, hashKV } = this.#snapshot?.prediction[this.#script] ?? { revision: 0, hashKV: 0 };
    const { clusterId, memberIds } = predictMember(this.#script, "clusters-example");
    const id = (hex = ""): string => BigInt(`0x${hex}`).toString();
    const header = `"header":{"cluster_id":${id(clusterId)},"member_id":${id(memberIds[0])},"revision":${String(revision)}}`;
    const hash = this.#pods.trouble.hashKV ?? hashKV;
    return [
      `endpoint [{"Status":{${header},"version":"3.5.21"}}]`,
      `member {${header},"members":[{"ID":${id(memberIds[0])}}]}`,
      asked === revision ? `hash [{"HashKV":{"hash":${String(hash)},"compact_revision":1}}]` : "hash ",
      "",
    ].join("\n");
  }

  /** Keys of the resources that the snapshot has, as many of each; their names are made up. */
  #listKeys(): string {
    const keys = Object.entries(this.#snapshot?.resources ?? {}).flatMap(([resource, { keys: count }]) =>
      Array.from({ length: count }, (_, index) => nameKey(resource, String(index))),
    );
    if (this.#pods.trouble.lostKey === true) keys.pop();
    return keys.map((key) => `${key}\n\n`).join("");
  }
}

function nameKey(resource: string, name: string): string {
  const path = resource.startsWith("openshift.io/") ? `/${resource}` : `/kubernetes.io/${resource}`;
  const key = resource === "namespaces" ? `${path}/${name}` : `${path}/default/${name}`;
  if (resourceOf(key) !== resource) throw new Error(`no key of ${resource} is known here`);
  return key;
}

/** The scripts that the container of a pod was told. */
function scriptsOf(pod: JsonObject): readonly RestoreScript[] {
  const etcd = listAt(pod, "spec", "containers").find((container) => stringAt(container, "name") === "etcd");
  return listAt(etcd, "command").filter((word): word is RestoreScript => word === "plain" || word === "bumped");
}
