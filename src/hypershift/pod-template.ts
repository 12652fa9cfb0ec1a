import { at, listAt, numberAt, stringAt, textsAt } from "../json-path.ts";

/** A container of a pod template, as far as another pod is made after it. */
export interface ContainerTemplate {
  readonly name: string;
  readonly image: string;
  readonly command: readonly string[];
  readonly args: readonly string[];
}

/** As the API has it. */
export interface Toleration {
  readonly key?: string;
  readonly operator?: string;
  readonly value?: string;
  readonly effect?: string;
  readonly tolerationSeconds?: number;
}

/** The template of a Deployment's or StatefulSet's pods: which programs they run, where, and as which user. */
export interface PodTemplate {
  readonly initContainers: readonly ContainerTemplate[];
  readonly containers: readonly ContainerTemplate[];
  readonly nodeSelector: Readonly<Record<string, string>>;
  readonly tolerations: readonly Toleration[];
  /** Absent on OpenShift, which gives each namespace users of its own. */
  readonly user: { readonly runAsUser?: number; readonly runAsGroup?: number; readonly fsGroup?: number };
}

export function parsePodTemplate(template: unknown): PodTemplate {
  const spec = at(template, "spec");
  const id = (field: string): Readonly<Record<string, number>> => {
    const value = numberAt(spec, "securityContext", field);
    return value === undefined ? {} : { [field]: value };
  };
  return {
    initContainers: listAt(spec, "initContainers").map(parseContainer),
    containers: listAt(spec, "containers").map(parseContainer),
    nodeSelector: textsAt(spec, "nodeSelector"),
    tolerations: listAt(spec, "tolerations").map(parseToleration),
    user: { ...id("runAsUser"), ...id("runAsGroup"), ...id("fsGroup") },
  };
}

function parseContainer(container: unknown): ContainerTemplate {
  const words = (field: string): readonly string[] =>
    listAt(container, field).filter((word): word is string => typeof word === "string");
  return {
    name: stringAt(container, "name") ?? "",
    image: stringAt(container, "image") ?? "",
    command: words("command"),
    args: words("args"),
  };
}

function parseToleration(toleration: unknown): Toleration {
  const seconds = numberAt(toleration, "tolerationSeconds");
  const { key, operator, value, effect } = textsAt({ toleration }, "toleration");
  return {
    ...(key === undefined ? {} : { key }),
    ...(operator === undefined ? {} : { operator }),
    ...(value === undefined ? {} : { value }),
    ...(effect === undefined ? {} : { effect }),
    ...(seconds === undefined ? {} : { tolerationSeconds: seconds }),
  };
}
