import { at, numberAt } from "../../src/json-path.ts";
import type { LoggedRequest } from "../world/management-cluster/request-log.ts";
import type { StoreRequest } from "../world/object-store/request-log.ts";

/** True for what changes the cluster: trials and questions about access do not. */
export function isChange({ verb, resource, dryRun }: LoggedRequest): boolean {
  return !["get", "list", "watch"].includes(verb) && !dryRun && resource !== "selfsubjectaccessreviews";
}

/** True for what changes objects in the store: an upload that is made, refused to be completed, and aborted does not. */
export function isStoreChange({ operation, status = 0 }: StoreRequest): boolean {
  if (operation === "CompleteMultipartUpload" && status >= 400) return false;
  return ["PutObject", "CompleteMultipartUpload", "UploadPart", "DeleteObject", "DeleteObjects"].includes(operation);
}

export function isScaleDown(request: LoggedRequest): boolean {
  return isScale(request) && numberAt(request.body, "spec", "replicas") === 0;
}

export function isScaleUp(request: LoggedRequest): boolean {
  return isScale(request) && numberAt(request.body, "spec", "replicas") !== 0;
}

/** Sets, moves or takes away the pause. */
export function isPause(request: LoggedRequest): boolean {
  return isChange(request) && request.resource === "hostedclusters" && at(request.body, "spec") !== undefined;
}

/** The exec that starts `etcdctl snapshot save`. */
export function isSave({ argv = [] }: LoggedRequest): boolean {
  return argv.includes("start") && argv.includes("etcdctl");
}

function isScale(request: LoggedRequest): boolean {
  return isChange(request) && request.resource === "deployments/scale";
}

/** Of an exec the name of its script: inspect, look, save, result, part, remove. */
export function scriptOf(argv: readonly string[] = []): string | undefined {
  return argv[argv.lastIndexOf("-c") + 2];
}
