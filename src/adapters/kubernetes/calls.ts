import { ActionError } from "../../errors.ts";
import { stringAt } from "../../json-path.ts";
import type { ObjectRef } from "../../ports.ts";
import { describeApiError, isAbsent, oddAnswer, renderCall, type ApiCall } from "./errors.ts";
import { pathOf } from "./object-path.ts";

/** Sends a request about one object, and reads the object that it answers. */
export async function call<Answer, T>(
  asked: ApiCall & ObjectRef,
  parse: (answer: Answer) => T,
  send: (path: ObjectRef) => Promise<Answer>,
  objectOf: (answer: Answer) => unknown = (answer) => answer,
): Promise<T> {
  const path = pathOf(asked);
  const answer = await request(asked, () => send(path));
  // An object without fields would look like a cluster without a pause, or a deployment without replicas.
  if (stringAt(objectOf(answer), "metadata", "name") !== asked.name) throw oddAnswer(renderCall(asked));
  return parse(answer);
}

export async function find<Answer, T>(
  resource: string,
  ref: ObjectRef,
  parse: (answer: Answer) => T,
  send: (path: ObjectRef) => Promise<Answer>,
  objectOf?: (answer: Answer) => unknown,
): Promise<T | undefined> {
  try {
    return await call({ verb: "get", resource, ...ref }, parse, send, objectOf);
  } catch (error) {
    if (error instanceof ActionError && isAbsent(error.cause, ref.name)) return undefined;
    throw error;
  }
}

export async function request<T>(asked: ApiCall, send: () => Promise<T>): Promise<T> {
  try {
    return await send();
  } catch (error) {
    throw describeApiError(error, asked);
  }
}
