import { stringAt } from "../../../src/json-path.ts";
import type { ApiAnswer } from "./api.ts";
import { objectAt, type JsonObject } from "./json.ts";
import type { ObjectStore } from "./objects.ts";
import { parseBody, type RequestBody } from "./patch-body.ts";
import type { ApiRequest } from "./request.ts";
import { ApiError, badRequest, methodNotAllowed, notFound } from "./status.ts";
import { resourceOf } from "./resources.ts";

/** Makes a pod that no kubelet takes, or removes one. Throws ApiError. */
export function answerPod(request: ApiRequest, body: RequestBody, store: ObjectStore): ApiAnswer {
  if (request.verb === "create" && request.name === undefined) return createPod(request, body, store);
  if (request.verb === "delete" && request.name !== undefined) return deletePod(request, body, store);
  throw methodNotAllowed();
}

function createPod({ namespace = "", dryRun }: ApiRequest, body: RequestBody, store: ObjectStore): ApiAnswer {
  const pod = parseBody(body.text);
  const name = stringAt(pod, "metadata", "name");
  if (name === undefined || stringAt(pod, "metadata", "namespace") !== namespace)
    throw badRequest("the namespace of the provided object does not match the namespace sent on the request");
  if (store.find("namespaces", "", namespace) === undefined) throw notFound(resourceOf("namespaces"), namespace);
  if (store.find("pods", namespace, name) !== undefined)
    throw new ApiError(409, "AlreadyExists", `pods "${name}" already exists`, { name, kind: "pods" });
  if (dryRun) return { status: 201, body: pod };
  const created: JsonObject = {
    metadata: objectAt(pod, "metadata"),
    spec: objectAt(pod, "spec"),
    status: { phase: "Pending" },
  };
  return { status: 201, body: store.create("pods", created) };
}

/** A pod that no node has is gone at once, whatever grace it has. */
function deletePod({ namespace = "", name = "" }: ApiRequest, body: RequestBody, store: ObjectStore): ApiAnswer {
  const pod = store.get("pods", namespace, name);
  const options = body.text === "" ? {} : parseBody(body.text);
  const wanted = stringAt(options, "preconditions", "uid");
  const uid = stringAt(pod, "metadata", "uid") ?? "";
  if (wanted !== undefined && wanted !== uid)
    throw new ApiError(
      409,
      "Conflict",
      `Operation cannot be fulfilled on Pod "${name}": the UID in the precondition (${wanted}) does not match the UID in record (${uid}). The object might have been deleted and then recreated`,
      { name, kind: "Pod" },
    );
  store.remove("pods", namespace, name);
  return { status: 200, body: pod };
}
