import type { ObjectRef } from "../ports.ts";

/** Why the keys of these Secrets have to be saved, in one sentence. */
export function tellUnsealed(secrets: readonly ObjectRef[]): string {
  const names = secrets.map(({ namespace, name }) => `${namespace}/${name}`);
  const [subject, verb] = names.length > 1 ? ["Secrets", "are"] : ["Secret", "is"];
  return (
    `save the key of ${subject} ${names.join(" and ")}: the ${subject} ${verb} deleted with the hosted cluster, ` +
    "and without the key the Secrets in the snapshot are lost; set key-recipients, and each backup seals it beside the snapshot"
  );
}

/** The commands that save the keys of Secrets, one a line. */
export function renderSaveCommands(secrets: readonly ObjectRef[]): readonly string[] {
  return [
    "umask 077",
    ...secrets.flatMap(({ namespace, name }) => [
      `oc get secret -n ${namespace} ${name} -o jsonpath='{.data.key}' > ${name}.key`,
      `age -r AGE_RECIPIENT -o ${name}.key.age ${name}.key && rm ${name}.key`,
    ]),
  ];
}
