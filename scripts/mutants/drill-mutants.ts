import { memory, onCluster, type Mutant } from "./mutant.ts";

const course = "drill/drill";
const eachFault =
  "every fault has a code of its own, leaves no pod, no secret and no result, and the living cluster as it was";

/** Mistakes of a drill, which changes nothing but its own pod. */
export const drillMutants: readonly Mutant[] = [
  onCluster(
    "nothing leaks",
    "the pod of a drill stays",
    () => () => ({ deletePod: () => Promise.resolve() }),
    memory(
      course,
      "a runner that dies at any request of a drill leaves the living cluster as it was, and the post step removes the pod",
    ),
  ),
  {
    breaks: "I5",
    name: "a drill does not look for a hold that is taken meanwhile",
    module: "src/drill/living-cluster.ts",
    exported: "readFree",
    change: () => (): Promise<undefined> => Promise.resolve(undefined),
    killer: memory(course, "beside others a hold that is taken meanwhile ends the drill"),
  },
  {
    breaks: "restorable",
    name: "whatever the restored etcd answers is believed",
    module: "src/drill/etcd-answers.ts",
    exported: "refuseOtherAnswers",
    change: () => (): void => undefined,
    killer: memory(course, `${eachFault} etcd has another hash: drill-differs`),
  },
];
